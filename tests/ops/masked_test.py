"""Softmax and sigmoid under masks."""

import keras
import numpy as np
import pytest

from keras_attention import ops

pytestmark = pytest.mark.computing
BIG = 1e30


def softmax(scores, mask=None):
    result = ops.masked_softmax(
        keras.ops.convert_to_tensor(scores, "float32"), mask
    )
    return keras.ops.convert_to_numpy(result)


def test_equals_closed_form():
    scores = np.random.default_rng(0).normal(size=(3, 7))
    expected = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
    np.testing.assert_allclose(softmax(scores), expected, atol=1e-6)


def test_mask_equals_leaving_out():
    scores = np.random.default_rng(0).normal(size=(3, 7))
    mask = np.array([True, False, True, True, False, True, False])
    weights = softmax(scores, mask)
    np.testing.assert_allclose(
        weights[:, mask], softmax(scores[:, mask]), atol=1e-6
    )
    np.testing.assert_array_equal(weights[:, ~mask], 0)


@pytest.mark.parametrize("hidden", [np.nan, np.inf, -np.inf, BIG])
@pytest.mark.parametrize("function", ["masked_softmax", "masked_sigmoid"])
def test_what_is_masked_has_no_influence(hidden, function):
    mask = np.array([[True, True, False]])
    function = getattr(ops, function)
    with_hidden, without = (
        keras.ops.convert_to_numpy(
            function(np.array([[0.5, -0.5, x]], "float32"), mask)
        )
        for x in (hidden, 0.0)
    )
    np.testing.assert_array_equal(with_hidden, without)


def test_fully_masked_row_is_zero():
    mask = np.array([[False, False], [True, True]])
    weights = softmax(np.zeros((2, 2)), mask)
    np.testing.assert_array_equal(weights, [[0, 0], [0.5, 0.5]])


@pytest.mark.parametrize("row", [[BIG, -BIG], [-np.inf, -np.inf], [3e38, 0]])
def test_extreme_scores_are_finite_and_sum_to_one(row):
    weights = softmax(np.array([row]))
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights.sum(), 1, atol=1e-6)


def test_valid_places_at_minus_infinity_share_a_whole():
    mask = np.array([[True, True, False]])
    weights = softmax(np.array([[-np.inf, -np.inf, 3.0]]), mask)
    np.testing.assert_allclose(weights, [[0.5, 0.5, 0]], atol=1e-6)


def test_softmax_ignores_a_shift():
    scores = np.random.default_rng(0).normal(size=(3, 7))
    np.testing.assert_allclose(softmax(scores), softmax(scores + 50), atol=1e-5)
