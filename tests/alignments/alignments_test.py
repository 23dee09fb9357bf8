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
    assert (weights[1].max(-1) > 0).all()
    if alignments.get(key).normalized:
        np.testing.assert_allclose(weights[1].sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("key", alignments.available())
@pytest.mark.parametrize("hidden", [np.nan, np.inf, -np.inf, 1e30])
def test_what_is_masked_has_no_influence(key, hidden):
    mask = np.array([True, True, False])
    np.testing.assert_array_equal(
        align(key, [[[[0.5, -0.5, hidden]]]], mask),
        align(key, [[[[0.5, -0.5, 0.0]]]], mask),
    )


@pytest.mark.parametrize("key", alignments.available())
def test_normalized_weights_ignore_a_shift(some_scores, key):
    if not alignments.get(key).normalized:
        pytest.skip("an absolute gate")
    np.testing.assert_allclose(
        align(key, some_scores), align(key, some_scores + 50), atol=1e-5
    )


@pytest.mark.parametrize(
    "key, expected",
    [
        ("softmax", [0.0486, 0.3592, 0.5922]),
        ("sigmoid", [0.1192, 0.5, 0.6225]),
        ("sparsemax", [0, 0.25, 0.75]),
        ("entmax15", [0, 0.3260, 0.6740]),
        ("hard", [0, 0, 1]),
    ],
)
def test_golden_values(key, expected):
    weights = align(key, [[[[-2.0, 0.0, 0.5]]]])
    np.testing.assert_allclose(weights[0, 0, 0], expected, atol=5e-5)


SMOOTH = ["softmax", "entmax15", "sparsemax"]


@pytest.mark.parametrize("key", SMOOTH)
def test_temperature(some_scores, key):
    cold = align(key, some_scores, temperature=1e-3)
    hot = align(key, some_scores, temperature=1e6)
    best = np.eye(9)[some_scores.argmax(-1)]
    np.testing.assert_allclose(cold, best, atol=1e-5)
    np.testing.assert_allclose(hot, 1 / 9, atol=2e-5)
    np.testing.assert_allclose(
        align(key, some_scores, temperature=2.0),
        align(key, some_scores / 2),
        atol=1e-6,
    )


def test_softer_to_sparser(some_scores):
    # From softmax (alpha = 1) over 1.5 to sparsemax (2), fewer positions.
    seen = [(align(key, some_scores) > 0).sum(-1) for key in SMOOTH]
    assert (seen[0] == 9).all()
    assert (seen[1] >= seen[2]).all() and (seen[1] < 9).any()


@pytest.mark.jit
@pytest.mark.parametrize("key", alignments.available())
@pytest.mark.parametrize("positions", [None, 9])
def test_compiled_is_eager(some_scores, key, positions):
    inputs = keras.Input((3, 4, positions))
    model = keras.Model(inputs, alignments.get(key)(inputs))
    # PyTorch would need a C++ compiler.
    jit_compile = keras.backend.backend() != "torch"
    model.compile(jit_compile=jit_compile)
    np.testing.assert_allclose(
        model.predict(some_scores, verbose=0),
        align(key, some_scores),
        atol=1e-6,
    )


@pytest.mark.parametrize("key", alignments.available())
def test_half_precision_is_raised(key):
    layer = alignments.get(key, dtype="mixed_float16")
    scores = keras.ops.convert_to_tensor([[[[60000.0, 1.0]]]], "float16")
    weights = layer(scores)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    assert np.isfinite(keras.ops.convert_to_numpy(weights)).all()


@pytest.mark.parametrize("key", [*SMOOTH, "hard"])
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1", None, True])
def test_bad_temperature(key, value):
    with pytest.raises(ValueError, match="temperature="):
        alignments.get(key, temperature=value)
