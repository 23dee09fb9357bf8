"""The Euclidean score: distances with their sign turned."""

import keras
import numpy as np
import pytest
from gradients import gradients

from keras_attention import scores

pytestmark = pytest.mark.computing


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 8)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


def distances(query, features, num_heads):
    q = query.reshape(2, 3, 1, num_heads, -1).astype("float64")
    k = features.reshape(2, 1, 5, num_heads, -1).astype("float64")
    return np.linalg.norm(q - k, axis=-1).transpose(0, 3, 1, 2)


@pytest.mark.parametrize("num_heads, key_dim", [(1, None), (2, None), (2, 3)])
@pytest.mark.parametrize("squared", [False, True])
def test_negative_distance(tensors, num_heads, key_dim, squared):
    query, features = tensors
    layer = scores.get(
        "euclidean", num_heads=num_heads, key_dim=key_dim, squared=squared
    )
    result = keras.ops.convert_to_numpy(layer(query, features))
    if key_dim is not None:
        w_q, w_k = layer.get_weights()
        query, features = query @ w_q, features @ w_k
    expected = distances(query, features, num_heads) ** (1 + squared)
    np.testing.assert_allclose(result, -expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("key", ["cosine", "dot"])
def test_unit_vectors_are_ordered_alike(tensors, key):
    query, features = (
        x / np.linalg.norm(x, axis=-1, keepdims=True) for x in tensors
    )
    order, other = (
        keras.ops.convert_to_numpy(scores.get(k)(query, features)).argsort(-1)
        for k in ("euclidean", key)
    )
    np.testing.assert_array_equal(order, other)


def test_gradient(tensors):
    direction = np.random.default_rng(1).normal(size=(2, 1, 3, 5))
    _, (of_query, of_features) = gradients(
        scores.get("euclidean"), tensors, direction
    )
    query, features = (x.astype("float64") for x in tensors)
    between = query[:, :, None] - features[:, None]
    units = between / np.linalg.norm(between, axis=-1, keepdims=True)
    pulled = -direction[:, 0, ..., None] * units
    np.testing.assert_allclose(of_query, pulled.sum(2), atol=1e-4)
    np.testing.assert_allclose(of_features, -pulled.sum(1), atol=1e-4)


@pytest.mark.parametrize("squared", [False, True])
def test_no_gradient_at_distance_zero(squared):
    point = np.full((1, 1, 4), 3.0, "float32")
    layer = scores.get("euclidean", squared=squared)
    value, pulled = gradients(layer, [point, point])
    assert value == 0
    assert all((x == 0).all() for x in pulled)
    # Every position with every other, itself included.
    points = np.random.default_rng(0).normal(5, size=(1, 9, 4))
    points = points.astype("float32")
    _, pulled = gradients(layer, [points, points])
    assert all(np.isfinite(x).all() for x in pulled)
    assert all(np.abs(x).max() < 100 for x in pulled)
