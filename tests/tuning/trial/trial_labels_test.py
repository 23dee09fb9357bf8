import keras
import keras_tuner
import numpy as np
import pytest

from keras_attention.datasets import Examples
from keras_attention.tuning.trial.labels import check_labels
from keras_attention.tuning.trial.labels import majority_share

X = np.zeros((3, 8, 8, 1), "float32")
ONE_HOT = np.eye(3)[[0, 1, 2]]


@pytest.mark.parametrize(
    "labels, words",
    [
        ([0, 1, 3], "classes=3 expects 0 to 2, but they go from 0 to 3"),
        ([-1, 0, 1], "from -1 to 1"),
        ([0, 0.5, 1], "whole numbers"),
        ([0, np.nan, 1], "from nan to nan"),
        (["cat", "dog", "cat"], "expected numbers.*np.unique"),
        (ONE_HOT, "argmax"),
        (None, "no labels in train"),
    ],
)
def test_labels_that_cannot_be_learned(labels, words):
    labels = labels if labels is None else np.array(labels)
    with pytest.raises(keras_tuner.errors.FatalValueError, match=words):
        check_labels("train", (X, labels), "index", 3)


@pytest.mark.parametrize("labels", [[0, 1, 2], [[0], [1], [2]], [0.0, 1.0, 0]])
def test_labels_that_can(labels):
    check_labels("train", (X, np.array(labels)), "index", 3)
    check_labels("train", [X, labels, np.ones(3)], "index", 3)
    check_labels("train", (X, keras.ops.array(labels)), "index", 3)
    check_labels("train", {"image": X, "label": labels}, "index", 3)


def test_several_labels_an_image_and_a_loss_of_its_own():
    check_labels("train", (X, ONE_HOT), "multi_label", 3)
    check_labels("train", (X, ONE_HOT), "any", 3)
    for labels in (np.array([0, 1, 2]), 2 * ONE_HOT):
        with pytest.raises(ValueError, match=r"shape \(count, 3\)|from 0"):
            check_labels("train", (X, labels), "multi_label", 3)


def test_images_alone():
    with pytest.raises(ValueError, match=r"Pass validation=\(x, y\)"):
        check_labels("validation", X, "index", 3)
    # Batches are not asked for.
    check_labels("train", iter([]), "index", 3)


@pytest.mark.parametrize(
    "kind, good, bad, words",
    [
        ("binary", [0, 1, 0.5], [0, 1, 2], "from 0 to 2"),
        ("number", [-3.5, 0, 7], [0, np.inf, 1], "finite numbers"),
        ("number", [[1], [2], [3]], ONE_HOT, "a number an image"),
    ],
)
def test_labels_of_one_output(kind, good, bad, words):
    check_labels("train", (X, np.array(good)), kind, 2)
    with pytest.raises(keras_tuner.errors.FatalValueError, match=words):
        check_labels("train", (X, np.array(bad)), kind, 2)


def examples(labels, names=("a", "b")):
    images = np.zeros((len(labels), 8, 8, 1), "uint8")
    files = tuple(map(str, range(len(labels))))
    return Examples(images, labels, names, files)


@pytest.mark.parametrize(
    "data, share",
    [
        ((X, np.array([0, 1, 1])), 2 / 3),
        ((X, np.array([[0], [1], [1]])), 2 / 3),
        ((X, np.array([0, 1, 1]), np.ones(3)), 2 / 3),
        ({"image": X, "label": [2, 2, 2]}, 1.0),
        (examples(np.array([0, 0, 1, 0])), 0.75),
        ((X, keras.ops.array([0, 1, 1])), 2 / 3),
        # Several classes an image, numbers, batches, nothing.
        ((X, ONE_HOT), None),
        (examples(np.eye(2, dtype="float32")), None),
        (examples(np.array([0.5, 0.5], "float32"), ()), None),
        ((X, np.array([0.5, 0.5, 1.0])), None),
        ((X, {"a": np.zeros(3, int)}), None),
        ((X, [np.zeros(3, int), np.ones((3, 2))]), None),
        ((X,), None),
        (X, None),
        (iter([]), None),
        (None, None),
    ],
)
def test_share_of_the_most_frequent_class(data, share):
    assert majority_share(data) == pytest.approx(share)
