"""COCO's JSON files."""

import json
import pathlib

from keras_attention.datasets.formats.annotations import Annotation
from keras_attention.datasets.formats.annotations import examples_of


def from_coco(path, images, size=None, channels=3, cache="auto"):
    """Reads the objects of a COCO file, and its images.

    Categories are the classes, in the order of their ids. Crowds, which are
    no single objects, are left out. A box may lie outside its image by a
    pixel, and is clipped.

    Args:
        path: str or path, the JSON file, with `images`, `annotations` and
            `categories`.
        images: str or path, folder of the images.
        size: int or tuple `(height, width)` the images are stretched to;
            `None` if they have one size already. Defaults to `None`.
        channels: int, 3 or 1. Defaults to `3`.
        cache: str or `None`, as for `from_table`. Defaults to `"auto"`.

    Returns:
        An `Examples`, multi-label, with `boxes` and `box_labels`.

    Raises:
        ValueError: For whatever is wrong, naming the images: files that are
            missing or of another size than is told, unknown categories and
            images, boxes outside their image or without an area.

    Example:

    ```python
    train = datasets.from_coco("instances_train.json", "photos", size=320)
    ```
    """
    content = json.loads(pathlib.Path(path).read_text("utf-8"))
    missing = {"images", "annotations", "categories"} - {*content}
    if missing:
        raise ValueError(
            f"{path} is no COCO file: it has no {', '.join(sorted(missing))}."
        )
    categories = sorted(content["categories"], key=lambda each: each["id"])
    numbers = {each["id"]: index for index, each in enumerate(categories)}
    annotations = {
        image["id"]: Annotation(
            pathlib.Path(images, image["file_name"]),
            [],
            [],
            (image["height"], image["width"]),
        )
        for image in content["images"]
    }
    for each in content["annotations"]:
        if each["image_id"] not in annotations:
            raise ValueError(
                f"{path}: annotation {each.get('id')} is about the image "
                f"{each['image_id']}, which is not among the images."
            )
        if each.get("iscrowd"):
            continue
        left, top, width, height = each["bbox"]
        found = annotations[each["image_id"]]
        found.boxes.append((top, left, top + height, left + width))
        category = each["category_id"]
        found.labels.append(numbers.get(category, f"with id {category}"))
    names = [each["name"] for each in categories]
    return examples_of(annotations.values(), path, names, size, channels, cache)
