"""Boxes, checked before a loss meets them."""

import numpy as np

# Boxes that were divided by the image's sides miss 1 by rounding.
ROUNDING = 1e-5


def check_boxes(boxes, problems):
    """Float32 arrays `(objects, 4)` of boxes in the image, corners in order.

    What lies outside by rounding is clipped.
    """
    checked = []
    for row, values in enumerate(boxes):
        try:
            found = np.asarray(values, "float64")
        except (TypeError, ValueError):
            problems.at(row, "the boxes are no numbers (objects, 4)")
            found = np.zeros(0)
        if found.size == 0:
            found = found.reshape(0, 4)
        if found.ndim != 2 or found.shape[1] != 4:
            problems.at(
                row, f"the boxes have shape {found.shape}, not (objects, 4)"
            )
            found = np.zeros((0, 4))
        for index, box in enumerate(found):
            fault = box_fault(box)
            if fault:
                text = ", ".join(map(str, box.round(4).tolist()))
                problems.at(row, f"box {index} ({text}) {fault}")
        checked.append(np.clip(found, 0, 1).astype("float32"))
    return checked


def box_fault(box):
    """What is wrong with a box, in words that go on after it, or `""`."""
    if not np.all(np.isfinite(box)):
        return "is not finite"
    if np.any(box < -ROUNDING) or np.any(box > 1 + ROUNDING):
        return "lies outside the image; boxes are shares of it"
    if np.any(box[2:] < box[:2]):
        return "ends before it begins; a box is (ymin, xmin, ymax, xmax)"
    if np.any(np.clip(box[2:], 0, 1) <= np.clip(box[:2], 0, 1)):
        return "has no area"
    return ""
