"""Sparsemax and 1.5-entmax: values and gradients of the `entmax` package."""

import itertools
import pathlib

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from drawn import examples
from gradients import at_once
from gradients import gradients
from gradients import not_on_jax

from keras_attention import ops

pytestmark = pytest.mark.computing
BIG = 1e30
CLOSED = ["sparsemax", "entmax15"]
FUNCTIONS = {
    "sparsemax": ops.sparsemax,
    "entmax15": ops.entmax15,
    "entmax 1.05": lambda scores, mask=None: ops.entmax(scores, 1.05, mask),
    "entmax 1.33": lambda scores, mask=None: ops.entmax(scores, 1.33, mask),
    "entmax 2.5": lambda scores, mask=None: ops.entmax(scores, 2.5, mask),
}
FIXTURE = np.load(pathlib.Path(__file__).parents[1] / "oracles" / "sparse.npz")
FAMILIES = sorted({name.split("/")[0] for name in FIXTURE.files})
each_closed_form = pytest.mark.parametrize("name", CLOSED)
each_function = pytest.mark.parametrize("name", FUNCTIONS)


def weigh(name, scores, mask=None, dtype="float32"):
    scores = keras.ops.convert_to_tensor(scores, dtype)
    run = at_once(lambda scores: FUNCTIONS[name](scores, mask))
    return keras.ops.convert_to_numpy(run(scores))


def weights_and_slope(name, scores, direction, mask=None, dtype="float32"):
    """The weights, and the direction times their Jacobian by the scores."""
    scores = np.asarray(scores, dtype)
    function = FUNCTIONS[name]
    weights, (slope,) = gradients(
        lambda z: function(z, mask), [scores], direction
    )
    return weights, slope


def gradient(*arguments, **options):
    return weights_and_slope(*arguments, **options)[1]


def sorted_sparsemax(scores):
    """The closed form of the paper, in float64."""
    z = np.asarray(scores, "float64")
    ordered = -np.sort(-z, axis=-1)
    sums = np.cumsum(ordered, axis=-1)
    counts = np.arange(1, z.shape[-1] + 1)
    size = (1 + counts * ordered > sums).sum(-1, keepdims=True)
    total = np.take_along_axis(sums, size - 1, axis=-1)
    return np.maximum(z - (total - 1) / size, 0)


@each_closed_form
@pytest.mark.parametrize("family", FAMILIES)
def test_values_and_gradients_equal_entmax(family, name, equals):
    scores, direction, expected = (
        FIXTURE[f"{family}/{what}"] for what in ("scores", "direction", name)
    )
    weights, seen = weights_and_slope(name, scores, direction)
    equals(name, "entmax, float64", weights, expected, 1e-6)
    expected = FIXTURE[f"{family}/{name}_gradient"]
    equals(f"gradient of {name}", "entmax, float64", seen, expected, 3e-6)


@pytest.mark.parametrize(
    "name, expected",
    [("sparsemax", [0, 0.25, 0.75]), ("entmax15", [0, 0.3260, 0.6740])],
)
def test_golden_values(name, expected):
    np.testing.assert_allclose(weigh(name, [-2, 0, 0.5]), expected, atol=5e-5)


@each_closed_form
def test_gradient_is_that_of_finite_differences(name):
    if keras.backend.backend() == "jax":
        pytest.skip("float64 is off in JAX by default")
    rng = np.random.default_rng(0)
    scores, direction = rng.normal(size=(2, 3, 7))
    step, columns = 1e-6, []
    for axis in range(7):
        change = step * np.eye(7)[axis]
        up, down = (
            weigh(name, scores + sign * change, dtype="float64")
            for sign in (1, -1)
        )
        columns.append(((up - down) * direction).sum(-1) / (2 * step))
    np.testing.assert_allclose(
        gradient(name, scores, direction, dtype="float64"),
        np.stack(columns, -1),
        atol=1e-8,
    )


def large_maps():
    """Maps of 112 x 112 positions, hard ones among them."""
    rng = np.random.default_rng(0)
    normal = rng.normal(size=(2, 12544))
    close = -1 + 10 ** rng.uniform(-6, 0, size=(2, 12544))
    close[:, 0] = 0
    return {
        "normal": normal,
        "scaled by 1e4": normal * 1e4,
        "flat": normal * 1e-3,
        "constant": np.full((1, 12544), 3.0),
        "straight": np.linspace(-1, 0, 12544)[None],
        "below the threshold": close,
        "one above the rest": np.eye(1, 12544),
    }


@each_closed_form
@pytest.mark.parametrize("family", large_maps())
def test_rows_of_large_maps_sum_to_one(family, name):
    scores = large_maps()[family].astype("float32")
    weights = weigh(name, scores)
    # Equal numbers round alike: there PyTorch's softmax is off by 2e-6 too.
    atol = 5e-6 if family == "one above the rest" else 1e-6
    np.testing.assert_allclose(weights.sum(-1, dtype="float64"), 1, atol=atol)
    if name == "sparsemax":
        expected = sorted_sparsemax(scores)
    else:
        # Optimality of 1.5-entmax: one threshold for the whole support.
        roots = np.sqrt(weights.astype("float64"))
        threshold = np.where(
            weights > 0, scores.astype("float64") / 2 - roots, -np.inf
        ).max(-1, keepdims=True)
        expected = np.maximum(scores / 2 - threshold, 0) ** 2
    np.testing.assert_allclose(weights, expected, atol=1e-6)


def nearest_by_enumeration(scores):
    """The point of the simplex next to `scores`, over every support."""
    best, distance = None, np.inf
    count = len(scores)
    for size in range(1, count + 1):
        for support in map(list, itertools.combinations(range(count), size)):
            # On the plane of sum 1 with all other weights 0, the nearest.
            point = np.zeros(count)
            point[support] = scores[support]
            point[support] += (1 - point.sum()) / size
            found = np.sum((point - scores) ** 2)
            if point.min() >= 0 and found < distance:
                best, distance = point, found
    return best


@hypothesis.given(
    hypothesis.extra.numpy.arrays(
        "float32", 5, elements=st.floats(-3, 3, width=32)
    )
)
@examples(20)
def test_sparsemax_is_the_projection_on_the_simplex(scores):
    expected = nearest_by_enumeration(scores.astype("float64"))
    np.testing.assert_allclose(weigh("sparsemax", scores), expected, atol=2e-6)


@each_function
def test_shift_changes_nothing(name):
    scores = np.random.default_rng(0).normal(size=(3, 7))
    np.testing.assert_allclose(
        weigh(name, scores), weigh(name, scores + 50), atol=1e-5
    )


@not_on_jax
@each_function
def test_mask_equals_leaving_out(name):
    rng = np.random.default_rng(0)
    scores, direction = rng.normal(size=(2, 3, 7))
    mask = np.array([True, False, True, True, False, True, False])
    weights, slope = weights_and_slope(name, scores, direction, mask)
    np.testing.assert_allclose(
        weights[:, mask], weigh(name, scores[:, mask]), atol=1e-6
    )
    np.testing.assert_array_equal(weights[:, ~mask], 0)
    np.testing.assert_allclose(
        slope[:, mask],
        gradient(name, scores[:, mask], direction[:, mask]),
        atol=1e-6,
    )
    np.testing.assert_array_equal(slope[:, ~mask], 0)


@each_function
def test_what_is_masked_has_no_influence(name):
    mask = np.array([[True, True, False], [False, False, False]])
    scores = [
        [[0.25, -0.25, value], [value, 0.0, value]]
        for value in (np.nan, np.inf, -np.inf, BIG, 0.0)
    ]
    direction = np.broadcast_to([1.0, 2.0, 3.0], (5, 2, 3))
    for seen in weights_and_slope(name, scores, direction, mask):
        assert np.isfinite(seen).all() and seen[0].any()
        # Rows of a batch are rounded one by one or several at a time; above 2
        # a weight near 0 changes without bound.
        atol = 1e-5 if name == "entmax 2.5" else 1e-6
        np.testing.assert_allclose(seen, seen[[-1] * 5], atol=atol)


@each_function
def test_fully_masked_row_is_zero(name):
    mask = np.array([[False, False], [True, True]])
    weights, slope = weights_and_slope(
        name, np.zeros((2, 2)), [[1.0, 2.0]] * 2, mask
    )
    np.testing.assert_allclose(weights, [[0, 0], [0.5, 0.5]], atol=1e-6)
    np.testing.assert_array_equal(slope[0], 0)
    assert np.isfinite(slope).all()


@pytest.fixture
def nan_raises():
    """Any NaN on the way is an error, as for somebody who looks for one."""
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        tf.debugging.enable_check_numerics()
        yield
        tf.debugging.disable_check_numerics()
    elif backend == "jax":
        import jax

        with jax.debug_nans(True):
            yield
    else:
        import torch

        with torch.autograd.detect_anomaly(check_nan=True):
            yield


@each_function
@pytest.mark.filterwarnings("ignore:Anomaly Detection")
def test_no_nan_on_the_way(nan_raises, name):
    mask = np.array([[False, False], [True, False], [True, True]])
    scores = [[0.0, 0.0], [1.0, 9.0], [0.0, 0.5]]
    gradient(name, scores, [[1.0, 2.0]] * 3, mask)


EXTREME = {
    (BIG, -BIG): (1, 0),
    (-np.inf, -np.inf): (0.5, 0.5),
    (-np.inf, 2.0): (0, 1),
    (3e38, -3e38): (1, 0),
    (np.inf, 0.0): (1, 0),
    (1e4, 1e4): (0.5, 0.5),
}


@each_function
def test_extreme_scores(name):
    rows, expected = np.array([*EXTREME]), np.array([*EXTREME.values()])
    direction = np.broadcast_to([1.0, -2.0], rows.shape)
    weights, slope = weights_and_slope(name, rows, direction)
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    assert np.isfinite(slope).all()
    # The same beside a masked place: all that is valid may be -inf.
    mask = np.array([True, True, False])
    weights = weigh(name, np.insert(rows, 2, 7.0, -1), mask)
    expected = np.insert(expected, 2, 0, -1)
    np.testing.assert_allclose(weights, expected, atol=1e-6)


@each_function
def test_nan_is_not_hidden(name):
    # Op by op: compiled without optimizations, XLA on JAX gives zeros.
    scores = keras.ops.convert_to_tensor([[0.0, np.nan, 1.0]], "float32")
    weights = keras.ops.convert_to_numpy(FUNCTIONS[name](scores))
    assert np.isnan(weights).all()
