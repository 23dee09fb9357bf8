"""What is written about images becomes `Examples`, or is refused."""

import dataclasses
import pathlib

import numpy as np

from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import assemble
from keras_attention.datasets.boxes import check_boxes
from keras_attention.datasets.opening import size_of
from keras_attention.datasets.problems import Problems

# Pixels that a box may lie outside of its image by: programs round.
_OVERSHOOT = 1.0


@dataclasses.dataclass
class Annotation:
    """An image file, and the objects in it.

    Attributes:
        file: path, of the image.
        boxes: list of `(ymin, xmin, ymax, xmax)`, in pixels, or as shares if
            `size` is `None`.
        labels: list of int, or of what is no class, which is refused.
        size: tuple, height and width that the annotations are about, or
            `None`.
    """

    file: pathlib.Path
    boxes: list
    labels: list
    size: tuple | None = None


def examples_of(annotations, source, class_names, size, channels, cache):
    """`Examples` with `boxes`, `box_labels`, and the classes of each image.

    Images become `size` by stretching, in which boxes as shares stay what
    they are.
    """
    annotations = sorted(annotations, key=lambda each: str(each.file))
    names = tuple(str(each.file) for each in annotations)
    problems = Problems(str(source), names)
    if not annotations:
        problems.add("there is no image")
    boxes = []
    labels = np.zeros((len(annotations), len(class_names)), "float32")
    for row, each in enumerate(annotations):
        boxes.append(_shares(row, each, problems))
        for label in each.labels:
            if isinstance(label, int) and 0 <= label < len(class_names):
                labels[row, label] = 1
            else:
                known = ", ".join(map(str, class_names))
                problems.at(row, f"the class {label!r} is none of {known}")
    boxes = check_boxes(boxes, problems)
    problems.raise_any()
    known = dict(
        labels=labels,
        class_names=tuple(map(str, class_names)),
        names=names,
        box_labels=[np.array(each.labels, "int64") for each in annotations],
    )
    reader = ReadImage(size, "stretch", channels)
    return assemble(names, None, boxes, reader, cache, problems, **known)


def _shares(row, annotation, problems):
    """Its boxes as shares of the image, of which the file tells the size."""
    try:
        found = size_of(annotation.file)
    except ValueError as error:
        problems.at(row, error)
        return []
    boxes = np.reshape(np.asarray(annotation.boxes, "float64"), (-1, 4))
    if annotation.size is None:
        return boxes
    if tuple(annotation.size) != found:
        told, seen = (" x ".join(map(str, s)) for s in (annotation.size, found))
        problems.at(row, f"the image is {seen}, its annotations say {told}")
        return []
    sides = np.tile(found, 2)
    inside = np.clip(boxes, 0, sides)
    # What lies further outside is left there, where it is refused.
    near = np.abs(boxes - inside) <= _OVERSHOOT
    return np.where(near, inside, boxes) / sides
