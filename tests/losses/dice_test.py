"""Dice of predictions against NumPy, empty and unknown masks defined."""

import keras
import numpy as np
import pytest

from keras_attention.losses import CombinedLoss
from keras_attention.losses import DiceLoss
from keras_attention.losses import FocalLoss

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(2, 4, 5, 3)).astype("float32")
LABELS = RNG.integers(0, 3, (2, 4, 5))


def softmax(z):
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def numpy_dice(p, y, smooth, axes=(1, 2)):
    both, total = (p * y).sum(axes), (p + y).sum(axes)
    return 1 - ((2 * both + smooth) / (total + smooth)).mean(-1)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.computing
def test_equals_numpy(equals):
    y = np.eye(3)[LABELS]
    expected = numpy_dice(softmax(LOGITS), y, 0.01)
    for labels in (LABELS, LABELS[..., None], y):
        seen = DiceLoss(reduction=None)(labels, LOGITS)
        equals("DiceLoss", "the formula in NumPy", seen, expected)
    whole = DiceLoss(over="batch", smooth=1.0)(LABELS, LOGITS)
    expected = numpy_dice(softmax(LOGITS), y, 1.0, (0, 1, 2))
    np.testing.assert_allclose(numpy(whole), expected, rtol=1e-5)
    one = DiceLoss(reduction=None)(LABELS == 1, LOGITS[..., :1])
    p = 1 / (1 + np.exp(-LOGITS[..., :1]))
    expected = numpy_dice(p, (LABELS == 1)[..., None], 0.01)
    np.testing.assert_allclose(numpy(one), expected, rtol=1e-5)


def test_unknown_pixels_count_nowhere():
    loss = DiceLoss(ignore_class=255, reduction=None)
    labels = LABELS.copy()
    labels[:, :2] = 255
    kept = DiceLoss(reduction=None)(LABELS[:, 2:], LOGITS[:, 2:])
    np.testing.assert_allclose(
        numpy(loss(labels, LOGITS)), numpy(kept), rtol=1e-5
    )
    nothing = numpy(loss(np.full_like(LABELS, 255), LOGITS))
    np.testing.assert_allclose(nothing, 0, atol=1e-6)
    assert np.isnan(numpy(DiceLoss(reduction=None)(labels, LOGITS))).all()


def test_empty_and_full_masks():
    """Where there is nothing, to predict nothing is right, and is learned."""
    loss = DiceLoss(from_logits=False, reduction=None)
    masks = np.array([[[0, 0]], [[0, 0]], [[1, 1]]])
    p = np.array([[[0, 0]], [[1, 0]], [[1, 1]]], "float32")[..., None]
    np.testing.assert_allclose(
        numpy(loss(masks, p)), [0, 1 - 0.01 / 1.01, 0], atol=1e-6
    )


def test_combined_is_the_weighted_sum_of_what_images_cost():
    parts = [DiceLoss(), FocalLoss()]
    loss = CombinedLoss(parts, [2.0, 0.5], reduction=None)
    dice = numpy(DiceLoss(reduction=None)(LABELS, LOGITS))
    focal = numpy(FocalLoss(reduction=None)(LABELS, LOGITS))
    expected = 2 * dice + 0.5 * focal.mean((1, 2))
    np.testing.assert_allclose(numpy(loss(LABELS, LOGITS)), expected, rtol=1e-5)
    config = keras.saving.serialize_keras_object(loss)
    again = keras.saving.deserialize_keras_object(config)
    np.testing.assert_allclose(
        numpy(again(LABELS, LOGITS)), expected, rtol=1e-5
    )
    weighted = CombinedLoss(parts)(LABELS, LOGITS, sample_weight=[1.0, 0.0])
    assert float(weighted) == pytest.approx(dice[0] / 2 + focal[0].mean() / 2)


def test_every_argument_comes_back():
    loss = DiceLoss(False, 0.5, "batch", 255, "sum", "mine", "float64")
    config = loss.get_config()
    assert config == DiceLoss.from_config(config).get_config()
    default = DiceLoss().get_config()
    assert all(config[name] != default[name] for name in default)


@pytest.mark.parametrize(
    "labels, logits, message",
    [
        (LABELS[:, :2], LOGITS, "y_true.*\\(2, 4, 5\\)"),
        (LABELS[:, :2], LOGITS[..., :1], "y_true.*\\(2, 4, 5\\)"),
        (np.eye(2)[LABELS % 2], LOGITS[..., :1], "masks of one class"),
        (np.eye(2)[LABELS % 2], LOGITS, "integers, or one-hot"),
    ],
)
def test_labels_that_do_not_fit(labels, logits, message):
    with pytest.raises(ValueError, match=message):
        DiceLoss()(labels, logits)


def test_bad_arguments():
    for make, message in (
        (lambda: DiceLoss(smooth=0), "smooth=0"),
        (lambda: DiceLoss(over="pixel"), "over='pixel'"),
        (lambda: DiceLoss(ignore_class=-1), "ignore_class=-1"),
        (lambda: CombinedLoss([]), "losses"),
        (lambda: CombinedLoss(["mse"]), "instances of keras.losses.Loss"),
        (lambda: CombinedLoss([DiceLoss()], [1, 2]), "each of 1 losses"),
        (lambda: CombinedLoss([DiceLoss()], [0]), "weights=0"),
    ):
        with pytest.raises(ValueError, match=message):
            make()
    one_hot = np.eye(3)[LABELS]
    with pytest.raises(ValueError, match="integer labels"):
        DiceLoss(ignore_class=2)(one_hot, LOGITS)
