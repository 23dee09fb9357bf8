"""Boxes: their corners and centres, how much two overlap, which to keep.

A box is `(ymin, xmin, ymax, xmax)`, its corners as shares of the image, as
everywhere in `keras_attention.datasets`, or `(y, x, height, width)` by its
centre. Everything is computed in float32: in half precision the areas of
small boxes are 0. Overlap is the same in shares as in pixels.
"""

import numpy as np
from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import at_least_float32
from keras_attention.ops import or_one


def to_centres(corners):
    """Centres and sides `(y, x, height, width)` of boxes.

    Args:
        corners: tensor `(..., 4)`, `(ymin, xmin, ymax, xmax)`.

    Returns:
        `(..., 4)`, float32.
    """
    low, high = _corners(corners)
    return ops.concatenate([(low + high) / 2, high - low], axis=-1)


def to_corners(centres):
    """Corners `(ymin, xmin, ymax, xmax)` of boxes.

    Args:
        centres: tensor `(..., 4)`, `(y, x, height, width)`.

    Returns:
        `(..., 4)`, float32.
    """
    centre, side = _corners(centres)
    return ops.concatenate([centre - side / 2, centre + side / 2], axis=-1)


def areas(boxes):
    """Areas; 0 of a box that ends before it begins.

    Args:
        boxes: tensor `(..., 4)`, `(ymin, xmin, ymax, xmax)`.

    Returns:
        `(...)`, float32.
    """
    low, high = _corners(boxes)
    return ops.prod(ops.maximum(high - low, 0.0), axis=-1)


def iou(boxes, others):
    """Intersection over union; 0 of two boxes without an area.

    Args:
        boxes: tensor `(..., 4)`.
        others: tensor `(..., 4)` that broadcasts with `boxes`: all pairs are
            `iou(boxes[:, None], others[None])`.

    Returns:
        `(...)` in `[0, 1]`, float32.

    Example:

    >>> float(iou([0.0, 0.0, 1.0, 0.5], [0.0, 0.25, 1.0, 1.0]))
    0.25
    """
    intersection, union, _ = _overlap(boxes, others)
    return intersection / or_one(union)


def generalized_iou(boxes, others):
    """`IoU - (hull - union) / hull`, which boxes that are apart can follow.

    The hull is the smallest box around both.

    Args:
        boxes: tensor `(..., 4)`.
        others: tensor `(..., 4)` that broadcasts with `boxes`.

    Returns:
        `(...)` in `[-1, 1]`, float32.

    Example:

    >>> float(generalized_iou([0.0, 0.0, 1.0, 0.25], [0.0, 0.75, 1.0, 1.0]))
    -0.5

    Reference:
        Rezatofighi et al.: Generalized Intersection over Union. CVPR 2019.
    """
    intersection, union, hull = _overlap(boxes, others)
    return intersection / or_one(union) - (hull - union) / or_one(hull)


def non_max_suppression(
    boxes, scores, labels, iou_threshold=0.5, max_detections=100
):
    """Which boxes to keep: the best, and none that overlaps it, and so on.

    In NumPy: what is kept has no shape that a graph could know.

    Args:
        boxes: array `(boxes, 4)`.
        scores: array `(boxes,)`.
        labels: int array `(boxes,)`; boxes of two classes may overlap.
        iou_threshold: float, the IoU from above which the lower score goes;
            `1.0` keeps all. Defaults to `0.5`.
        max_detections: int, how many to keep at most. Defaults to `100`.

    Returns:
        int array of indices, the highest score first.

    Example:

    >>> boxes = [[0, 0, 1, 0.5], [0, 0, 1, 0.4], [0, 0.5, 1, 1]]
    >>> non_max_suppression(boxes, [0.8, 0.9, 0.7], [0, 0, 0]).tolist()
    [1, 2]
    """
    arguments.positive_int("max_detections", max_detections)
    boxes, labels = np.asarray(boxes, "float32"), np.asarray(labels)
    order = np.argsort(-np.asarray(scores), kind="stable")
    if iou_threshold >= 1:
        return order[:max_detections]
    boxes, labels = boxes[order], labels[order]
    kept, free = [], np.ones(len(order), bool)
    while len(kept) < max_detections and free.any():
        best = np.argmax(free)
        kept.append(best)
        rivals = _iou_of_one(boxes[best], boxes) > iou_threshold
        free &= ~rivals | (labels != labels[best])
        free[best] = False
    return order[kept]


def _iou_of_one(box, others):
    """`iou` in NumPy: all pairs of 1,000 candidates would take 20 ms."""
    low, high = (f(box, others) for f in (np.maximum, np.minimum))
    inside = np.maximum(high[:, 2:] - low[:, :2], 0).prod(-1)
    sizes = np.maximum(others[:, 2:] - others[:, :2], 0).prod(-1)
    size = np.maximum(box[2:] - box[:2], 0).prod()
    return inside / np.maximum(sizes + size - inside, 1e-12)


def _corners(boxes):
    boxes = at_least_float32(ops.convert_to_tensor(boxes))
    return boxes[..., :2], boxes[..., 2:]


def _overlap(boxes, others):
    """Areas of the intersection, of the union and of the hull."""
    (low, high), (low2, high2) = _corners(boxes), _corners(others)
    inside = ops.minimum(high, high2) - ops.maximum(low, low2)
    around = ops.maximum(high, high2) - ops.minimum(low, low2)
    intersection = ops.prod(ops.maximum(inside, 0.0), axis=-1)
    union = areas(boxes) + areas(others) - intersection
    return intersection, union, ops.prod(ops.maximum(around, 0.0), axis=-1)
