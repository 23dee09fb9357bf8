"""COCO, Pascal VOC and YOLO: one image, told three times."""

import json

import numpy as np
import pytest
from PIL import Image

from keras_attention import datasets

NAMES = ["cat", "dog"]
# In 40 x 20 pixels: (ymin, xmin, ymax, xmax) as shares.
BOXES = [[0.25, 0.5, 0.75, 1.0], [0.0, 0.0, 0.5, 0.25]]
XML = """<annotation><filename>{file}</filename><size><width>{width}</width>
<height>20</height></size>{objects}</annotation>"""
OBJECT = """<object><name>{}</name><bndbox><xmin>{}</xmin><ymin>{}</ymin>
<xmax>{}</xmax><ymax>{}</ymax></bndbox></object>"""


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (40, 20)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def coco(folder, photos, box=(20, 5, 20, 10), category=7, width=40, **more):
    content = {
        "images": [
            {"id": 3, "file_name": "a.png", "height": 20, "width": width},
            {"id": 1, "file_name": "b.png", "height": 20, "width": 40},
        ],
        "categories": [{"id": 9, "name": "dog"}, {"id": 7, "name": "cat"}],
        "annotations": [
            {"id": 1, "image_id": 3, "category_id": category, "bbox": box},
            {"id": 2, "image_id": 3, "category_id": 9, "bbox": [0, 0, 10, 10]},
            {
                **{"id": 4, "image_id": 1, "category_id": 9, "iscrowd": 1},
                "bbox": [0, 0, 40, 20],
            },
        ],
        **more,
    }
    (folder / "all.json").write_text(json.dumps(content))
    return datasets.from_coco(folder / "all.json", photos)


def voc(folder, photos, box=(21, 6, 40, 15), name="cat", width=40):
    (folder / "xml").mkdir()
    objects = OBJECT.format(name, *box) + OBJECT.format("dog", 1, 1, 10, 10)
    a = XML.format(file="a.png", width=width, objects=objects)
    (folder / "xml" / "a.xml").write_text(a)
    b = XML.format(file="b.png", width=40, objects="")
    (folder / "xml" / "b.xml").write_text(b)
    return datasets.from_voc(folder / "xml", photos, class_names=NAMES)


def yolo(folder, photos, line="0 0.75 0.5 0.5 0.5"):
    (folder / "text").mkdir()
    (folder / "text" / "a.txt").write_text(f"{line}\n1 .125 .25 .25 .5\n\n")
    return datasets.from_yolo(folder / "text", photos, NAMES)


@pytest.mark.parametrize("read", [coco, voc, yolo])
def test_the_same_objects(read, tmp_path, photos):
    examples = read(tmp_path, photos)
    assert examples.class_names == ("cat", "dog")
    assert [name[-5:] for name in examples.names] == ["a.png", "b.png"]
    np.testing.assert_allclose(examples.boxes[0], BOXES, atol=1e-6)
    assert examples.boxes[1].shape == (0, 4)  # a crowd at most
    assert [each.tolist() for each in examples.box_labels] == [[0, 1], []]
    assert examples.labels.tolist() == [[1, 1], [0, 0]]
    assert examples.images.shape == (2, 20, 40, 3)
    twice = datasets.concatenate(examples, examples[[1]])
    assert [len(each) for each in twice.box_labels] == [2, 0, 0]


@pytest.mark.parametrize(
    ("read", "options", "fault"),
    [
        (coco, {"category": 8}, "class 'with id 8' is none of cat, dog"),
        (coco, {"width": 41}, "the image is 20 x 40, its annotations say 20 x"),
        (coco, {"box": (20, 5, 30, 10)}, "outside the image"),
        (coco, {"box": (20, 5, 0, 10)}, "has no area"),
        (coco, {"box": (20, 5, -5, 10)}, "ends before it begins"),
        (coco, {"box": (float("nan"), 5, 5, 10)}, "is not finite"),
        (coco, {"images": []}, "annotation 1 is about the image 3"),
        (voc, {"name": "cow"}, "class 'cow' is none of cat, dog"),
        (voc, {"box": (6, 21, 15, 40)}, "outside the image"),
        (voc, {"box": ("?", 6, 40, 15)}, "a.xml is no annotation of VOC"),
        (yolo, {"line": "2 .5 .5 .5 .5"}, "the class 2 is none of cat, dog"),
        (yolo, {"line": "0 .5 .5 .5"}, "a.txt, line 1: expected class x y"),
        (yolo, {"line": "0 .1 .5 .5 .5"}, "outside the image"),
    ],
)
def test_what_is_wrong_is_named(read, options, fault, tmp_path, photos):
    with pytest.raises(ValueError, match=fault.replace("?", r"\?")):
        read(tmp_path, photos, **options)


def test_a_pixel_outside_is_clipped(tmp_path, photos):
    examples = coco(tmp_path, photos, box=(20, 5, 20.5, 10))
    np.testing.assert_allclose(examples.boxes[0][0], BOXES[0], atol=1e-6)


def test_images_that_are_missing(tmp_path, photos):
    (photos / "a.png").unlink()
    with pytest.raises(ValueError, match=r"a\.png: .*no file|a\.png"):
        coco(tmp_path, photos)
    with pytest.raises(ValueError, match=r"a\.txt has no image a"):
        yolo(tmp_path, photos)
