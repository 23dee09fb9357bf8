"""Entmax of any alpha: values and gradients of the `entmax` package."""

import pathlib

import keras
import numpy as np
import pytest
from gradients import at_once
from gradients import gradients

from keras_attention import ops

pytestmark = pytest.mark.computing
BIG = 1e30
ALPHAS = [1.05, 1.33, 1.75, 2.5]
FIXTURE = np.load(pathlib.Path(__file__).parents[1] / "oracles" / "sparse.npz")
FAMILIES = sorted(
    name.split("/")[0] for name in FIXTURE.files if name.endswith("_1.33")
)
each_alpha = pytest.mark.parametrize("alpha", ALPHAS)


def weigh(scores, alpha, mask=None):
    scores = keras.ops.convert_to_tensor(scores, "float32")
    run = at_once(lambda scores: ops.entmax(scores, alpha, mask))
    return keras.ops.convert_to_numpy(run(scores))


def by_bisection(scores, alpha):
    """The definition, in float64: an interval for the threshold, halved."""
    bend = alpha - 1
    z = np.asarray(scores, "float64")
    z = np.maximum(bend * (z - z.max(-1, keepdims=True)), -1)
    low = np.zeros_like(z[..., :1])
    for step in 0.5 ** np.arange(1, 60):
        total = np.maximum(1 + z - low - step, 0) ** (1 / bend)
        low += step * (total.sum(-1, keepdims=True) >= 1)
    return np.maximum(1 + z - low, 0) ** (1 / bend)


@each_alpha
@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_gradients_equal_entmax(family, alpha, equals):
    name = f"{family}/entmax_{alpha}"
    seen, (slope,) = gradients(
        lambda scores: ops.entmax(scores, alpha),
        [FIXTURE[f"{family}/scores"]],
        FIXTURE[f"{family}/direction"],
    )
    # Above 2 a weight near 0 changes without bound: rounding shows.
    tolerance = 1e-6 if alpha < 2 else 1e-3
    label = f"entmax {alpha}"
    equals(label, "entmax, float64", seen, FIXTURE[name], tolerance)
    expected = FIXTURE[f"{name}_gradient"]
    equals(
        f"gradient of {label}",
        "entmax, float64",
        slope,
        expected,
        5 * tolerance,
    )


@pytest.mark.parametrize("alpha", [1.05, 1.33, 1.75])
@pytest.mark.parametrize("family", FAMILIES)
def test_gradient_by_alpha_equals_entmax(family, alpha, equals):
    name = f"{family}/entmax_{alpha}"
    seen, (_, slope) = gradients(
        ops.entmax,
        [FIXTURE[f"{family}/scores"], np.float32(alpha)],
        FIXTURE[f"{family}/direction"],
    )
    np.testing.assert_allclose(seen, FIXTURE[name], atol=2e-6)
    equals(
        f"gradient of entmax {alpha} by alpha",
        "entmax, float64",
        slope,
        FIXTURE[f"{name}_by_alpha"],
        2e-4,
    )


def test_gradients_are_those_of_finite_differences():
    if keras.backend.backend() == "jax":
        pytest.skip("float64 is off in JAX by default")
    rng = np.random.default_rng(0)
    scores, direction = rng.normal(size=(2, 2, 7))
    alpha, step = np.array([[1.3], [1.8]]), 1e-6

    def total(scores, alpha):
        weights = ops.entmax(keras.ops.convert_to_tensor(scores), alpha)
        return (keras.ops.convert_to_numpy(weights) * direction).sum(-1)

    def tensor(x):
        return keras.ops.convert_to_tensor(x)

    _, (by_scores, by_alpha) = gradients(ops.entmax, [scores, alpha], direction)
    change = total(scores, tensor(alpha + step))
    change = change - total(scores, tensor(alpha - step))
    np.testing.assert_allclose(by_alpha[:, 0], change / 2 / step, atol=1e-7)
    for axis in range(7):
        shift = step * np.eye(7)[axis]
        change = total(scores + shift, tensor(alpha))
        change = change - total(scores - shift, tensor(alpha))
        np.testing.assert_allclose(
            by_scores[:, axis], change / 2 / step, atol=1e-7
        )


@pytest.mark.parametrize(
    "row, expected",
    [
        ([-1, 0, 0.5], [0.0460, 0.3276, 0.6264]),
        ([1, 2, 3.5], [0.0026, 0.1012, 0.8963]),
    ],
)
def test_golden_values(row, expected):
    np.testing.assert_allclose(weigh(row, 1.33), expected, atol=5e-5)


def test_is_between_softmax_and_sparsemax():
    scores = np.random.default_rng(0).normal(size=(4, 30)).astype("float32")
    near = {
        1.0001: keras.ops.softmax(scores),
        1.5001: ops.entmax15(scores),
        1.9999: ops.sparsemax(scores),
    }
    for alpha, expected in near.items():
        expected = keras.ops.convert_to_numpy(expected)
        np.testing.assert_allclose(weigh(scores, alpha), expected, atol=2e-4)
    for alpha, function in {1.5: ops.entmax15, 2: ops.sparsemax}.items():
        expected = keras.ops.convert_to_numpy(function(scores))
        np.testing.assert_array_equal(weigh(scores, alpha), expected)
        general = keras.ops.convert_to_tensor(float(alpha))
        np.testing.assert_allclose(weigh(scores, general), expected, atol=1e-6)


def large_maps():
    """Maps of 112 x 112 positions, hard ones among them."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(1, 12544))
    close = -1 + 10 ** rng.uniform(-6, 0, size=(1, 12544))
    close[:, 0] = 0
    return {
        "normal": normal,
        "scaled by 1e4": normal * 1e4,
        "flat": normal * 1e-3,
        "constant": np.full((1, 12544), 3.0),
        "below the threshold": close,
    }


@pytest.mark.parametrize("alpha", [1.001, 1.2, 1.8, 1.99, 3.0])
def test_large_maps(alpha):
    for scores in large_maps().values():
        scores = scores.astype("float32")
        weights = weigh(scores, alpha)
        total = weights.sum(-1, dtype="float64")
        np.testing.assert_allclose(total, 1, atol=2e-6 if alpha < 2 else 1e-4)
        expected = by_bisection(scores, alpha)
        tolerance = 2e-6 if alpha < 2 else 1e-4
        np.testing.assert_allclose(weights, expected, atol=tolerance)


@each_alpha
def test_extreme_scores(alpha):
    rows, expected = zip(
        ([BIG, -BIG], [1, 0]),
        ([-np.inf, -np.inf], [0.5, 0.5]),
        ([-np.inf, 2.0], [0, 1]),
        ([3e38, -3e38], [1, 0]),
        ([np.inf, 0.0], [1, 0]),
        ([1e4, 1e4], [0.5, 0.5]),
        strict=True,
    )
    # A row may have an alpha of its own, with a gradient.
    arrays = [np.array(rows, "float32"), np.full((6, 1), alpha, "float32")]
    run = [lambda scores: ops.entmax(scores, alpha)]
    if alpha < 2:
        run.append(ops.entmax)
    for count, function in enumerate(run, 1):
        weights, slopes = gradients(
            function, arrays[:count], np.array([[1.0, -2.0]] * 6)
        )
        np.testing.assert_allclose(weights, expected, atol=1e-6)
        assert all(np.isfinite(slope).all() for slope in slopes)
