"""The grid over a map: symmetry, masks and what Zhu et al. published."""

import keras
import numpy as np
import pytest
from choice import first

from keras_attention import alignments
from keras_attention import ops

pytestmark = pytest.mark.computing
GRID = (3, 4)
METHODS = ["mean_field", "belief_propagation"]
each_method = pytest.mark.parametrize("method", METHODS)


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def grid(**config):
    """A built alignment with tables of random numbers."""
    layer = alignments.get("grid_crf", **config)
    layer.build((None, 1, 1, 12))
    rng = np.random.default_rng(0)
    layer.set_weights([rng.normal(size=3), rng.normal(size=3)])
    return layer


@pytest.fixture
def scores():
    rng = np.random.default_rng(0)
    return (rng.normal(size=(2, 3, 2, 12)) * 2).astype("float32")


@each_method
def test_tables_are_symmetric(scores, method):
    layer = grid(method=method)
    horizontal, vertical = (
        np.array([[off, one], [one, on]], "float32")
        for off, one, on in layer.get_weights()
    )
    maps = scores.reshape(2, 3, 2, *GRID)
    odds = ops.grid_log_odds(
        keras.ops.convert_to_tensor(maps),
        keras.ops.convert_to_tensor(horizontal),
        keras.ops.convert_to_tensor(vertical),
        method,
        3,
    )
    expected = 1 / (1 + np.exp(-numpy(odds))).reshape(scores.shape)
    seen = numpy(layer(scores, grid_shape=GRID))
    np.testing.assert_allclose(seen, expected, atol=1e-6)
    for axis in (-1, -2):
        mirrored = np.flip(maps, axis).reshape(scores.shape)
        mirrored = numpy(layer(mirrored, grid_shape=GRID))
        mirrored = np.flip(mirrored.reshape(maps.shape), axis)
        np.testing.assert_allclose(
            mirrored.reshape(seen.shape), seen, atol=1e-6
        )


@each_method
def test_without_sweeps_it_is_the_sigmoid(scores, method):
    seen = numpy(grid(method=method, iterations=0)(scores, grid_shape=GRID))
    expected = 1 / (1 + np.exp(-scores))
    np.testing.assert_allclose(seen, expected, atol=1e-6)


@each_method
def test_neighbours_fill_a_hole(method):
    scores = np.full((1, 1, 1, 9), 2.0, "float32")
    scores[..., 4] = -1.0
    layer = alignments.get(
        "grid_crf",
        method=method,
        pairwise_initializer=keras.initializers.Constant([1.0, 0.0, 1.0]),
    )
    assert numpy(layer(scores, grid_shape=(3, 3)))[0, 0, 0, 4] > 0.5


@each_method
def test_padding_changes_nothing(scores, method):
    padded = np.full((2, 3, 2, 5, 6), np.nan, "float32")
    padded[..., 1:4, 2:] = scores.reshape(2, 3, 2, *GRID)
    mask = np.isfinite(padded[0, 0, 0]).reshape(-1)
    layer = grid(method=method)
    padded = padded.reshape(2, 3, 2, 30)
    seen = numpy(layer(padded, mask=mask, grid_shape=(5, 6)))
    assert (seen[..., ~mask] == 0).all()
    expected = numpy(layer(scores, grid_shape=GRID))
    np.testing.assert_allclose(seen[..., mask], expected, atol=1e-6)


def test_glimpse(scores):
    # Zhu et al.: beliefs over their sum.
    on = numpy(grid()(scores, grid_shape=GRID))
    layer = grid(normalize=True)
    assert layer.normalized and not grid().normalized
    seen = numpy(layer(scores, grid_shape=GRID))
    np.testing.assert_allclose(seen, on / on.sum(-1, keepdims=True), atol=1e-6)
    seen = numpy(layer(scores - 1e4, grid_shape=GRID))
    np.testing.assert_allclose(seen.sum(-1), 1, atol=1e-5)
    mask = np.zeros((2, 1, 1, 12), bool)
    mask[0, ..., :5] = True
    seen = numpy(layer(scores, mask=mask, grid_shape=GRID))
    np.testing.assert_allclose(seen[0].sum(-1), 1, atol=1e-5)
    assert (seen[1] == 0).all() and (seen[0, ..., 5:] == 0).all()


@pytest.mark.slow
@pytest.mark.parametrize("method", first(1, METHODS))
def test_trains(scores, method):
    inputs = keras.Input((3, 2, 12))
    layer = alignments.get("grid_crf", method=method, normalize=True)
    model = keras.Model(inputs, layer(inputs, grid_shape=GRID))
    model.compile("sgd", "mse", jit_compile=False)
    target = (scores > 1).astype("float32")
    model.fit(scores, target, epochs=2, verbose=0)
    for table in layer.get_weights():
        assert np.isfinite(table).all() and (table != 0).all()


def test_saves(scores):
    layer = grid(
        method="belief_propagation",
        iterations=5,
        normalize=True,
        pairwise_initializer=keras.initializers.Constant(0.5),
    )
    copy = alignments.get(alignments.serialize(layer))
    assert copy.get_config() == layer.get_config()
    copy.build((None, 1, 1, 12))
    np.testing.assert_array_equal(copy.get_weights(), np.full((2, 3), 0.5))
    copy.set_weights(layer.get_weights())
    np.testing.assert_array_equal(
        numpy(copy(scores, grid_shape=GRID)),
        numpy(layer(scores, grid_shape=GRID)),
    )


@each_method
def test_half_precision_is_raised(method):
    layer = alignments.get("grid_crf", method=method, dtype="mixed_float16")
    scores = keras.ops.convert_to_tensor([[[[6e4, -6e4, 1]]]], "float16")
    weights = layer(scores, grid_shape=(1, 3))
    assert keras.backend.standardize_dtype(weights.dtype) == "float32"
    np.testing.assert_allclose(numpy(weights)[0, 0, 0, :2], [1, 0])


@pytest.mark.parametrize(
    "name, value",
    [
        ("method", "gibbs"),
        ("iterations", -1),
        ("iterations", 1.5),
        ("normalize", "sum"),
    ],
)
def test_bad_arguments(name, value):
    with pytest.raises(ValueError, match=f"{name}="):
        alignments.get("grid_crf", **{name: value})


def test_needs_the_grid(scores):
    assert alignments.get("grid_crf").needs_grid
    with pytest.raises(ValueError, match="grid_shape"):
        alignments.get("grid_crf")(scores)
