"""The cosine score: directions only, and nothing breaks at length 0."""

import keras
import numpy as np
import pytest

from keras_attention import scores

pytestmark = pytest.mark.computing


def cosine(query, features, **config):
    layer = scores.get("cosine", **config)
    return keras.ops.convert_to_numpy(layer(query, features))


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 8)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


@pytest.mark.parametrize("num_heads", [1, 2])
@pytest.mark.parametrize("scale", [1.0, 10])
def test_cosine(tensors, num_heads, scale):
    query, features = tensors
    q = query.reshape(2, 3, num_heads, -1)
    k = features.reshape(2, 5, num_heads, -1)
    lengths = (
        np.linalg.norm(q, axis=-1)[:, :, None]
        * (np.linalg.norm(k, axis=-1)[:, None])
    )
    expected = np.einsum("bqha,bnha->bqnh", q, k) / lengths * scale
    np.testing.assert_allclose(
        cosine(query, features, num_heads=num_heads, scale=scale),
        expected.transpose(0, 3, 1, 2),
        atol=1e-5,
    )


def test_projected_cosine(tensors):
    query, features = tensors
    layer = scores.get("cosine", key_dim=4)
    result = keras.ops.convert_to_numpy(layer(query[..., :5], features))
    w_q, w_k = layer.get_weights()
    np.testing.assert_allclose(
        result, cosine(query[..., :5] @ w_q, features @ w_k), atol=1e-5
    )


@pytest.mark.parametrize("length", [1e-30, 1e-3, 1e3, 1e30])
def test_length_does_not_matter(tensors, length):
    query, features = tensors
    length = np.float32(length)
    np.testing.assert_allclose(
        cosine(query / length, features * length),
        cosine(query, features),
        atol=1e-5,
    )


def test_is_the_dot_product_of_unit_vectors(tensors):
    query, features = (
        x / np.linalg.norm(x, axis=-1, keepdims=True) for x in tensors
    )
    dot = scores.get("dot")(query, features)
    np.testing.assert_allclose(
        cosine(query, features), keras.ops.convert_to_numpy(dot), atol=1e-5
    )


def test_zero_vectors(tensors):
    query, features = (x.copy() for x in tensors)
    query[0], features[:, 2] = 0, 0
    result = cosine(query, features)
    assert (result[0] == 0).all() and (result[..., 2] == 0).all()
    # A kernel of 0 makes every projected query 0, and must still train.
    layer = scores.get("cosine", key_dim=4)
    inputs = keras.Input((3, 8)), keras.Input((5, 8))
    model = keras.Model(inputs, layer(*inputs))
    layer.query_dense.kernel.assign(np.zeros((8, 4)))
    model.compile("sgd", "mse")
    model.train_on_batch([query, features], np.ones((2, 1, 3, 5)))
    w_q, w_k = layer.get_weights()
    assert np.isfinite(w_q).all() and np.isfinite(w_k).all()
    assert 0 < np.abs(w_q).max() < 1
