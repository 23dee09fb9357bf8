"""Images that are there more than once."""

import numpy as np

from keras_attention.datasets.arrays import from_arrays
from keras_attention.datasets.duplicates import find_duplicates


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
