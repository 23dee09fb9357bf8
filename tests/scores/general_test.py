"""The bilinear scores against NumPy, and what they generalise."""

import keras
import numpy as np
import pytest

from keras_attention import scores
from keras_attention.ops import NON_NEGATIVE_ACTIVATIONS

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


def pair(first, second, num_heads, key_dim, **config):
    """Two scores with the same matrices, and random biases in the second."""
    config = {"num_heads": num_heads, "key_dim": key_dim}, config
    result = [
        scores.get(first, **config[0]),
        scores.get(second, **config[0], **config[1]),
    ]
    rng = np.random.default_rng(1)
    for layer in result:
        layer.build((2, 3, 6), (2, 5, 8))
    values = {w.path.split("/", 1)[1]: w for w in result[0].weights}
    for weight in result[1].weights:
        name = weight.path.split("/", 1)[1]
        random = rng.normal(size=weight.shape)
        weight.assign(values.get(name, random))
    return result


def heads(x, num_heads):
    return x.reshape(*x.shape[:2], num_heads, -1).transpose(0, 2, 1, 3)


@pytest.mark.parametrize("num_heads", [1, 2])
@pytest.mark.parametrize("key_dim", [None, 3])
def test_bias_adds_its_product_with_the_key(tensors, num_heads, key_dim):
    general, biased = pair("general", "biased_general", num_heads, key_dim)
    plain = keras.ops.convert_to_numpy(general(*tensors))
    result = keras.ops.convert_to_numpy(biased(*tensors))
    features = tensors[1]
    if key_dim is None:
        bias = biased.query_dense.get_weights()[1]
        assert bias.shape == (8,)
    else:
        bias = keras.ops.convert_to_numpy(biased.bias)
        assert bias.shape == (num_heads, 3)
        features = features @ biased.key_dense.get_weights()[0]
    keys = heads(features, num_heads)
    offered = np.einsum("bhna,ha->bhn", keys, bias.reshape(num_heads, -1))
    np.testing.assert_allclose(
        result, plain + offered[:, :, None], rtol=1e-4, atol=1e-4
    )
    for weight in biased.weights:
        if weight.path.endswith("bias"):
            weight.assign(np.zeros(weight.shape))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(biased(*tensors)), plain, atol=1e-5
    )


@pytest.mark.parametrize("num_heads, key_dim", [(1, None), (2, None), (2, 3)])
@pytest.mark.parametrize(
    "activation, function",
    [("tanh", np.tanh), ("relu", lambda x: np.maximum(x, 0))],
)
def test_activated(tensors, num_heads, key_dim, activation, function):
    general, activated = pair(
        "general",
        "activated_general",
        num_heads,
        key_dim,
        activation=activation,
    )
    plain = keras.ops.convert_to_numpy(general(*tensors))
    bias = keras.ops.convert_to_numpy(activated.score_bias)
    assert bias.shape == (num_heads,)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(activated(*tensors)),
        function(plain + bias[:, None, None]),
        atol=1e-4,
    )


@pytest.mark.parametrize("activation", ["tanh", *NON_NEGATIVE_ACTIVATIONS])
def test_sign_of_an_activated_score(tensors, activation):
    layer = scores.get("activated_general", activation=activation)
    result = keras.ops.convert_to_numpy(layer(*tensors))
    assert layer.positive_scores == (result >= 0).all()
    assert layer.positive_scores == (activation != "tanh")
