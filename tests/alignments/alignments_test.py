"""What every alignment promises, and each one's formula."""

import functools

import hypothesis
import hypothesis.extra.numpy
import hypothesis.strategies as st
import keras
import numpy as np
import pytest
from drawn import examples
from gradients import gradients
from gradients import not_on_jax

from keras_attention import alignments

pytestmark = pytest.mark.computing
SHAPE = (2, 3, 4, 9)
# The last axis of the scores is a row of the map, unless a test says more.
CONFIG = {
    "multi_dim_softmax": {"channels": SHAPE[1]},
    "sampled": {"inference": "mean"},
    "top_k": {"k": 2},
}
KEYS = alignments.available()
# Neighbours matter to them even where they need no grid.
ORDERED = {"chain_crf", "grid_crf", "local_monotonic", "local_predictive"}
WINDOWED = {"local_monotonic", "local_predictive"}
SHIFT_INVARIANT = {
    *("softmax", "entmax15", "sparsemax", "entmax", "top_k", "hard"),
    *("gumbel_softmax", "sampled", "mean_flow", "min_max"),
    *("local_monotonic", "local_predictive", "multi_dim_softmax"),
}
each_key = pytest.mark.parametrize("key", KEYS)


def made(key, **config):
    return alignments.get(key, **{**CONFIG.get(key, {}), **config})


@functools.cache
def built(key):
    """One layer a key, for the tests that call it often."""
    layer = made(key)
    align_with(layer, np.zeros(SHAPE))
    return layer


def call(layer, scores, mask=None, grid=None):
    """The weights; a query is all ones, a grid a single row."""
    extra = {}
    if layer.needs_grid:
        extra["grid_shape"] = grid or (1, scores.shape[-1])
    if layer.needs_query:
        extra["query"] = np.ones((1, scores.shape[2], 5), "float32")
    return layer(scores, mask=mask, **extra)


def align_with(layer, scores, mask=None, grid=None, dtype="float32"):
    if layer.positive_scores:
        scores = np.abs(scores)
    scores = keras.ops.convert_to_tensor(scores, dtype)
    return keras.ops.convert_to_numpy(call(layer, scores, mask, grid))


def align(key, scores, mask=None, **config):
    return align_with(made(key, **config), scores, mask)


@pytest.fixture
def some_scores():
    return np.random.default_rng(0).normal(size=SHAPE) * 4


numbers = hypothesis.extra.numpy.arrays(
    "float32", SHAPE, elements=st.floats(-100, 100, width=32)
)
# Sums of whole numbers do not round: two that are equal stay equal.
whole_numbers = hypothesis.extra.numpy.arrays(
    "float32", SHAPE, elements=st.integers(-200, 200)
)
# Of two that are equal, the hard alignments take the first.
distinct = hypothesis.extra.numpy.arrays(
    "float32", SHAPE, elements=st.integers(-2000, 2000), unique=True
)
masks = hypothesis.extra.numpy.arrays("bool", (2, 1, 1, 9))


@each_key
@hypothesis.given(scores=numbers, mask=masks)
@examples(8)
def test_weights_are_weights(key, scores, mask):
    layer = built(key)
    weights = align_with(layer, scores, mask)
    assert weights.shape == SHAPE and weights.dtype == "float32"
    assert (weights >= 0).all() and (weights <= 1 + 1e-6).all()
    assert (weights[~np.broadcast_to(mask, SHAPE)] == 0).all()
    if not layer.normalized:
        return
    total = weights.sum(-1)
    if key not in WINDOWED and key != "l1":
        valid = np.broadcast_to(mask.any(-1), total.shape)
        np.testing.assert_allclose(total, valid, atol=1e-5)
    else:
        # A window may be all masked, and a row all 0.
        np.testing.assert_allclose(total, total > 0.5, atol=1e-5)


@each_key
def test_some_weight_is_left(some_scores, key):
    weights = align(key, some_scores)
    assert (weights.max(-1) > 0).all()
    if alignments.get(key).normalized:
        np.testing.assert_allclose(weights.sum(-1), 1, atol=1e-5)


@each_key
def test_what_is_masked_has_no_influence(key):
    layer = built(key)
    scores = np.random.default_rng(0).normal(size=SHAPE)
    mask = np.ones((2, 1, 1, 9), bool)
    mask[0, ..., ::3] = False
    mask[1] = False
    # Each pair of images hides another number.
    hidden = np.repeat([np.nan, np.inf, -np.inf, 1e30, 0], 2)
    scores, mask = np.tile(scores, (5, 1, 1, 1)), np.tile(mask, (5, 1, 1, 1))
    junk = np.where(mask, np.abs(scores), hidden[:, None, None, None])
    seen, (slope,) = gradients(
        lambda scores: call(layer, scores, mask),
        [junk.astype("float32")],
        scores,
    )
    assert np.isfinite(seen).all() and (seen[0] > 0).any()
    # Rows of a batch are rounded one by one or several at a time.
    np.testing.assert_allclose(
        seen, np.tile(seen[-2:], (5, 1, 1, 1)), atol=1e-6
    )
    assert np.isfinite(slope).all()
    assert (slope[~np.broadcast_to(mask, slope.shape)] == 0).all()


@pytest.mark.parametrize("key", [key for key in KEYS if key not in ORDERED])
@hypothesis.given(scores=distinct, order=st.permutations(range(9)))
@examples(8)
def test_order_of_positions_does_not_matter(key, scores, order):
    scores = scores / 20
    np.testing.assert_allclose(
        align_with(built(key), scores[..., order]),
        align_with(built(key), scores)[..., order],
        atol=1e-6,
    )


@pytest.mark.parametrize("key", sorted(SHIFT_INVARIANT))
@hypothesis.given(scores=whole_numbers, shift=st.integers(-100, 100))
@examples(8)
def test_shift_changes_nothing(key, scores, shift):
    np.testing.assert_allclose(
        align_with(built(key), scores / 4),
        align_with(built(key), scores / 4 + shift),
        atol=1e-5,
    )


NORMALIZED = [key for key in KEYS if alignments.get(key).normalized]


@pytest.mark.parametrize("key", NORMALIZED)
@pytest.mark.parametrize("value", [-3.0, 0.0, 1e4])
def test_one_position_takes_all(key, value):
    layer = made(key, **({"k": 1} if key == "top_k" else {}))
    weights = align_with(layer, np.full((2, 3, 4, 1), value), grid=(1, 1))
    positive = key != "l1" or value != 0
    np.testing.assert_allclose(weights, positive, atol=1e-6)


@pytest.mark.parametrize("key", [k for k in NORMALIZED if k not in ORDERED])
def test_equal_scores_share(key):
    weights = align_with(built(key), np.full(SHAPE, 2.5))
    expected = np.eye(1, 9)[0] if key == "hard" else 1 / 9
    np.testing.assert_allclose(weights, np.broadcast_to(expected, SHAPE), 1e-5)


EXTREME = [
    [1e4, -1e4, 0, 0, 0, 0, 0, 0, 0],
    [6e4, 6e4, -6e4, 0, 0, 0, 0, 0, 1],
    [-np.inf] * 9,
    [-np.inf, 1, -np.inf, 1, 0, 0, 0, 0, 0],
    [1e30, -1e30, 1e30, 0, 0, 0, 0, 0, 0],
    [3e38, -3e38, 0, 0, 0, 0, 0, 0, 0],
    [0] * 9,
]


@each_key
@pytest.mark.parametrize(
    "dtype", ["float32", "float16", pytest.param("bfloat16", marks=not_on_jax)]
)
def test_extreme_scores(key, dtype):
    layer = built(key)
    scores = np.broadcast_to(
        np.array(EXTREME, "float32")[:, None, None], (len(EXTREME), 3, 4, 9)
    )
    if layer.positive_scores:
        scores = np.abs(scores)
        scores = np.where(np.isinf(scores), 0, scores)
    scores = keras.ops.convert_to_tensor(scores, dtype)
    direction = np.random.default_rng(0).normal(size=scores.shape)
    weights, (slope,) = gradients(
        lambda scores: call(layer, scores), [scores], direction
    )
    assert weights.dtype == "float32"
    assert np.isfinite(weights).all()
    assert np.isfinite(slope.astype("float32")).all()


@pytest.mark.parametrize(
    "key, expected",
    [
        ("softmax", [0.0486, 0.3592, 0.5922]),
        ("sigmoid", [0.1192, 0.5, 0.6225]),
        ("sparsemax", [0, 0.25, 0.75]),
        ("entmax15", [0, 0.3260, 0.6740]),
        ("entmax", [0, 0.3260, 0.6740]),
        ("hard", [0, 0, 1]),
        ("top_k", [0, 0.3775, 0.6225]),
        ("gumbel_softmax", [0.0486, 0.3592, 0.5922]),
        ("sampled", [0.0486, 0.3592, 0.5922]),
        ("min_max", [0, 0.8, 1]),
        ("mean_flow", [0, 2 / 4.5, 2.5 / 4.5]),
        ("l1", [0.8, 0, 0.2]),
    ],
)
def test_golden_values(key, expected):
    weights = align(key, [[[[-2.0, 0.0, 0.5]]]])
    np.testing.assert_allclose(weights[0, 0, 0], expected, atol=5e-5)


SMOOTH = ["softmax", "entmax15", "sparsemax"]
SHARPENED = [*SMOOTH, "entmax", "top_k", "gumbel_softmax", "sampled"]
TEMPERED = [
    *(*SHARPENED, "hard", "sigmoid", "local_monotonic", "local_predictive"),
]


@pytest.mark.parametrize("key", SHARPENED)
def test_temperature(some_scores, key):
    best = np.eye(9)[some_scores.argmax(-1)]
    for temperature in (1e-3, 1e-36):
        cold = align(key, some_scores, temperature=temperature)
        np.testing.assert_allclose(cold, best, atol=1e-5)
    if key != "top_k":
        hot = align(key, some_scores, temperature=1e6)
        np.testing.assert_allclose(hot, 1 / 9, atol=2e-5)
    np.testing.assert_allclose(
        align(key, some_scores, temperature=2.0),
        align(key, some_scores / 2),
        atol=1e-6,
    )


@not_on_jax
@pytest.mark.parametrize("key", TEMPERED)
def test_learned_temperature(some_scores, key):
    config = {"temperature": 2.0}
    layer = made(key, learnable_temperature=True, **config)
    mask = np.arange(9) != 4
    # NaN in a masked place must not reach the gradient.
    scores = np.where(mask, some_scores, np.nan).astype("float32")
    weights = align_with(layer, scores, mask)
    fixed = made(key, **config)
    fixed_weights = align_with(fixed, scores, mask)
    fresh = [w.path for w in layer.weights if "log_temp" in w.path]
    assert len(fresh) == 1
    if key != "local_predictive":  # whose other weights are random
        np.testing.assert_allclose(weights, fixed_weights, atol=1e-6)
    places = [
        i
        for i, w in enumerate(layer.trainable_variables)
        if "log_temperature" in w.path
    ]
    values = [keras.ops.convert_to_numpy(w) for w in layer.trainable_variables]
    others = [keras.ops.convert_to_tensor(v) for v in values]
    states = layer.non_trainable_variables

    def run(logarithm):
        variables = list(others)
        variables[places[0]] = logarithm
        extra = {}
        if layer.needs_grid:
            extra["grid_shape"] = (1, 9)
        if layer.needs_query:
            extra["query"] = np.ones((1, 4, 5), "float32")
        return layer.stateless_call(
            variables, states, scores, mask=mask, **extra
        )[0]

    direction = np.random.default_rng(2).normal(size=SHAPE)
    start = values[places[0]]
    assert start.shape == (3, 1, 1)
    _, (slope,) = gradients(run, [start], direction)
    assert np.isfinite(slope).all() and (np.abs(slope) > 1e-4).all()
    if key == "hard":
        return
    step = 1e-2
    change = [
        (keras.ops.convert_to_numpy(run(start + sign * step)) * direction).sum(
            (0, 2, 3)
        )
        for sign in (1, -1)
    ]
    np.testing.assert_allclose(
        slope.ravel(), (change[0] - change[1]) / 2 / step, rtol=2e-2, atol=2e-3
    )


def test_softer_to_sparser(some_scores):
    # From softmax (alpha = 1) over 1.5 to sparsemax (2), fewer positions.
    seen = [(align(key, some_scores) > 0).sum(-1) for key in SMOOTH]
    assert (seen[0] == 9).all()
    assert (seen[1] >= seen[2]).all() and (seen[1] < 9).any()


@pytest.mark.jit
@pytest.mark.parametrize(
    "positions", [None, pytest.param(9, marks=pytest.mark.long)]
)
def test_compiled_is_eager(some_scores, positions):
    scores = some_scores.astype("float32")
    signed = keras.Input((3, 4, positions))
    query = keras.Input((4, 5))
    queries = np.ones((2, 4, 5), "float32")
    symbols, expected = {}, {}
    # One model of all, which is compiled once.
    for key in KEYS:
        layer = made(key)
        if layer.needs_grid and positions is None:
            continue  # the layer around knows the map
        extra = {"grid_shape": (1, positions)} if layer.needs_grid else {}
        asked = [{}, {}]
        if layer.needs_query:
            asked = [{"query": query}, {"query": queries}]
        positive = layer.positive_scores
        inputs = keras.ops.abs(signed) if positive else signed
        symbols[key] = layer(inputs, **extra, **asked[0])
        given = np.abs(scores) if positive else scores
        expected[key] = layer(given, **extra, **asked[1])
    model = keras.Model([signed, query], symbols)
    # PyTorch would need a C++ compiler.
    model.compile(jit_compile=keras.backend.backend() != "torch")
    seen = model.predict([scores, queries], verbose=0)
    for key, weights in expected.items():
        assert symbols[key].shape == (None, 3, 4, positions)
        np.testing.assert_allclose(
            seen[key],
            keras.ops.convert_to_numpy(weights),
            atol=1e-6,
            err_msg=key,
        )


@each_key
def test_survives_its_config(some_scores, key):
    layer = built(key)
    config = alignments.serialize(layer)
    copy = alignments.get(config)
    assert alignments.serialize(copy) == config
    align_with(copy, some_scores)
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        align_with(copy, some_scores), align_with(layer, some_scores)
    )


@pytest.mark.parametrize("key", TEMPERED)
@pytest.mark.parametrize("value", [0, -1, np.nan, np.inf, "1", None, True])
def test_bad_temperature(key, value):
    with pytest.raises(ValueError, match="temperature="):
        alignments.get(key, temperature=value)


@pytest.mark.parametrize("key", TEMPERED)
def test_bad_learnable_temperature(key):
    with pytest.raises(ValueError, match="learnable_temperature="):
        alignments.get(key, learnable_temperature=1)
