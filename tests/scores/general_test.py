"""The bilinear score against NumPy, and what it generalises."""

import keras
import numpy as np
import pytest

from keras_attention import scores

pytestmark = pytest.mark.computing


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 6)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


@pytest.mark.parametrize("num_heads", [1, 2])
def test_bilinear_form(tensors, num_heads):
    query, features = tensors
    layer = scores.get("general", num_heads=num_heads)
    result = keras.ops.convert_to_numpy(layer(query, features))
    (matrix,) = layer.get_weights()
    assert matrix.shape == (6, 8)
    size = 8 // num_heads
    for head in range(num_heads):
        part = slice(head * size, (head + 1) * size)
        expected = np.einsum(
            "bqi,ij,bnj->bqn", query, matrix[:, part], features[..., part]
        )
        np.testing.assert_allclose(result[:, head], expected, atol=1e-5)


def test_bilinear_form_of_projections(tensors):
    query, features = tensors
    layer = scores.get("general", num_heads=2, key_dim=3)
    result = keras.ops.convert_to_numpy(layer(query, features))
    by_name = {
        w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w)
        for w in layer.weights
    }
    matrix = by_name["matrix"]
    assert matrix.shape == (2, 3, 3)
    q = (query @ by_name["query/kernel"]).reshape(2, 3, 2, 3)
    k = (features @ by_name["key/kernel"]).reshape(2, 5, 2, 3)
    expected = np.einsum("bqhi,hij,bnhj->bhqn", q, matrix, k)
    np.testing.assert_allclose(result, expected, atol=1e-5)


@pytest.mark.parametrize("num_heads", [1, 2])
@pytest.mark.parametrize("key_dim", [None, 3])
def test_identity_is_the_dot_product(tensors, num_heads, key_dim):
    _, features = tensors
    query = np.random.default_rng(1).normal(size=(2, 3, 8)).astype("float32")
    config = {"num_heads": num_heads, "key_dim": key_dim}
    general = scores.get("general", **config)
    dot = scores.get("dot", **config)
    for layer in (general, dot):
        layer.build(query.shape, features.shape)
    if key_dim is None:
        general.query_dense.kernel.assign(np.eye(8))
    else:
        general.matrix.assign(np.stack([np.eye(3)] * num_heads))
        for name in ("query_dense", "key_dense"):
            weights = getattr(dot, name).get_weights()
            getattr(general, name).set_weights(weights)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(general(query, features)),
        keras.ops.convert_to_numpy(dot(query, features)),
        atol=1e-5,
    )
