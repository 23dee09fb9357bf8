"""YOLO's text files."""

import pathlib

from keras_attention.datasets.formats.annotations import Annotation
from keras_attention.datasets.formats.annotations import examples_of

_IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".webp")


def from_yolo(path, images, class_names, size=None, channels=3, cache="auto"):
    """Reads the objects of a folder of YOLO's files, and all images.

    A line is `class x y width height`, the box by its centre, as shares of the
    image. An image without a file has no objects.

    Args:
        path: str or path, folder of the text files.
        images: str or path, folder of the images.
        class_names: list of str, by number.
        size: int or tuple `(height, width)` the images are stretched to;
            `None` if they have one size already. Defaults to `None`.
        channels: int, 3 or 1. Defaults to `3`.
        cache: str or `None`, as for `from_table`. Defaults to `"auto"`.

    Returns:
        An `Examples`, multi-label, with `boxes` and `box_labels`.

    Raises:
        ValueError: For whatever is wrong, naming the images; see `from_coco`;
            and for text files without an image.

    Example:

    ```python
    train = datasets.from_yolo("labels", "images", ["cat", "dog"], size=320)
    ```
    """
    files = {
        file.stem: file
        for file in sorted(pathlib.Path(images).iterdir())
        if file.suffix.lower() in _IMAGES
    }
    annotations = {
        stem: Annotation(file, [], []) for stem, file in files.items()
    }
    for file in sorted(pathlib.Path(path).glob("*.txt")):
        if file.stem not in annotations:
            raise ValueError(f"{file} has no image {file.stem} in {images}.")
        found = annotations[file.stem]
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            if not line.strip():
                continue
            try:
                label, x, y, width, height = line.split()
                x, y, width, height = map(float, (x, y, width, height))
                found.labels.append(int(label))
            except ValueError as error:
                raise ValueError(
                    f"{file}, line {number}: expected class x y width height. "
                    f"Received: {line!r}"
                ) from error
            low, high = (
                (y - height / 2, x - width / 2),
                (y + height / 2, x + width / 2),
            )
            found.boxes.append((*low, *high))
    return examples_of(
        annotations.values(), path, class_names, size, channels, cache
    )
