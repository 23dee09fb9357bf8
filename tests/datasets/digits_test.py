import subprocess
import sys

import numpy as np
import pytest

from keras_attention.datasets import digits
from keras_attention.datasets.digits import generate
from keras_attention.datasets.digits import pool
from keras_attention.datasets.digits_settings import DigitsSettings
from keras_attention.datasets.info import ROLES


def examples(split="train", count=20, **settings):
    return list(generate(DigitsSettings(**{split: count}, **settings), split))


def same(first, second):
    return all(np.array_equal(first[key], second[key]) for key in first)


def test_an_example_depends_on_seed_split_and_index_alone():
    many = examples(count=20)
    few = examples(count=5)
    assert all(same(*pair) for pair in zip(many, few, strict=False))
    assert not same(few[0], few[1])
    assert not same(few[0], examples(count=1, seed=1)[0])
    assert not same(few[0], examples("test", count=1)[0])


def test_no_digit_image_is_in_two_splits():
    seen = [{image.tobytes() for image in pool(split)[0]} for split in ROLES]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 1797
    for split in ROLES:
        labels = pool(split)[1]
        assert np.all(np.bincount(labels, minlength=10) >= 0.08 * len(labels))


@pytest.mark.parametrize("colour", [False, True])
def test_mask_boxes_labels_and_caption_agree(colour):
    settings = dict(canvas=(64, 96), digits=3, scale=(2, 3), colour=colour)
    for example in examples(**settings):
        image, mask = example["image"], example["mask"]
        assert image.shape == (64, 96, 3 if colour else 1)
        assert image.dtype == mask.dtype == np.uint8
        assert mask.shape == (64, 96, 1)
        assert example["boxes"].dtype == np.float32
        painted = np.zeros_like(mask)
        pixels = np.rint(example["boxes"] * (64, 96, 64, 96)).astype(int)
        for top, left, bottom, right in pixels:
            assert 16 <= bottom - top == right - left <= 24
            # Boxes that overlapped would paint a pixel twice.
            painted[top:bottom, left:right] += 1
        np.testing.assert_array_equal(painted, mask)
        assert example["label"] == example["labels"][0]
        assert example["labels"].shape == (3,)
        phrases = example["caption"].replace(" and ", ", ").split(", ")
        for label, phrase in zip(example["labels"], phrases, strict=True):
            assert phrase.startswith(digits.WORDS[label] + " at the ")


def test_captions_say_where_and_boxes_are_in_reading_order():
    for example in examples(digits=2, canvas=64):
        centres = (example["boxes"][:, :2] + example["boxes"][:, 2:]) / 2
        rows, columns = (centres.T * 3).astype(int)
        places = example["caption"].split(" and ")
        for row, column, place in zip(rows, columns, places, strict=True):
            assert place.endswith("at the " + digits.PLACES[row][column])
        keys = list(zip(rows, example["boxes"][:, 1], strict=True))
        assert keys == sorted(keys)


def test_without_clutter_only_the_digit_is_there():
    for example in examples(fragments=0):
        image, mask = example["image"], example["mask"]
        assert image[mask == 0].max() == 0
        assert image[mask == 1].max() > 200


def test_the_digit_in_the_box_is_of_its_class():
    images, targets = pool("train")
    for example in examples(fragments=0, scale=(1, 1), fragment_size=4):
        top, left = np.argwhere(example["mask"][..., 0])[0]
        patch = example["image"][top : top + 8, left : left + 8, 0] / 255
        distances = np.abs(images - patch).max(axis=(1, 2))
        assert distances.min() < 0.01
        assert targets[distances.argmin()] == example["label"]


def test_colours_differ_and_the_ground_is_dark():
    image = examples(count=1, colour=True)[0]["image"]
    assert np.median(image) < 40
    assert (image.max(axis=-1) - image.min(axis=-1)).max() > 60


def test_a_full_canvas_is_filled_without_overlap():
    for example in examples(digits=9, count=3):
        assert example["mask"].all()


@pytest.mark.parametrize(
    "name, settings",
    [
        ("canvas", dict(canvas=0)),
        ("canvas", dict(canvas=(1, 2, 3))),
        ("canvas", dict(canvas=(48, 2.5))),
        ("digits", dict(digits=0)),
        ("digits", dict(digits=10)),
        ("scale", dict(scale=(3, 2))),
        ("scale", dict(scale=(0.5, 2))),
        ("scale", dict(scale=(2, 7))),
        ("fragments", dict(fragments=-1)),
        ("fragment_size", dict(fragment_size=16)),
        ("fragment_size", dict(fragment_size=0)),
        ("colour", dict(colour="red")),
        ("train", dict(train=-5)),
        ("test", dict(test=0)),
        ("seed", dict(seed=-1)),
    ],
)
def test_bad_settings_name_the_argument(name, settings):
    with pytest.raises(ValueError, match=f"argument {name}:"):
        DigitsSettings(**settings)


def test_unknown_split():
    with pytest.raises(ValueError, match="split"):
        next(generate(DigitsSettings(), "training"))


def test_slugs_tell_settings_apart():
    changes = [
        dict(),
        dict(canvas=49),
        dict(canvas=(48, 49)),
        dict(digits=2),
        dict(scale=(1.9, 2.0)),
        dict(fragments=5),
        dict(fragment_size=7),
        dict(colour=True),
        dict(train=4),
        dict(validation=4),
        dict(test=4),
        dict(seed=1),
    ]
    slugs = {DigitsSettings(**change).slug() for change in changes}
    assert len(slugs) == len(changes)
    assert DigitsSettings(canvas=(48, 48)).slug() in slugs


def test_the_generator_imports_no_tfds():
    script = (
        "import importlib.util, sys, types\n"
        "for name in ('keras_attention', 'keras_attention.datasets'):\n"
        "    sys.modules[name] = types.ModuleType(name)\n"
        "root = sys.argv[1]\n"
        "sys.modules['keras_attention'].__path__ = [root]\n"
        "sys.modules['keras_attention.datasets'].__path__ = "
        "[root + '/datasets']\n"
        "from keras_attention.datasets.digits import generate\n"
        "from keras_attention.datasets.digits_settings import *\n"
        "next(generate(DigitsSettings(), 'train'))\n"
        "assert not {'tensorflow', 'tensorflow_datasets'} "
        "& set(sys.modules)\n"
    )
    root = digits.__file__.rsplit("/datasets/", 1)[0]
    subprocess.run([sys.executable, "-c", script, root], check=True)
