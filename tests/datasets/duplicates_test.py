"""Images that are there more than once."""

import warnings

import numpy as np
import pytest

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.duplicates import find_duplicates
from keras_attention.datasets.duplicates import warn_of_copies
from keras_attention.datasets.splits import split


def pixels(count=4, shape=(6, 8, 3)):
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (count, *shape)).astype("uint8")


def test_duplicates_within_and_between():
    images = pixels(5)
    images[3] = images[0]
    first = from_arrays(images, [0, 1, 0, 1, 0], names="abcde")
    second = from_arrays(images[[1, 0]], [0, 1], names="xy")
    groups = find_duplicates(first, second)
    assert [[o.name for o in group] for group in groups] == [
        ["a", "d", "y"],
        ["b", "x"],
    ]
    assert groups[0][2] == (1, 1, "y")
    assert find_duplicates(second) == []
    # The same bytes in another shape are another picture.
    turned = images[:1].reshape(1, 8, 6, 3)
    flat = from_arrays(turned, [0], class_names=("0", "1"))
    assert find_duplicates(second, flat) == []


def test_a_copy_in_another_part_is_warned_of():
    images = pixels(5)
    images[1] = images[0]
    train = from_arrays(images[:3], [0, 1, 0], names="abc")
    test = from_arrays(images[[3, 2]], [0, 1], names="xy")
    words = r"1 image of one part .*'c' of part 0 is 'y' of part 1"
    with pytest.warns(UserWarning, match=words):
        warn_of_copies(train, test)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_copies(train)  # copies within a part tell a test nothing
        warn_of_copies(train, test[[0]])


def test_split_warns_of_copies():
    images = pixels(40)
    labels = np.arange(40) % 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        split(from_arrays(images, labels))
    images[2:] = images[:1]
    with pytest.warns(UserWarning, match="found in another, pixel for pixel"):
        split(from_arrays(images, labels))
