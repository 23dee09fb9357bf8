"""Data in every form that a trial takes, as images and labels."""

import keras_tuner
import numpy as np
import pytest

from keras_attention.datasets import Examples
from keras_attention.datasets import batches
from keras_attention.tuning.trial.data import divided
from keras_attention.tuning.trial.supervised import is_masked
from keras_attention.tuning.trial.supervised import supervised

IMAGES = np.zeros((4, 8, 8, 1), "uint8")
LABELS = np.arange(4) % 2


def examples():
    names = tuple(map(str, range(4)))
    return Examples(IMAGES, LABELS, ("a", "b"), names, masks=IMAGES)


@pytest.mark.parametrize(
    "data",
    [
        {"image": IMAGES, "label": LABELS, "mask": IMAGES},
        (IMAGES, LABELS),
        [IMAGES, LABELS],
    ],
)
def test_arrays_become_a_pair(data):
    images, labels = supervised(data)
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    assert is_masked(data) == isinstance(data, dict)


@pytest.mark.parametrize(
    "data, masked",
    [
        (examples(), False),
        (batches(examples(), 2, supervised=False), True),
        (batches(examples(), 2), False),
    ],
)
def test_batches_become_batches_of_pairs(data, masked):
    assert is_masked(data) == masked
    found = [np.asarray(labels) for _, labels in supervised(data)]
    np.testing.assert_array_equal(np.concatenate(found), LABELS)


def test_a_dictionary_without_labels():
    with pytest.raises(keras_tuner.errors.FatalValueError, match=r"'image'\]"):
        supervised({"image": IMAGES})


def test_outputs_are_divided_together():
    labels = {"size": np.arange(4) / 2, "kind": [0, 1, 0, 1]}
    data = {"image": np.arange(4), "label": labels, "weight": np.arange(4)}
    for train, validation in divided(data, 2, seed=0):
        for part in (train, validation):
            chosen = part["image"]
            np.testing.assert_array_equal(part["label"]["size"], chosen / 2)
            np.testing.assert_array_equal(part["label"]["kind"], chosen % 2)
            np.testing.assert_array_equal(part["weight"], chosen)
        assert {*train["image"], *validation["image"]} == {0, 1, 2, 3}
    # Numbers have no classes to be in proportion.
    numbers = np.array([0.5, 1.5, 2.5, 3.5])
    for train, _ in divided((np.arange(4), numbers), 2, seed=0):
        np.testing.assert_array_equal(train[1], train[0] + 0.5)
    regression = Examples(IMAGES, numbers.astype("float32"), (), tuple("abcd"))
    assert [len(part) for part in next(divided(regression, 2, 0))] == [2, 2]
