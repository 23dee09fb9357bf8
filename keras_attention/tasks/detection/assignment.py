"""Which prediction answers for which object.

Both ways return int32 `(batch, predictions)`, the index of an object, or -1
of a prediction that should find nothing.
"""

import numpy as np
from keras import ops
from scipy.optimize import linear_sum_assignment

from keras_attention.internals.host_call import host_call
from keras_attention.tasks.detection.boxes import areas
from keras_attention.tasks.detection.boxes import generalized_iou
from keras_attention.tasks.detection.boxes import to_centres
from keras_attention.tasks.detection.objects import exist

# Of an object that is no candidate; areas are at most 1.
_NOBODY = 2.0


def by_cells(objects, cells, radius=1.5, cells_an_object=4.0):
    """The cells around the centre of an object, on the level of its size.

    The level is the one on which its longer side is nearest to
    `cells_an_object` cells, by their ratio: every object has one, whatever
    the size of the image. A cell that is near several objects answers for
    the smallest.

    Args:
        objects: dict of `boxes` `(batch, objects, 4)` and `labels`.
        cells: tensor `(batch, predictions, 4)`, centres and sides, as
            `CellBoxes` gives them.
        radius: float, largest distance of a cell from the centre, in cells;
            inside of the box, but for the cell that the centre lies in.
            Defaults to `1.5`.
        cells_an_object: float, see above. Defaults to `4.0`.

    Returns:
        int32 `(batch, predictions)`.
    """
    boxes = ops.expand_dims(to_centres(objects["boxes"]), 1)  # (b, 1, m, 4)
    cells = ops.expand_dims(cells, 2)  # (b, n, 1, 4)
    sides = ops.maximum(boxes[..., 2:] / cells[..., 2:], 1e-6)  # (b, n, m, 2)
    misfit = ops.abs(ops.log(ops.max(sides, axis=-1) / cells_an_object))
    on_level = misfit <= ops.min(misfit, axis=1, keepdims=True) + 1e-3
    distance = ops.abs(boxes[..., :2] - cells[..., :2]) / cells[..., 2:]
    is_near = ops.all(distance <= ops.clip(sides / 2, 0.5, radius), axis=-1)
    exists = ops.expand_dims(exist(objects), 1)
    candidate = ops.logical_and(ops.logical_and(is_near, on_level), exists)
    size = ops.expand_dims(areas(objects["boxes"]), 1)
    size = ops.where(candidate, size, _NOBODY)  # (b, n, m)
    matches = ops.cast(ops.argmin(size, axis=-1), "int32")
    return ops.where(ops.min(size, axis=-1) < _NOBODY, matches, -1)


def by_matching(objects, outputs, weights):
    """One prediction for every object, so that their costs are least.

    Their sum is minimised over all pairs (Kuhn's Hungarian method, solved by
    scipy outside of the graph). A prediction and an object cost

    `-w_class p(class) + w_l1 |b - b'|_1 - w_giou GIoU(b, b')`

    with boxes by centre and sides in the second term. A cost that is not
    finite counts as the worst.

    Args:
        objects: dict of `boxes` `(batch, objects, 4)` and `labels`.
        outputs: dict of `logits` `(batch, predictions, classes)` and `boxes`
            `(batch, predictions, 4)`.
        weights: tuple, `w_class`, `w_giou` and `w_l1`.

    Returns:
        int32 `(batch, predictions)`.

    Raises:
        ValueError: If an image has more objects than there are predictions;
            in a compiled step the backend's own error has its message.

    Reference:
        Carion et al.: End-to-End Object Detection with Transformers. ECCV
        2020.
    """
    class_weight, giou_weight, l1_weight = weights
    costs = class_weight * _class_costs(objects["labels"], outputs["logits"])
    found = ops.expand_dims(outputs["boxes"], 2)  # (b, n, 1, 4)
    boxes = ops.expand_dims(objects["boxes"], 1)  # (b, 1, m, 4)
    costs = costs - giou_weight * generalized_iou(found, boxes)
    costs = costs + l1_weight * l1_distance(found, boxes)
    shape = outputs["logits"].shape[:2]
    return host_call(_solved, shape, "int32", costs, exist(objects))


def l1_distance(boxes, others):
    """Sum of absolute differences of centres and sides, `(...)`."""
    difference = to_centres(boxes) - to_centres(others)
    return ops.sum(ops.abs(difference), axis=-1)


def one_hot_labels(labels, classes):
    """`(..., classes)`, zeros of padding and of labels that are no class."""
    # PyTorch refuses what is no class.
    numbers = ops.arange(classes, dtype="int32")
    return ops.cast(ops.equal(ops.expand_dims(labels, -1), numbers), "float32")


def _class_costs(labels, logits):
    """`-p` of each object's class, `(batch, predictions, objects)`."""
    one_hot = one_hot_labels(labels, logits.shape[-1])
    return -ops.einsum("bnk,bmk->bnm", ops.sigmoid(logits), one_hot)


def _solved(costs, exists):
    """Matches of one image after the other, in NumPy."""
    matches = np.full(costs.shape[:2], -1, "int32")
    for image, (cost, there) in enumerate(zip(costs, exists, strict=True)):
        objects = np.flatnonzero(there)
        if len(objects) > len(cost):
            raise ValueError(
                f"Every object needs a query of its own. Received: image "
                f"{image} of the batch with {len(objects)} objects, and "
                f"num_queries={len(cost)}"
            )
        cost = np.nan_to_num(cost[:, objects], nan=1e6, posinf=1e6, neginf=1e6)
        predictions, chosen = linear_sum_assignment(cost)
        matches[image, predictions] = objects[chosen]
    return matches
