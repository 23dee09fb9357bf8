"""Pascal VOC's XML files."""

import pathlib
import xml.etree.ElementTree as ElementTree

from keras_attention.datasets.formats.annotations import Annotation
from keras_attention.datasets.formats.annotations import examples_of


def from_voc(path, images, size=None, class_names=None, channels=3,
             cache="auto"):  # fmt: skip
    """Reads the objects of a folder of VOC's files, and their images.

    A box of theirs has the pixels `xmin` to `xmax`, counted from 1; here it
    ends where the next pixel begins. A box may lie outside its image by a
    pixel, and is clipped.

    Args:
        path: str or path, folder of the XML files.
        images: str or path, folder of the images.
        size: int or tuple `(height, width)` the images are stretched to;
            `None` if they have one size already. Defaults to `None`.
        class_names: list of str or `None`; `None` takes those that occur,
            sorted. Defaults to `None`.
        channels: int, 3 or 1. Defaults to `3`.
        cache: str or `None`, as for `from_table`. Defaults to `"auto"`.

    Returns:
        An `Examples`, multi-label, with `boxes` and `box_labels`.

    Raises:
        ValueError: For whatever is wrong, naming the images; see `from_coco`.

    Example:

    ```python
    train = datasets.from_voc("Annotations", "JPEGImages", size=320)
    ```
    """
    annotations = []
    for file in sorted(pathlib.Path(path).glob("*.xml")):
        try:
            root = ElementTree.parse(file).getroot()
            objects = [
                (each.findtext("name"), *_box(each.find("bndbox")))
                for each in root.iter("object")
            ]
            sides = [
                int(root.findtext(f"size/{s}")) for s in ("height", "width")
            ]
        except (
            ElementTree.ParseError,
            AttributeError,
            TypeError,
            ValueError,
        ) as error:
            raise ValueError(
                f"{file} is no annotation of VOC: {error}"
            ) from error
        annotations.append(
            Annotation(
                pathlib.Path(images, root.findtext("filename")),
                [box for _, *box in objects],
                [name for name, *_ in objects],
                tuple(sides),
            )
        )
    if class_names is None:
        class_names = sorted({n for each in annotations for n in each.labels})
    numbers = {name: index for index, name in enumerate(class_names)}
    for each in annotations:
        each.labels = [numbers.get(name, name) for name in each.labels]
    return examples_of(annotations, path, class_names, size, channels, cache)


def _box(element):
    left, top, right, bottom = (
        float(element.findtext(key)) for key in ("xmin", "ymin", "xmax", "ymax")
    )
    return top - 1, left - 1, bottom, right
