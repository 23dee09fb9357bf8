import dataclasses

import keras
import numpy as np
import pytest

from keras_attention.datasets.augmentation import Augmentation

SIZE = (40, 56)
# Rows 10 to 20, columns 24 to 36, far enough from the border to stay inside.
BOX = np.array([10 / 40, 24 / 56, 20 / 40, 36 / 56], "float32")
COUNT = 24


def square(channels=1):
    """A bright square, its mask, its box and a padding box."""
    images = np.zeros((COUNT, *SIZE, channels), "uint8")
    images[:, 10:20, 24:36] = 200
    boxes = np.zeros((COUNT, 2, 4), "float32")
    boxes[:, 0] = BOX
    mask = (images[..., :1] > 0).astype("uint8")
    return {"image": images, "mask": mask, "boxes": boxes, "label": "kept"}


def noise(channels=3, size=SIZE):
    rng = np.random.default_rng(0)
    shape = (COUNT, *size, channels)
    return rng.integers(0, 256, shape).astype("uint8")


def extent(plane):
    rows, columns = np.nonzero(plane)
    ends = rows.min(), columns.min(), rows.max() + 1, columns.max() + 1
    return np.array(ends) / (SIZE * 2)


def overlap(one, two):
    low, high = np.maximum(one[:2], two[:2]), np.minimum(one[2:], two[2:])
    both = np.prod(np.maximum(high - low, 0))
    areas = sum(np.prod(box[2:] - box[:2]) for box in (one, two))
    return both / (areas - both)


MOVES = [
    dict(flip="horizontal"),
    dict(flip="vertical"),
    dict(flip="both"),
    dict(rotation=20),
    dict(rotation=180),
    dict(translation=0.15),
    dict(zoom=0.3),
    dict(crop=6),
    dict(flip="both", rotation=15, translation=0.1, zoom=0.2, crop=2),
]


@pytest.mark.parametrize("settings", MOVES, ids=str)
def test_mask_and_box_follow_the_object(settings):
    elements = square()
    moved = Augmentation(**settings)(elements, 0, range(COUNT))
    places = set()
    for image, mask, boxes in zip(
        moved["image"], moved["mask"], moved["boxes"], strict=True
    ):
        bright = image[..., 0] > 100
        both = (bright & (mask[..., 0] == 1)).sum()
        either = (bright | (mask[..., 0] == 1)).sum()
        assert both / either > 0.85
        assert overlap(extent(bright), boxes[0]) > 0.8
        assert overlap(extent(mask[..., 0]), boxes[0]) > 0.8
        assert not boxes[1].any()
        places.add(tuple(boxes[0].round(3)))
    # They do move.
    assert len(places) >= (4 if settings == dict(flip="both") else 2)
    assert moved["label"] == "kept"
    assert moved["mask"].dtype == moved["image"].dtype == np.uint8
    assert moved["boxes"].dtype == np.float32
    assert set(np.unique(moved["mask"])) == {0, 1}


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_nothing_asked_is_nothing_changed(channels):
    elements = {**square(), "image": noise(channels)}
    same = Augmentation()(elements, 3, range(COUNT))
    for name, values in elements.items():
        np.testing.assert_array_equal(same[name], values)
        # An identity that is resampled, too.
        tiny = Augmentation(rotation=1e-9)(elements, 3, range(COUNT))
        if name != "boxes":
            np.testing.assert_array_equal(tiny[name], values)
    np.testing.assert_allclose(tiny["boxes"], elements["boxes"], atol=1e-6)


def test_a_batch_is_not_changed_in_place():
    elements = {**square(), "image": noise()}
    copies = {name: np.copy(values) for name, values in elements.items()}
    augment = Augmentation("both", 30, 0.2, 0.2, 3, 0.2, 0.2)
    augment(elements, 0, range(COUNT))
    for name, values in elements.items():
        np.testing.assert_array_equal(values, copies[name])


def test_flips_are_exact_and_half_of_all():
    images = noise(size=(8, 9))
    moved = Augmentation(flip="both")({"image": images}, 0, range(COUNT))
    kinds = []
    for image, other in zip(images, moved["image"], strict=True):
        views = [image, image[::-1], image[:, ::-1], image[::-1, ::-1]]
        kinds.append([np.array_equal(view, other) for view in views].index(1))
    assert np.bincount(kinds, minlength=4).min() > 1
    one = {"image": images[:1].repeat(2000, axis=0)}
    flipped = Augmentation(flip="horizontal")(one, 0, range(2000))["image"]
    share = np.mean(np.any(flipped != images[0], axis=(1, 2, 3)))
    assert abs(share - 0.5) < 0.05


def test_crop_is_padding_and_a_window():
    images = noise()
    moved = Augmentation(crop=3)({"image": images}, 0, range(COUNT))["image"]
    padded = np.pad(images, ((0, 0), (3, 3), (3, 3), (0, 0)))
    offsets = set()
    for index, image in enumerate(moved):
        found = [
            (top, left)
            for top in range(7)
            for left in range(7)
            if np.array_equal(
                padded[index, top : top + SIZE[0], left : left + SIZE[1]], image
            )
        ]
        assert len(found) == 1
        offsets |= {*found}
    tops, lefts = np.array(list(offsets)).T
    assert min(*tops, *lefts) == 0 and max(*tops, *lefts) == 6


def test_a_quarter_turn_is_that_of_numpy():
    image = noise(size=(16, 16))[:1]
    augment = Augmentation(rotation=90)
    largest = np.full((1, 10), np.nextafter(1, 0))
    object.__setattr__(augment, "_draw", lambda epoch, positions: largest)
    boxes = np.array([[[0, 0, 0.25, 0.5]]], "float32")
    moved = augment({"image": image, "boxes": boxes}, 0, [0])
    turns = [np.rot90(image[0], k) for k in (1, 3)]
    matches = [np.array_equal(moved["image"][0], turn) for turn in turns]
    assert sum(matches) == 1
    expected = ([0.5, 0, 1, 0.25], [0, 0.75, 0.5, 1])[matches.index(True)]
    np.testing.assert_allclose(moved["boxes"][0, 0], expected, atol=1e-6)


def test_colours_keep_their_range_and_place():
    elements = {**square(3), "image": noise()}
    augment = Augmentation(brightness=0.5, contrast=0.5)
    moved = augment(elements, 0, range(COUNT))
    assert moved["image"].dtype == np.uint8
    assert moved["image"].min() == 0 and moved["image"].max() == 255
    np.testing.assert_array_equal(moved["mask"], elements["mask"])
    np.testing.assert_array_equal(moved["boxes"], elements["boxes"])
    means = moved["image"].mean(axis=(1, 2, 3)) - 127.5
    assert means.min() < -60 and means.max() > 60


def test_contrast_keeps_the_mean_and_brightness_the_distances():
    grey = np.full((COUNT, 8, 8, 2), 100, "uint8")
    grey[:, :4, :, 0], grey[:, :4, :, 1] = 120, 60
    contrast = Augmentation(contrast=0.4)({"image": grey}, 0, range(COUNT))
    means = contrast["image"].mean(axis=(1, 2))
    np.testing.assert_allclose(means, [[110, 80]] * COUNT, atol=0.51)
    spread = np.ptp(contrast["image"].astype(int), axis=(1, 2)) / [20, 40]
    assert spread.min() < 0.75 and spread.max() > 1.25
    bright = Augmentation(brightness=0.2)({"image": grey}, 0, range(COUNT))
    added = bright["image"].astype(int) - grey
    np.testing.assert_array_equal(np.ptp(added, axis=(1, 2, 3)), 0)
    assert added.min() < -40 and added.max() > 40


def test_the_surroundings_stay_black_however_bright():
    white = {"image": np.full((COUNT, *SIZE, 1), 255, "uint8")}
    settings = dict(brightness=0.9, rotation=45, zoom=0.5)
    corners = Augmentation(**settings)(white, 0, range(COUNT))["image"]
    small = np.any(corners[:, [0, 0, -1, -1], [0, -1, 0, -1]] == 0, axis=(1, 2))
    assert small.mean() > 0.5


def test_what_leaves_the_image_becomes_padding():
    elements = square()
    elements["boxes"][:, 1] = [0, 0, 0.02, 0.02]  # in the corner
    moved = Augmentation(translation=0.5)(elements, 0, range(COUNT))["boxes"]
    assert moved.min() >= 0 and moved.max() <= 1
    gone = ~moved[:, 1].any(axis=-1)
    assert 0 < gone.sum() < COUNT
    there = moved[:, 1][~gone]
    assert np.all(there[:, 2:] > there[:, :2])


@pytest.mark.parametrize("extra", [{}, dict(rotation=10)])
def test_changes_are_those_of_seed_epoch_and_position(extra):
    images = noise()[:1].repeat(COUNT, axis=0)
    augment = Augmentation(flip="both", crop=5, brightness=0.2, **extra)

    def run(epoch, positions, augment=augment):
        count = len(positions)
        return augment({"image": images[:count]}, epoch, positions)["image"]

    whole = run(2, range(COUNT))
    keras.utils.set_random_seed(9)
    np.random.default_rng(0).random()
    for parts in (8, 6, 1):
        pieces = np.array_split(np.arange(COUNT), parts)
        again = [run(2, piece) for piece in reversed(pieces)]
        np.testing.assert_array_equal(np.concatenate(again[::-1]), whole)
    assert len({image.tobytes() for image in whole}) == COUNT
    assert not np.array_equal(run(3, range(COUNT)), whole)
    other = dataclasses.replace(augment, seed=1)
    assert not np.array_equal(run(2, range(COUNT), other), whole)


def test_one_more_change_leaves_the_others():
    images = noise()
    crop = dict(crop=5, flip="horizontal")
    without = Augmentation(**crop)({"image": images}, 0, range(COUNT))
    moved = Augmentation(zoom=1e-9, **crop)({"image": images}, 0, range(COUNT))
    # The same through Pillow as through slices.
    np.testing.assert_array_equal(without["image"], moved["image"])


@pytest.mark.parametrize(
    "name, value",
    [
        ("flip", "diagonal"),
        ("flip", True),
        ("rotation", -1),
        ("rotation", 181),
        ("rotation", float("nan")),
        ("rotation", "90"),
        ("translation", 1),
        ("zoom", 1.0),
        ("crop", 2.5),
        ("crop", -1),
        ("brightness", -0.1),
        ("contrast", 1.5),
        ("seed", -1),
    ],
)
def test_bad_arguments_are_named(name, value):
    with pytest.raises(ValueError, match=f"argument {name}:"):
        Augmentation(**{name: value})


def test_bad_images_are_named():
    with pytest.raises(ValueError, match="image: expected uint8"):
        Augmentation()({"image": np.zeros((1, 8, 8, 1), "float32")}, 0, [0])
    with pytest.raises(ValueError, match="crop: .* smaller than"):
        Augmentation(crop=8)({"image": np.zeros((1, 8, 9, 1), "uint8")}, 0, [0])
