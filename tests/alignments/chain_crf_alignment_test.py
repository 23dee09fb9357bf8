"""The chain over a map: walks, levels, and what Kim et al. published."""

import keras
import numpy as np
import pytest

from keras_attention import alignments
from keras_attention import ops

pytestmark = pytest.mark.computing
GRID = (3, 4)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def chain(table=None, seed=0, **config):
    """A built alignment with a table of random numbers, or the given one."""
    layer = alignments.get("chain_crf", **config)
    layer.build((None, 1, 1, 12))
    if table is None:
        shape = layer.transition.shape
        table = np.random.default_rng(seed).normal(size=shape) * 2
    layer.transition.assign(table)
    return layer


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(2, 3, 2, 12)) * 2).astype("float32")


def marginals_of(layer, rows, **boundary):
    """`p(on)` along rows of scores already in the order of the walk."""
    unary = np.stack([np.zeros_like(rows), rows], -1)
    table = keras.ops.convert_to_tensor(layer.transition)
    unary = keras.ops.convert_to_tensor(unary)
    return numpy(ops.chain_marginals(unary, table, **boundary))[..., 1]


# The places of a map of 3 x 4, in the order of each walk.
WALKS = {
    "rows": range(12),
    "columns": [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11],
    "snake": [0, 1, 2, 3, 7, 6, 5, 4, 8, 9, 10, 11],
}


@pytest.mark.parametrize("order", WALKS)
@pytest.mark.parametrize("masked", [False, True])
def test_walks(scores, order, masked):
    layer = chain(order=order)
    assert layer.needs_grid == (order != "rows")
    places = list(WALKS[order])
    mask = None
    if masked:
        mask = np.random.default_rng(1).random((2, 1, 1, 12)) < 0.7
        scores[~np.broadcast_to(mask, scores.shape)] = np.nan
    seen = numpy(layer(scores, mask=mask, grid_shape=GRID))
    walked = None if mask is None else mask[..., places]
    expected = marginals_of(layer, scores[..., places], mask=walked)
    np.testing.assert_allclose(seen[..., places], expected, atol=1e-6)


@pytest.mark.parametrize("order", WALKS)
def test_padding_changes_nothing(scores, order):
    padded = np.full((2, 3, 2, 5, 6), np.nan, "float32")
    padded[..., :3, :4] = scores.reshape(2, 3, 2, *GRID)
    mask = np.isfinite(padded[0, 0, 0]).reshape(-1)
    layer = chain(order=order)
    padded = padded.reshape(2, 3, 2, 30)
    seen = numpy(layer(padded, mask=mask, grid_shape=(5, 6)))
    assert (seen[..., ~mask] == 0).all()
    expected = numpy(layer(scores, grid_shape=GRID))
    np.testing.assert_allclose(seen[..., mask], expected, atol=1e-6)


def test_states_are_levels(scores):
    # Without a table: the mean of the levels 0, 1/2 and 1.
    seen = numpy(chain(np.zeros((3, 3)), states=3)(scores))
    half, one = np.exp(scores / 2), np.exp(scores)
    expected = (half / 2 + one) / (1 + half + one)
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    # With one that never visits 1/2, the chain of two states.
    pair = np.random.default_rng(2).normal(size=(2, 2))
    table = np.full((3, 3), -50.0)
    table[np.ix_([0, 2], [0, 2])] = pair
    np.testing.assert_allclose(
        numpy(chain(table, states=3)(scores)),
        numpy(chain(pair)(scores)),
        atol=1e-6,
    )


def test_equal_neighbours_join_segments():
    scores = np.array([[[[3.0, -0.5, 3.0, -3.0, 0.5, -3.0]]]], "float32")
    alone, joined = (
        numpy(chain(np.eye(2) * strength)(scores))[0, 0, 0]
        for strength in (0, 3)
    )
    assert alone[1] < 0.5 < joined[1] and joined[4] < 0.5 < alone[4]


def test_published_form(scores):
    # Kim et al.: marginals over their sum, times 2, and means at the ends.
    config = {
        "normalize": True,
        "weights_multiplier": 2.0,
        "boundary": "mean",
    }
    layer = chain(**config)
    table = numpy(layer.transition)
    boundary = {"start": table.mean(0), "end": table.mean(1)}
    on = marginals_of(layer, scores, **boundary)
    expected = 2 * on / on.sum(-1, keepdims=True)
    np.testing.assert_allclose(numpy(layer(scores)), expected, atol=1e-6)


@pytest.mark.parametrize(
    "normalize, scale, normalized",
    [(False, 1.0, False), (True, 1.0, True), (True, 2.0, False)],
)
def test_normalize(scores, normalize, scale, normalized):
    layer = chain(normalize=normalize, weights_multiplier=scale, states=3)
    assert layer.normalized == normalized
    mask = np.ones((2, 1, 1, 12), bool)
    mask[0, ..., 3:] = False
    mask[1] = False
    weights = numpy(layer(scores, mask=mask))
    assert (weights[~np.broadcast_to(mask, weights.shape)] == 0).all()
    if normalize:
        np.testing.assert_allclose(weights[0].sum(-1), scale, atol=1e-5)
        # Shares of marginals that no float can hold.
        seen = numpy(layer(scores - 1e4)).sum(-1)
        np.testing.assert_allclose(seen, scale, atol=1e-5)


@pytest.mark.slow
def test_trains(scores):
    inputs = keras.Input((3, 2, 12))
    layer = alignments.get("chain_crf", states=3, order="snake")
    model = keras.Model(inputs, layer(inputs, grid_shape=GRID))
    model.compile("sgd", "mse", jit_compile=False)
    target = (scores > 1).astype("float32")
    model.fit(scores, target, epochs=2, verbose=0)
    table = layer.get_weights()[0]
    assert np.isfinite(table).all() and (table != 0).all()


def test_saves(scores):
    layer = chain(
        order="columns",
        states=3,
        normalize=True,
        weights_multiplier=2.0,
        boundary="mean",
        pairwise_initializer="identity",
    )
    copy = alignments.get(alignments.serialize(layer))
    assert copy.get_config() == layer.get_config()
    copy.build((None, 1, 1, 12))
    np.testing.assert_array_equal(copy.get_weights()[0], np.eye(3))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        numpy(copy(scores, grid_shape=GRID)),
        numpy(layer(scores, grid_shape=GRID)),
    )


@pytest.mark.parametrize("dtype", ["mixed_float16", "float16", "bfloat16"])
def test_half_precision_is_raised(dtype):
    layer = alignments.get(
        "chain_crf", dtype=dtype, pairwise_initializer="identity"
    )
    scores = keras.ops.convert_to_tensor([[[[6e4, -6e4, 1]]]], "float16")
    weights = layer(scores)
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    np.testing.assert_allclose(numpy(weights)[0, 0, 0, :2], [1, 0])


@pytest.mark.parametrize(
    "name, value",
    [
        ("order", "diagonal"),
        ("states", 1),
        ("states", 2.0),
        ("normalize", "sum"),
        ("weights_multiplier", 0),
        ("weights_multiplier", np.nan),
        ("boundary", None),
    ],
)
def test_bad_arguments(name, value):
    with pytest.raises(ValueError, match=f"{name}="):
        alignments.get("chain_crf", **{name: value})


def test_needs_the_grid(scores):
    with pytest.raises(ValueError, match="grid_shape"):
        alignments.get("chain_crf", order="snake")(scores)


@pytest.mark.slow
@pytest.mark.parametrize("key", ["chain_crf", "grid_crf"])
def test_maps_of_a_size_known_at_run_time(key):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("other backends know all sizes")
    import tensorflow as tf

    config = {"order": "snake"} if key == "chain_crf" else {}
    layer = alignments.get(key, **config)
    layer.build((None, 3, 2, None))
    for weight in layer.weights:
        weight.assign(np.random.default_rng(0).normal(size=weight.shape))

    @tf.function(input_signature=[tf.TensorSpec((None, None, None))])
    def weigh(maps):
        size = tf.shape(maps)
        scores = tf.reshape(maps, (-1, 1, 1, size[1] * size[2]))
        with tf.GradientTape() as tape:
            tape.watch(scores)
            weights = layer(scores, grid_shape=(size[1], size[2]))
        return weights, tape.gradient(weights, scores)

    for grid in ((1, 1), (3, 5), (4, 2)):
        maps = np.random.default_rng(1).normal(size=(2, *grid))
        maps = maps.astype("float32")
        weights, gradient = weigh(maps)
        scores = maps.reshape(2, 1, 1, -1)
        np.testing.assert_allclose(
            weights, layer(scores, grid_shape=grid), atol=1e-6
        )
        assert np.isfinite(gradient).all() and (np.abs(gradient) > 0).any()
