"""Dice and IoU of classes, of arrays and in `fit`."""

import numpy as np
import pytest

from keras_attention.metrics import MeanDice
from keras_attention.metrics import MeanIoU
from keras_attention.metrics import dice_per_class
from keras_attention.metrics import iou_per_class

RNG = np.random.default_rng(0)
P = RNG.random((4, 3, 5, 4)).astype("float32")
P[..., 3] = 0  # never predicted
PREDICTED = P.argmax(-1)
LABELS = RNG.integers(0, 3, (4, 3, 5))
LABELS[0, 0] = 255
LABELS[1] = 0


def loops(over, ratio):
    """By sets of pixels, image by image."""
    images = [range(4)] if over == "set" else [[i] for i in range(4)]
    rows = []
    for chosen in images:
        row = []
        for k in range(4):
            known = {
                (i, *np.unravel_index(n, (3, 5)))
                for i in chosen
                for n in range(15)
                if LABELS[i].ravel()[n] != 255
            }
            a = {x for x in known if LABELS[x] == k}
            b = {x for x in known if PREDICTED[x] == k}
            row.append(ratio(a, b) if a | b else np.nan)
        rows.append(row)
    return np.array(rows[0] if over == "set" else rows)


def dice(a, b):
    return 2 * len(a & b) / (len(a) + len(b))


def iou(a, b):
    return len(a & b) / len(a | b)


@pytest.mark.parametrize("over", ["image", "set"])
def test_equals_loops(over):
    for score, ratio in ((dice_per_class, dice), (iou_per_class, iou)):
        seen = score(LABELS, PREDICTED, 4, over, ignore_class=255)
        np.testing.assert_allclose(seen, loops(over, ratio))
        assert np.isnan(seen[..., 3]).all()


def test_empty_and_full_masks():
    empty, full = np.zeros((1, 2, 2), int), np.ones((1, 2, 2), int)
    for score in (dice_per_class, iou_per_class):
        np.testing.assert_array_equal(score(empty, empty, 2), [[1, np.nan]])
        np.testing.assert_array_equal(score(empty, full, 2), [[0, 0]])
        np.testing.assert_array_equal(score(full, full, 2), [[np.nan, 1]])
        unknown = score(full, full, 2, ignore_class=1)
        assert np.isnan(unknown).all()


@pytest.mark.computing
@pytest.mark.parametrize(
    "metric, score", [(MeanDice, dice_per_class), (MeanIoU, iou_per_class)]
)
def test_the_metric_is_the_arrays_over_the_set(metric, score):
    for ids in (None, [1, 2]):
        seen = metric(4, ids, ignore_class=255)
        assert float(seen.result()) == 0
        seen.update_state(LABELS[:3], P[:3])
        seen.update_state(LABELS[3:, ..., None], P[3:])
        expected = score(LABELS, PREDICTED, 4, "set", ignore_class=255)
        expected = np.nanmean(expected if ids is None else expected[ids])
        assert float(seen.result()) == pytest.approx(expected, rel=1e-6)
    seen = metric(4, ignore_class=255)
    seen.update_state(LABELS, P, sample_weight=[0, 0, 1, 1])
    expected = score(LABELS[2:], PREDICTED[2:], 4, "set", ignore_class=255)
    assert float(seen.result()) == pytest.approx(np.nanmean(expected), rel=1e-6)
    config = metric(4, [1], 0.2, 9, "mine").get_config()
    assert metric.from_config(config).get_config() == config


def test_a_label_that_is_no_class_is_not_hidden():
    for wrong in (255, -1):
        metric = MeanDice(4, [1])
        metric.update_state(np.full_like(LABELS, wrong), P)
        assert np.isnan(float(metric.result()))


def test_one_output_is_cut_at_the_threshold():
    mask, logits = np.array([[0, 1, 1]]), np.array([[[-1.0], [0.2], [-0.1]]])
    metric = MeanDice(2, class_ids=[1], threshold=0)
    metric.update_state(mask, logits)
    assert float(metric.result()) == pytest.approx(2 / 3)


def test_bad_input():
    for call, message in (
        (lambda: dice_per_class(LABELS, PREDICTED[:, 1:], 4), "must have one"),
        (lambda: dice_per_class(LABELS, PREDICTED, 4), r"labels=\[255\]"),
        (lambda: iou_per_class(PREDICTED, LABELS, 4), "predictions"),
        (lambda: dice_per_class(PREDICTED, PREDICTED, 4, "pixel"), "over"),
        (lambda: MeanDice(3, class_ids=[3]), "class_ids=3"),
        (lambda: MeanDice(3).update_state(LABELS, P), "3 classes.*y_pred"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    nan = np.full(PREDICTED.shape, np.nan)
    with pytest.raises(ValueError, match="labels"):
        dice_per_class(nan, PREDICTED, 4)
