"""Average precision as a function of which images are looked at.

A bootstrap measures it a thousand times on images drawn again. What is right
and what is wrong in an image is the same in every draw, so it is decided once:
`faster-coco-eval` would decide it again every time.
"""

import numpy as np
from keras import ops

from keras_attention.tasks.detection.boxes import iou
from keras_attention.tasks.detection.objects import exist
from keras_attention.tasks.detection.objects import expect_finite

_AT_MOST = 100  # detections of a class in an image, as COCO counts
_SHARES = np.linspace(0, 1, 101)


def map50_of_images(objects, detections):
    """`map50` of `mean_average_precision`, for any draw of the images.

    Args:
        objects: dict of arrays, `boxes` `(images, objects, 4)` and `labels`
            `(images, objects)`, as for `mean_average_precision`, without
            `crowd`.
        detections: dict of arrays, `boxes` `(images, found, 4)`, `labels` and
            `scores` `(images, found)`.

    Returns:
        A function of an int array, the images that are drawn, each as often
        as it stands there. It returns the mean average precision at IoU .5,
        NaN if none of them has an object.

    Raises:
        ValueError: If images differ in number, for objects with `crowd`, and
            for predictions that are not finite, naming their image.

    Example:

    >>> from keras_attention import metrics
    >>> from keras_attention.tasks import detection
    >>> objects = detection.pad_objects([[[0, 0, 1, 1]]] * 4, [[0]] * 4)
    >>> found = {**objects, "scores": np.ones((4, 1))}
    >>> found["labels"] = np.array([[0], [0], [0], [-1]])
    >>> map50 = detection.map50_of_images(objects, found)
    >>> round(map50(np.arange(4)), 2)
    0.75
    >>> low, high = metrics.bootstrap_interval(map50, np.arange(4))
    >>> round(low, 2), round(high, 2)
    (0.26, 1.0)

    See also:
        `keras_attention.metrics.bootstrap_interval`, which draws.
    """
    count = len(objects["labels"])
    if len(detections["labels"]) != count or "crowd" in objects:
        raise ValueError(
            f"map50_of_images takes detections of {count} images, and no "
            f"crowds. Received: detections of {len(detections['labels'])}, "
            f"objects with {', '.join(sorted(objects))}"
        )
    expect_finite(boxes=detections["boxes"], scores=detections["scores"])
    there = ops.convert_to_numpy(exist(objects))
    labels = np.asarray(objects["labels"])
    curves = []
    for label in np.unique(labels[there]):
        own = there & (labels == label)
        found = [
            _judged(
                objects["boxes"][image][own[image]], detections, image, label
            )
            for image in range(count)
        ]
        scores = np.concatenate([scores for scores, _ in found])
        right = np.concatenate([right for _, right in found])
        images = np.repeat(np.arange(count), [len(r) for _, r in found])
        order = np.argsort(-scores, kind="stable")
        curves.append((own.sum(1), images[order], right[order]))

    def measure(images):
        times = np.bincount(images, minlength=count)
        values = [_average_precision(times, *curve) for curve in curves]
        values = [value for value in values if value == value]
        return float(np.mean(values)) if values else float("nan")

    return measure


def _judged(boxes, detections, image, label):
    """Scores of a class in an image, the best first, and which are right."""
    own = np.flatnonzero(np.asarray(detections["labels"][image]) == label)
    scores = np.asarray(detections["scores"][image], "float64")[own]
    order = np.argsort(-scores, kind="stable")[:_AT_MOST]
    own, scores = own[order], scores[order]
    right, free = np.zeros(len(own), bool), np.ones(len(boxes), bool)
    if len(own) and len(boxes):
        candidates = np.asarray(detections["boxes"][image])[own]
        pairs = iou(candidates[:, None], np.asarray(boxes)[None])
        for index, overlaps in enumerate(ops.convert_to_numpy(pairs)):
            overlaps = np.where(free, overlaps, -1.0)
            best = np.argmax(overlaps)
            right[index] = overlaps[best] >= 0.5
            free[best] &= not right[index]
    return scores, right


def _average_precision(times, counts, images, right):
    """Of a class, with every image `times` there."""
    objects = (times * counts).sum()
    if not objects:
        return float("nan")
    weights = times[images]
    hits = np.cumsum(weights * right)
    precision = hits / np.maximum(np.cumsum(weights), 1)
    # The best precision at which as much or more is found.
    precision = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(hits / objects, _SHARES)
    return np.append(precision, 0.0)[places].mean()
