"""What every alignment promises, and each one's formula."""

import keras
import numpy as np
import pytest

from keras_attention import alignments

pytestmark = pytest.mark.computing


def align(key, scores, mask=None, **config):
    layer = alignments.get(key, **config)
    scores = keras.ops.convert_to_tensor(scores, "float32")
    return keras.ops.convert_to_numpy(layer(scores, mask=mask))


@pytest.fixture
def some_scores():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 9)) * 4


@pytest.mark.parametrize("key", alignments.available())
def test_weights_are_weights(some_scores, key):
    weights = align(key, some_scores)
    assert weights.shape == some_scores.shape and weights.dtype == "float32"
    assert (weights >= 0).all() and (weights <= 1).all()
    if alignments.get(key).normalized:
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("key", alignments.available())
def test_masked_row_gives_zeros(some_scores, key):
    mask = np.ones((2, 1, 1, 9), bool)
    mask[0] = False
    mask[1, ..., 4] = False
    weights = align(key, some_scores, mask)
    assert (weights[0] == 0).all() and (weights[..., 4] == 0).all()
    assert (weights[1, ..., :4] > 0).all()


def test_temperature(some_scores):
    cold = align("softmax", some_scores, temperature=1e-3)
    hot = align("softmax", some_scores, temperature=1e6)
    best = np.eye(9)[some_scores.argmax(-1)]
    np.testing.assert_allclose(cold, best, atol=1e-5)
    np.testing.assert_allclose(hot, 1 / 9, atol=1e-5)
    np.testing.assert_allclose(
        align("softmax", some_scores, temperature=2.0),
        align("softmax", some_scores / 2),
        atol=1e-6,
    )


@pytest.mark.parametrize("key", alignments.available())
def test_half_precision_is_raised(key):
    layer = alignments.get(key, dtype="mixed_float16")
    scores = keras.ops.convert_to_tensor([[[[60000.0, 1.0]]]], "float16")
    weights = layer(scores)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    assert np.isfinite(keras.ops.convert_to_numpy(weights)).all()


@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1", None, True])
def test_bad_temperature(value):
    with pytest.raises(ValueError, match="temperature="):
        alignments.get("softmax", temperature=value)
