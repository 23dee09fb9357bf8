"""Data in every form that a trial takes, as images and labels."""

import keras_tuner
import numpy as np
import pytest

from keras_attention.datasets import Examples
from keras_attention.datasets import batches
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
