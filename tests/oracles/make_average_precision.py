"""Writes `average_precision.npz`: the precision of `pycocotools`.

    python tests/oracles/make_average_precision.py

Made with Python 3.11, NumPy 2.4 and pycocotools 2.0.11. Random objects of four
classes, one of which is nowhere, in images of 480x640 pixels, some of them
crowds, one image without any; and what was found: near them, elsewhere, of
another class and several times. `objects/<key>` and `detections/<key>` are the
arguments of `mean_average_precision`, `stats` the first six of `COCOeval` and
`per_class` its average precision of each class.
"""

import contextlib
import io
import pathlib

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

IMAGES, OBJECTS, FOUND, CLASSES = 24, 8, 20, 4
SIZE = np.array([480, 640, 480, 640])


def drawn(rng):
    """Objects and detections, padded with -1."""
    there = rng.random((IMAGES, OBJECTS)) < 0.7
    there[3] = False
    middle = rng.uniform(0.2, 0.8, (IMAGES, OBJECTS, 2))
    # From 13 to 250 pixels: all of COCO's sizes.
    half = np.exp(rng.uniform(-4.3, -1.7, (IMAGES, OBJECTS, 2)))
    boxes = np.concatenate([middle - half, middle + half], -1)
    labels = np.where(there, rng.integers(0, CLASSES - 1, there.shape), -1)
    crowd = ((rng.random(there.shape) < 0.1) & there).astype("int64")
    source = rng.integers(0, OBJECTS, (IMAGES, FOUND))
    rows = np.arange(IMAGES)[:, None]
    scale = half[rows, source].repeat(2, -1)
    near = boxes[rows, source] + rng.normal(0, 0.15, (*source.shape, 4)) * scale
    other = rng.random(source.shape) < 0.15
    seen = np.where(
        other, rng.integers(0, CLASSES, source.shape), labels[rows, source]
    )
    # Two digits: some scores are equal.
    scores = np.where(seen < 0, -1, rng.random(source.shape).round(2))
    objects = {"boxes": boxes, "labels": labels, "crowd": crowd}
    return objects, {"boxes": near, "labels": seen, "scores": scores}


def annotations(arrays):
    """COCO's dicts, `x, y, width, height` in pixels, ids from 1 on."""
    found = []
    for image, index in np.argwhere(arrays["labels"] >= 0):
        top, left, bottom, right = arrays["boxes"][image, index] * SIZE
        width, height = right - left, bottom - top
        annotation = {
            "id": len(found) + 1,
            "image_id": int(image),
            "category_id": int(arrays["labels"][image, index]),
            "bbox": [left, top, width, height],
            "area": width * height,
            "iscrowd": int(
                arrays.get("crowd", 0 * arrays["labels"])[image, index]
            ),
        }
        if "scores" in arrays:
            annotation["score"] = float(arrays["scores"][image, index])
        found.append(annotation)
    return found


def main():
    """Writes the fixture beside this file."""
    objects, detections = drawn(np.random.default_rng(0))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": image} for image in range(IMAGES)],
            "categories": [{"id": number} for number in range(CLASSES)],
            "annotations": annotations(objects),
        }
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(annotations(detections)), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    precision = judge.eval["precision"][:, :, :, 0, -1]
    arrays = {
        "stats": judge.stats[:6],
        "per_class": precision.mean((0, 1)),  # -1 of a class that is nowhere
        **{f"objects/{key}": value for key, value in objects.items()},
        **{f"detections/{key}": value for key, value in detections.items()},
    }
    path = pathlib.Path(__file__).with_name("average_precision.npz")
    np.savez_compressed(path, **arrays)


if __name__ == "__main__":
    main()
