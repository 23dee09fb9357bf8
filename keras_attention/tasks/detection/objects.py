"""The objects of images: padded for `fit`, and found in outputs."""

import numpy as np
from keras import ops
from scipy.special import expit

from keras_attention.internals.arguments import invalid
from keras_attention.tasks.detection.boxes import areas
from keras_attention.tasks.detection.boxes import non_max_suppression

# Boxes that were divided by the image's sides miss 1 by so much.
_ROUNDING = 1e-3


def pad_objects(boxes, labels, max_objects=None):
    """Objects of images as arrays of one size, what `fit` and `mAP` take.

    Args:
        boxes: list of arrays `(objects, 4)`, `(ymin, xmin, ymax, xmax)` as
            shares of the image; an image may have none.
        labels: list of int arrays `(objects,)`.
        max_objects: int or `None`, size of the arrays; `None` takes what the
            fullest image needs. Defaults to `None`.

    Returns:
        A dict of `boxes`, float32 `(images, max_objects, 4)`, and `labels`,
        int32 `(images, max_objects)`, padded with -1.

    Raises:
        ValueError: If numbers of boxes and labels differ, if an image has
            more than `max_objects`, and for boxes that end before they begin
            or lie outside of the image, as boxes in pixels do.

    Example:

    >>> pad_objects([[[0, 0, 1, 1]], []], [[3], []])["labels"].tolist()
    [[3], [-1]]
    """
    counts = [len(of_image) for of_image in labels]
    if counts != [len(of_image) for of_image in boxes]:
        raise ValueError(
            "pad_objects takes as many labels as boxes, of every image. "
            f"Received: {[len(b) for b in boxes]} boxes, {counts} labels"
        )
    # One at least: nothing can be taken from an axis of size 0.
    size = max_objects or max([1, *counts])
    padded = {
        "boxes": np.full((len(boxes), size, 4), -1, "float32"),
        "labels": np.full((len(boxes), size), -1, "int32"),
    }
    for image, count in enumerate(counts):
        if count > size:
            expected = f"at least the {count} objects of image {image}"
            raise ValueError(invalid("max_objects", max_objects, expected))
        found = np.reshape(boxes[image], (count, 4)).astype("float32")
        if not np.all(found[:, 2:] > found[:, :2]):
            raise ValueError(
                f"A box of image {image} is not (ymin, xmin, ymax, xmax) with "
                f"an area. Received: {found.tolist()}"
            )
        if np.any(np.abs(found - 0.5) > 0.5 + _ROUNDING):
            raise ValueError(
                f"A box of image {image} lies outside of it; boxes are shares "
                f"of the image. Received: {found.tolist()}"
            )
        padded["boxes"][image, :count] = found
        padded["labels"][image, :count] = labels[image]
    return padded


def exist(objects):
    """Which of padded objects are some: `(batch, objects)`, bool.

    Neither padding nor what augmentation has moved out of its image, which
    leaves a box of zeros.
    """
    is_class = ops.convert_to_tensor(objects["labels"]) >= 0
    return ops.logical_and(is_class, areas(objects["boxes"]) > 0)


def find_objects(
    outputs, score_threshold=0.05, iou_threshold=0.5, max_detections=100
):
    """What a detector has found, in the form of the objects of images.

    Args:
        outputs: dict of arrays, a detector's `logits`
            `(images, boxes, classes)` and `boxes` `(images, boxes, 4)`.
        score_threshold: float, probability below which nothing is found.
            Defaults to `0.05`.
        iou_threshold: float, as in `non_max_suppression`. Defaults to `0.5`.
        max_detections: int, how many are kept at most, an image. Defaults to
            `100`.

    Returns:
        A dict of `boxes` `(images, found, 4)`, `labels` and `scores`
        `(images, found)`, the highest score first, padded with -1.

    Raises:
        ValueError: If outputs are not finite, naming the images.
    """
    logits, boxes = (np.asarray(outputs[key]) for key in ("logits", "boxes"))
    expect_finite(logits=logits, boxes=boxes)
    boxes = np.clip(boxes, 0, 1)
    found = []
    for probabilities, candidates in zip(expit(logits), boxes, strict=True):
        places, labels = np.nonzero(probabilities > score_threshold)
        scores = probabilities[places, labels]
        # No more than ten times as many compete as may stay.
        best = np.argsort(-scores, kind="stable")[: 10 * max_detections]
        places, labels, scores = places[best], labels[best], scores[best]
        kept = non_max_suppression(
            candidates[places], scores, labels, iou_threshold, max_detections
        )
        found.append((candidates[places[kept]], labels[kept], scores[kept]))
    size = max([1, *(len(scores) for _, _, scores in found)])
    padded = {
        "boxes": np.full((len(found), size, 4), -1, "float32"),
        "labels": np.full((len(found), size), -1, "int32"),
        "scores": np.full((len(found), size), -1, "float32"),
    }
    for image, of_image in enumerate(found):
        for values, value in zip(padded.values(), of_image, strict=True):
            values[image, : len(value)] = value
    return padded


def expect_finite(**arrays):
    """Raises for NaN and infinities, and names their images.

    Args:
        **arrays: by what they are, `(images, ...)`.
    """
    for name, array in arrays.items():
        axes = tuple(range(1, np.ndim(array)))
        bad = np.flatnonzero(~np.isfinite(array).all(axis=axes))
        if len(bad):
            raise ValueError(
                f"The predicted {name} of image {bad[0]} are not finite"
                f" ({len(bad)} of {len(array)} images in all). A lower "
                "learning rate or clipnorm= in the optimizer may help."
            )
