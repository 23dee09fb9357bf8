import warnings

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from keras_attention.metrics import average_precision
from keras_attention.metrics import roc_auc
from keras_attention.metrics import sensitivity_at_specificity

AREAS = [roc_auc, average_precision]
ORACLES = {
    roc_auc: sklearn_metrics.roc_auc_score,
    average_precision: sklearn_metrics.average_precision_score,
}


def draw(classes=3, count=60):
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(count, classes)).round(1)  # with ties
    p = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    several = generator.integers(2, size=(count, classes))
    return generator.integers(classes, size=count), several, p


def pairs(labels, scores):
    """The area under the curve as a share of ordered pairs."""
    gaps = scores[labels == 1][:, None] - scores[labels == 0]
    return ((gaps > 0) + 0.5 * (gaps == 0)).mean()


def test_binary_auc_is_the_share_of_ordered_pairs():
    labels, _, p = draw(2)
    expected = pairs(labels, p[:, 1])
    assert roc_auc(labels, p[:, 1]) == pytest.approx(expected)
    assert roc_auc(labels.astype(bool), -p[:, 1]) == pytest.approx(1 - expected)


@pytest.mark.parametrize("area", AREAS)
def test_scikit_learn_agrees(area):
    labels, several, p = draw()
    oracle = ORACLES[area]
    one_hot = np.eye(3)[labels]
    for given, indicators in ((labels, one_hot), (several, several)):
        each = oracle(indicators, p, average=None)
        np.testing.assert_allclose(area(given, p, average=None), each)
        assert area(given, p) == pytest.approx(each.mean())
    if area is roc_auc:
        expected = oracle(labels, p, multi_class="ovr", average="macro")
        assert area(labels, p) == pytest.approx(expected)


@pytest.mark.parametrize("area", AREAS)
def test_order_does_not_matter_nor_do_duplicates(area):
    labels, several, p = draw()
    order = np.random.default_rng(1).permutation(len(p))
    for given in (labels, several):
        expected = area(given, p)
        assert area(given[order], p[order]) == pytest.approx(expected)
        doubled = area(np.concatenate([given] * 2), np.concatenate([p] * 2))
        assert doubled == pytest.approx(expected)


@pytest.mark.parametrize("area", AREAS)
def test_a_class_without_images_is_left_out_and_said(area):
    labels, _, p = draw(4)
    labels[labels == 2] = 0
    with pytest.warns(UserWarning, match="1 of 4 classes: 2"):
        each = area(labels, p, average=None)
    np.testing.assert_array_equal(np.isnan(each), [False, False, True, False])
    with pytest.warns(UserWarning):
        assert area(labels, p) == pytest.approx(np.nanmean(each))
    with pytest.warns(UserWarning, match="no positive images"):
        assert np.isnan(area(np.zeros(4), np.arange(4.0)))


def test_positives_alone_have_no_auc_but_a_precision():
    with pytest.warns(UserWarning, match="no others"):
        assert np.isnan(roc_auc(np.ones(4), np.arange(4.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert average_precision(np.ones(4), np.arange(4.0)) == 1


def test_sensitivity_is_the_best_that_the_specificity_allows():
    generator = np.random.default_rng(0)
    labels = generator.integers(2, size=80)
    scores = (labels + 2 * generator.normal(size=80)).round(1)
    for specificity in (0.0, 0.1, 0.5, 0.9, 0.95, 1.0):
        allowed = [
            (scores[labels == 1] >= threshold).mean()
            for threshold in [*np.unique(scores), np.inf]
            if (scores[labels == 0] < threshold).mean() >= specificity
        ]
        received = sensitivity_at_specificity(labels, scores, specificity)
        assert received == pytest.approx(max(allowed))


def test_the_specificity_itself_is_enough():
    # 9 of 10 negatives score low: a specificity of 0.1 leaves 0.9 of false
    # positives, and 1 - 0.9 is not 0.1 in binary.
    labels = np.array([0] * 10 + [1])
    scores = np.array([0.0] + [2.0] * 9 + [1.0])
    assert sensitivity_at_specificity(labels, scores, 0.1) == 1.0
    assert sensitivity_at_specificity(labels, scores, 0.11) == 0.0
    # Ties of one positive and one negative lie on a straight line.
    labels, scores = np.tile([0, 1], 4), np.arange(4).repeat(2)
    assert sensitivity_at_specificity(labels, scores, 0.5) == 0.5
    with pytest.warns(UserWarning, match="no others"):
        assert np.isnan(sensitivity_at_specificity([1, 1], [0.0, 1.0], 0.5))


@pytest.mark.parametrize("area", AREAS)
@pytest.mark.parametrize(
    ("labels", "scores", "match"),
    [
        ([0, 1], [0.1], r"\(2,\).*\(1,\)"),
        ([], [], "not empty"),
        ([[0, 1]], [0.1], r"\(1, 2\).*\(1,\)"),
        ([[0, 1]], [[0.1, 0.2, 0.3]], r"\(1, 2\).*\(1, 3\)"),
        ([0, 1], [0.1, np.nan], "argument scores.*1 that"),
        ([0, 2], [0.1, 0.2], "argument labels.*0 to 1"),
        ([0, 3], np.ones((2, 3)), "argument labels.*0 to 2"),
        ([0.5, 1], np.ones((2, 3)), "argument labels"),
        ([-1, 1], [0.1, 0.2], "argument labels"),
    ],
)
def test_what_does_not_fit_is_named(area, labels, scores, match):
    with pytest.raises(ValueError, match=match):
        area(np.array(labels), np.array(scores))


def test_other_arguments_are_named():
    with pytest.raises(ValueError, match="average.*'macro', None"):
        roc_auc([0, 1], [0.1, 0.2], average="micro")
    with pytest.raises(ValueError, match="specificity.*90"):
        sensitivity_at_specificity([0, 1], [0.1, 0.2], 90)
    with pytest.raises(ValueError, match=r"scores.*\(2, 2\)"):
        sensitivity_at_specificity([0, 1], np.ones((2, 2)), 0.5)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("metric", [roc_auc, average_precision])
def test_logits_rank_as_their_softmax_does(metric, classes):
    rng = np.random.default_rng(0)
    # A number of its own for every image changes no probability.
    logits = rng.normal(size=(60, classes)) + 9 * rng.normal(size=(60, 1))
    labels = rng.integers(classes, size=60)
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    expected = metric(labels, p, average=None)
    np.testing.assert_allclose(metric(labels, logits, average=None), expected)
    np.testing.assert_allclose(
        metric(labels, np.log(p), average=None), expected
    )
    if classes == 2:
        one = metric(labels, logits[:, 1] - logits[:, 0])
        np.testing.assert_allclose(expected[1], one)


def test_logits_far_apart_are_no_ties():
    # exp(-50) is lost beside 1.
    logits = np.array([[50.0, 0, 0], [60.0, 0, 0], [70.0, 0, 0]])
    assert roc_auc([1, 0, 0], logits, average=None)[0] == 1.0
