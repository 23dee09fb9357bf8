"""Alignments without an exponential: shares and heights."""

import keras
import numpy as np
import pytest
from gradients import gradients

from keras_attention import alignments

pytestmark = pytest.mark.computing


def align(key, row, mask=None):
    scores = keras.ops.convert_to_tensor([[[row]]], "float32")
    weights = alignments.get(key)(scores, mask=mask)
    return keras.ops.convert_to_numpy(weights)[0, 0, 0]


@pytest.mark.parametrize(
    "key, row, expected",
    [
        ("l1", [0, 0, 0], [0, 0, 0]),
        ("l1", [3e38, 3e38, 0], [0.5, 0.5, 0]),
        ("l1", [1e-30, 3e-30, 0], [0.25, 0.75, 0]),
        ("l1", [-1, 2, 2], [0, 0.5, 0.5]),
        ("l1", [7], [1]),
        ("mean_flow", [2, 2, 2], [1 / 3] * 3),
        ("mean_flow", [7], [1]),
        ("mean_flow", [-1, 0, 2], [0, 0.25, 0.75]),
        ("mean_flow", [-3e38, 3e38, 3e38], [0, 0.5, 0.5]),
        ("min_max", [2, 2, 2], [0, 0, 0]),
        ("min_max", [7], [0]),
        ("min_max", [-3e38, 0, 3e38], [0, 0.5, 1]),
    ],
)
def test_rows(key, row, expected):
    np.testing.assert_allclose(align(key, row), expected, atol=1e-6)
    # The same beside a masked place.
    mask = np.array([True] * len(row) + [False])
    np.testing.assert_allclose(
        align(key, [*row, np.nan], mask), [*expected, 0], atol=1e-6
    )


@pytest.mark.parametrize("key", ["l1", "mean_flow", "min_max"])
def test_scale_does_not_matter(key):
    row = np.random.default_rng(0).random(9)
    np.testing.assert_allclose(align(key, row), align(key, 40 * row), atol=1e-6)


@pytest.mark.parametrize("key", ["l1", "mean_flow", "min_max"])
def test_gradient_is_that_of_finite_differences(key):
    if keras.backend.backend() == "jax":
        pytest.skip("float64 is off in JAX by default")
    layer = alignments.get(key, dtype="float64")
    rng = np.random.default_rng(0)
    scores, direction = rng.random((2, 2, 1, 1, 5))
    mask = np.array([True, True, False, True, True])
    weights, (slope,) = gradients(
        lambda scores: layer(scores, mask=mask), [scores], direction
    )
    assert weights.dtype == "float64"
    step = 1e-6
    for axis in range(5):
        up, down = (
            keras.ops.convert_to_numpy(
                layer(scores + sign * step * np.eye(5)[axis], mask=mask)
            )
            for sign in (1, -1)
        )
        change = ((up - down) * direction).sum(-1) / 2 / step
        np.testing.assert_allclose(slope[..., axis], change, atol=1e-7)
