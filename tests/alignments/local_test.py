"""Local attention: windows at fixed places, and where the query says."""

import keras
import numpy as np
import pytest
from gradients import at_once
from gradients import gradients

from keras_attention import alignments

pytestmark = pytest.mark.computing
GRID = (4, 5)


def run(layer, scores, mask=None, grid=GRID, query=None):
    extra = {}
    if layer.needs_grid:
        extra["grid_shape"] = grid
    if query is not None:
        extra["query"] = query
    scores = keras.ops.convert_to_tensor(scores, "float32")
    if not layer.built:
        layer.build(scores.shape, *([] if query is None else [query.shape]))
    weigh = at_once(lambda scores: layer(scores, mask=mask, **extra))
    return keras.ops.convert_to_numpy(weigh(scores))


@pytest.fixture
def some_scores():
    return np.random.default_rng(0).normal(size=(2, 3, 6, 20))


@pytest.fixture
def query():
    return np.random.default_rng(1).normal(size=(2, 6, 7)).astype("float32")


def softmax(scores, window):
    powers = np.exp(scores) * window
    return powers / np.maximum(powers.sum(-1, keepdims=True), 1e-30)


def monotonic(anchors, radius, grid=GRID):
    """Windows `(queries, positions)` around anchors (row, column)."""
    places = np.indices(grid).reshape(len(grid), -1)
    offsets = np.abs(places[:, None] - np.array(anchors).T[:, :, None])
    return (offsets <= radius).all(0)


@pytest.mark.parametrize("radius", [1, 2])
def test_one_query_looks_at_the_middle(radius):
    scores = np.random.default_rng(0).normal(size=(2, 1, 1, 20))
    layer = alignments.get("local_monotonic", radius=radius)
    window = monotonic([(1.5, 2)], radius)
    np.testing.assert_allclose(
        run(layer, scores), softmax(scores, window), atol=1e-6
    )
    line = alignments.get("local_monotonic", radius=radius, dimensions=1)
    window = monotonic([(9.5,)], radius, (20,))
    np.testing.assert_allclose(
        run(line, scores), softmax(scores, window), atol=1e-6
    )


@pytest.mark.parametrize("radius", [1, 3])
def test_every_position_looks_at_its_neighbours(radius):
    scores = np.random.default_rng(0).normal(size=(2, 1, 20, 20))
    layer = alignments.get("local_monotonic", radius=radius)
    window = monotonic(list(np.ndindex(*GRID)), radius)
    np.testing.assert_allclose(
        run(layer, scores), softmax(scores, window), atol=1e-6
    )
    # As in the paper: query t looks at [t - D, t + D].
    line = alignments.get("local_monotonic", radius=radius, dimensions=1)
    places = np.arange(20)
    window = np.abs(places - places[:, None]) <= radius
    np.testing.assert_allclose(
        run(line, scores), softmax(scores, window), atol=1e-6
    )


@pytest.mark.parametrize(
    "grid, queries, anchors",
    [
        ((4, 4), 4, [(0.5, 0.5), (0.5, 2.5), (2.5, 0.5), (2.5, 2.5)]),
        ((2, 8), 4, [(0.5, 0.5), (0.5, 2.5), (0.5, 4.5), (0.5, 6.5)]),
        ((1, 6), 3, [(0, 0.5), (0, 2.5), (0, 4.5)]),
        (
            (4, 6),
            5,
            [(0.5, 0.5), (0.5, 2.5), (0.5, 4.5), (2.5, 0.5), (2.5, 2.5)],
        ),
    ],
)
def test_anchors_are_spread(grid, queries, anchors):
    scores = np.zeros((1, 1, queries, grid[0] * grid[1]))
    layer = alignments.get("local_monotonic", radius=1)
    window = monotonic(anchors, 1, grid)
    np.testing.assert_array_equal(
        run(layer, scores, grid=grid)[0, 0] > 0, window
    )


def predicted(layer, scores, query, mask, grid):
    """The formula, in NumPy."""
    w, v = layer.get_weights()
    shares = 1 / (1 + np.exp(-np.tanh(query @ w) @ v))  # (b, q, d * h)
    heads = scores.shape[1]
    shares = shares.reshape(*shares.shape[:2], len(grid), heads)
    centers = shares.transpose(0, 3, 1, 2) * np.array(grid)  # (b, h, q, d)
    places = np.indices(grid).reshape(len(grid), -1).T + 0.5  # (n, d)
    offsets = places - centers[..., None, :]
    window = (np.abs(offsets) <= layer.radius).all(-1) & mask
    sigma = layer.radius / 2
    gaussian = np.exp(-(offsets**2).sum(-1) / (2 * sigma**2))
    return softmax(scores, window) * gaussian


@pytest.mark.parametrize("radius", [1, 2, 7])
@pytest.mark.parametrize("dimensions", [1, 2])
def test_local_predictive_is_the_formula(
    some_scores, query, radius, dimensions
):
    layer = alignments.get(
        "local_predictive", radius=radius, dimensions=dimensions, hidden_dim=3
    )
    mask = np.ones((2, 1, 1, 20), bool)
    mask[1, ..., 8:] = False
    hidden = np.where(mask, some_scores, np.nan)
    seen = run(layer, hidden, mask, query=query)
    grid = GRID if dimensions == 2 else (20,)
    expected = predicted(layer, some_scores, query, mask, grid)
    assert seen.max() > 0.05
    np.testing.assert_allclose(seen, expected, atol=1e-5)
    # One query for the whole batch.
    shared = run(layer, hidden, mask, query=query[:1])
    np.testing.assert_allclose(shared[0], seen[0], atol=1e-5)


def test_the_centre_moves_to_where_it_helps(query):
    layer = alignments.get("local_predictive", radius=2)
    scores = np.zeros((2, 1, 6, 20), "float32")
    run(layer, scores, query=query)
    corner = np.zeros((2, 1, 6, 20))
    corner[..., 0] = 1.0
    values = layer.get_weights()
    _, slopes = gradients(
        lambda *weights: layer.stateless_call(
            list(weights), [], scores, grid_shape=GRID, query=query
        )[0],
        values,
        corner,
    )
    assert all(np.abs(slope).max() > 1e-6 for slope in slopes)


@pytest.mark.parametrize("key", ["local_monotonic", "local_predictive"])
def test_a_map_of_unknown_size(key):
    features = keras.Input((None, None, 2))
    asked = keras.Input((3, 7))
    layer = alignments.get(key, radius=1)
    asked_for = [asked] if layer.needs_query else []

    @keras.saving.register_keras_serializable("tests")
    class Host(keras.layers.Layer):
        def __init__(self):
            super().__init__()
            self.alignment = layer

        def build(self, *shapes):
            self.alignment.build((None, 2, 3, None), (None, 3, 7))

        def call(self, features, query=None):
            shape = keras.ops.shape(features)
            scores = keras.ops.reshape(features, (shape[0], -1, 2))
            scores = keras.ops.transpose(scores, (0, 2, 1))
            scores = keras.ops.repeat(
                keras.ops.expand_dims(scores, 2), 3, axis=2
            )
            return self.alignment(scores, grid_shape=shape[1:3], query=query)

        def compute_output_spec(self, features, query=None):
            return keras.KerasTensor((None, 2, 3, None))

    host = Host()
    model = keras.Model([features, *asked_for], host(features, *asked_for))
    rng = np.random.default_rng(0)
    array = rng.normal(size=(2, *GRID, 2)).astype("float32")
    query = rng.normal(size=(2, 3, 7)).astype("float32")
    arrays = [array, *([query] if layer.needs_query else [])]
    seen = model.predict(arrays, verbose=0)
    scores = np.repeat(
        array.reshape(2, 20, 2).transpose(0, 2, 1)[:, :, None], 3, 2
    )
    expected = run(layer, scores, query=query if layer.needs_query else None)
    np.testing.assert_allclose(seen, expected, atol=1e-5)


def test_bad_arguments():
    for key in ("local_monotonic", "local_predictive"):
        for name, value in {
            "radius": 0,
            "radius ": 2.5,
            "dimensions": 3,
        }.items():
            with pytest.raises(ValueError, match=f"{name.strip()}="):
                alignments.get(key, **{name.strip(): value})
    with pytest.raises(ValueError, match="hidden_dim="):
        alignments.get("local_predictive", hidden_dim=0)
    with pytest.raises(ValueError, match="query=None"):
        alignments.get("local_predictive", dimensions=1)(np.zeros((1, 1, 1, 4)))
    with pytest.raises(ValueError, match="grid_shape=None"):
        alignments.get("local_monotonic")(np.zeros((1, 1, 1, 4)))
