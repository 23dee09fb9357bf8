"""What a paper prints, against hand-worked cases and scikit-learn."""

import csv
import io
import json
from functools import partial

import numpy as np
import pytest
from sklearn import metrics as sklearn

from keras_attention.evaluation import report
from keras_attention.evaluation.scores_report import area_under_roc
from keras_attention.evaluation.scores_report import paired_test

LABELS = np.array([0, 0, 1, 1])
SCORES = np.array([0.1, 0.4, 0.35, 0.8])
quick = partial(report, repeats=20)


def drawn(count=80, gain=0.3, seed=0):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 2
    return labels, rng.uniform(0, 0.6, count) + gain * labels


def test_a_case_worked_by_hand():
    (row,) = quick(LABELS, {"one": SCORES}, specificity=0.5).rows
    assert (row["images"], row["positives"]) == (4, 2)
    assert row["auc"][0] == 0.75
    assert row["average_precision"][0] == pytest.approx(5 / 6)
    # From .35 on both positives are found, and one negative with them.
    assert row["threshold"] == 0.35
    assert (row["sensitivity"][0], row["specificity"][0]) == (1.0, 0.5)
    assert row["balanced_accuracy"][0] == 0.75
    (row,) = quick(LABELS, {"one": SCORES}, specificity=1.0).rows
    assert row["threshold"] == 0.8
    (row,) = quick(LABELS, {"one": 1 - SCORES}, specificity=1.0).rows
    assert row["threshold"] > 0.9 and row["sensitivity"][0] == 0.0


def test_areas_are_those_of_scikit_learn():
    labels, scores = drawn()
    scores = scores.round(1)  # with ties
    expected = sklearn.roc_auc_score(labels, scores)
    assert area_under_roc(labels.astype(bool), scores) == pytest.approx(
        expected
    )
    (row,) = quick(labels, {"one": np.stack([1 - scores, scores], 1)}).rows
    assert row["auc"][0] == pytest.approx(expected)
    value, low, high = row["auc"]
    assert 0.5 < low < value < high < 1


def test_what_was_chosen_stays():
    labels, scores = drawn()
    chosen = quick(labels, {"one": scores})
    assert "were chosen on these images themselves" in str(chosen)
    for other in (scores, scores * 0.5):
        tested = quick(
            labels,
            {"one": other},
            thresholds=chosen.thresholds,
            temperatures=chosen.temperatures,
        )
        assert tested.thresholds == chosen.thresholds
        assert tested.temperatures == chosen.temperatures
        assert "themselves" not in str(tested)
    found = (other >= chosen.thresholds["one"])[labels == 1].mean()
    assert tested.rows[0]["sensitivity"][0] == found


def test_patients_are_drawn_whole():
    rng = np.random.default_rng(0)
    labels, groups = np.repeat([0, 1] * 8, 6), np.repeat(np.arange(16), 6)
    scores = np.repeat(rng.uniform(0, 0.7, 16), 6) + 0.3 * labels
    widths = []
    for given in (None, groups):
        found = report(labels, {"one": scores}, groups=given, repeats=200)
        _, low, high = found.rows[0]["auc"]
        widths.append(high - low)
    assert widths[1] > 1.5 * widths[0]
    assert "draws of 16 groups" in str(found)


def test_a_difference_has_an_interval_and_a_test():
    labels, scores = drawn()
    worse = drawn(gain=0.0, seed=1)[1]
    found = report(
        labels,
        {"plain": worse, "attention": scores},
        reference="plain",
        repeats=200,
    )
    plain, attention = found.rows
    assert plain["auc_difference"] is None and plain["p_value"] is None
    value, low, high = attention["auc_difference"]
    assert value == pytest.approx(attention["auc"][0] - plain["auc"][0])
    assert 0 < low < value < high
    assert attention["p_value"] < 0.02


@pytest.mark.parametrize("size", [1, 8])
def test_without_a_difference_every_p_is_as_likely(size):
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(24) % 2, size).astype(bool)
    groups = np.repeat(np.arange(24), size)
    found = []
    for _ in range(40):
        # What a patient has in common, and both models see.
        one, other = np.repeat(rng.normal(size=(2, 24)), size, axis=1)
        found.append(
            paired_test(labels, one, other, groups, repeats=49, seed=1)
        )
    assert 0.35 < np.mean(found) < 0.65
    assert np.mean(np.array(found) < 0.1) < 0.25


def test_files(tmp_path):
    labels, scores = drawn()
    found = quick(
        labels, {"plain": scores, "a_b & 50%": scores}, reference="plain"
    )
    rows = list(csv.DictReader(io.StringIO(found.to_csv())))
    assert float(rows[1]["auc_low"]) == found.rows[1]["auc"][1]
    assert rows[0]["auc_difference"] == ""
    assert json.loads(found.to_json())["settings"]["reference"] == "plain"
    lines = found.to_latex().splitlines()
    assert lines[:2] == [r"\begin{tabular}{lrrrrrrrrr}", r"\toprule"]
    assert lines[5].startswith(r"a\_b \& 50\% & 0.")
    assert len({line.count(" & ") for line in lines if "&" in line}) <= 2
    assert "a_b &amp; 50%" in found._repr_html_()


@pytest.mark.parametrize(
    "labels, scores, options, message",
    [
        ([0, 1, 2], [0.1] * 3, {}, "expected 0 or 1 .* metrics.roc_auc"),
        ([1, 1], [0.1] * 2, {}, "images of both classes"),
        (LABELS, [0.1, 0.2, 0.3], {}, r"scores\['one'\]: .*\(4,\)"),
        (LABELS, [0.1, 0.2, 3.0, 0.1], {}, "of logits take a sigmoid"),
        (LABELS, [0.1, 0.2, np.nan, 0.1], {}, "probabilities of class 1"),
        (LABELS, SCORES, {"reference": "two"}, "'one'"),
        (LABELS, SCORES, {"specificity": 2}, "specificity"),
        (LABELS, SCORES, {"thresholds": {"two": 1}}, "thresholds: .* of one"),
        (LABELS, SCORES, {"groups": [1, 2]}, "a group for each entry"),
    ],
)
def test_what_cannot_be_told(labels, scores, options, message):
    with pytest.raises(ValueError, match=message):
        quick(labels, {"one": scores}, **options)
    with pytest.raises(ValueError, match="at least one model"):
        quick(LABELS, {})
