"""Every score against NumPy."""

import keras
import numpy as np
import pytest
from gradients import gradients
from gradients import not_on_jax

from keras_attention import scores

pytestmark = pytest.mark.computing


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 8)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


def heads(x, num_heads):
    batch, tokens, width = x.shape
    x = x.reshape(batch, tokens, num_heads, width // num_heads)
    return x.transpose(0, 2, 1, 3)


@pytest.mark.parametrize("num_heads", [1, 2])
def test_dot(tensors, num_heads):
    query, features = tensors
    q, k = heads(query, num_heads), heads(features, num_heads)
    expected = q @ k.transpose(0, 1, 3, 2)
    dot = scores.get("dot", num_heads=num_heads)(query, features)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(dot), expected, rtol=1e-5, atol=1e-5
    )
    scaled = scores.get("scaled_dot", num_heads=num_heads)(query, features)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(scaled),
        expected / np.sqrt(8 / num_heads),
        rtol=1e-5,
        atol=1e-5,
    )


def test_scale_of_the_scaled_dot(tensors):
    dot = keras.ops.convert_to_numpy(scores.get("dot")(*tensors))
    scaled = scores.get("scaled_dot", scale=0.125)(*tensors)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(scaled), dot / 8, atol=1e-6
    )


def test_projected_dot(tensors):
    query, features = tensors
    layer = scores.get("scaled_dot", num_heads=2, key_dim=3)
    result = keras.ops.convert_to_numpy(layer(query[..., :5], features))
    w_q, w_k = layer.get_weights()
    assert w_q.shape == (5, 6) and w_k.shape == (8, 6)
    q, k = heads(query[..., :5] @ w_q, 2), heads(features @ w_k, 2)
    expected = q @ k.transpose(0, 1, 3, 2) / np.sqrt(3)
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("num_heads", [1, 2])
def test_additive_is_bahdanau(tensors, num_heads):
    query, features = tensors
    layer = scores.get("additive", num_heads=num_heads, key_dim=4)
    layer.build(query.shape, features.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    by_name = {w.path.split("/", 1)[1]: w for w in layer.weights}
    v, w_q, b, w_k = (
        keras.ops.convert_to_numpy(by_name[name])
        for name in ("vector", "query/kernel", "query/bias", "key/kernel")
    )
    q, k = heads(query @ w_q + b, num_heads), heads(features @ w_k, num_heads)
    hidden = np.tanh(q[:, :, :, None] + k[:, :, None])
    expected = np.einsum("bhqna,ha->bhqn", hidden, v)
    result = keras.ops.convert_to_numpy(layer(query, features))
    np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-5)


@not_on_jax
@pytest.mark.parametrize("key", scores.available())
def test_query_of_batch_one_is_shared(tensors, key):
    query, features = tensors
    layer = scores.get(key)
    shared = layer(query[:1], features)
    repeated = layer(np.repeat(query[:1], 2, axis=0), features)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(shared),
        keras.ops.convert_to_numpy(repeated),
        atol=1e-6,
    )


@pytest.mark.parametrize("key", scores.available())
def test_positions_are_scored_alike(tensors, key):
    query, features = tensors
    order = [3, 0, 4, 1, 2]
    layer = scores.get(key)
    if layer.needs_static_size:
        pytest.skip("positions have parameters of their own")
    result = keras.ops.convert_to_numpy(layer(query, features))
    shuffled = layer(query, features[:, order])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(shuffled), result[..., order], atol=1e-5
    )


@pytest.mark.parametrize("key", scores.available())
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_scores_are_float32_and_finite(tensors, key, policy):
    query, features = tensors
    layer = scores.get(key, dtype=policy)
    result = layer(query * 1000, features * 1000)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    assert np.isfinite(keras.ops.convert_to_numpy(result)).all()
    spec = layer.compute_output_spec(
        keras.KerasTensor(query.shape), keras.KerasTensor(features.shape)
    )
    assert spec.dtype == "float32" and spec.shape == tuple(result.shape)


@pytest.mark.parametrize("key", scores.available())
@pytest.mark.parametrize(
    "policy",
    ["mixed_float16", pytest.param("mixed_bfloat16", marks=not_on_jax)],
)
def test_gradients_are_finite(tensors, key, policy):
    layer = scores.get(key, key_dim=4, dtype=policy)
    # Images of small numbers, and of large ones.
    arrays = [np.concatenate([x / 1000, x * 1000]) for x in tensors]
    layer.build(*[x.shape for x in arrays])
    # The location score does not look at the features.
    count = 1 if layer.needs_static_size else 2
    value, pulled = gradients(
        lambda *inputs: layer(*inputs, *arrays[count:]), arrays[:count]
    )
    assert value.dtype == "float32" and np.isfinite(value).all()
    for x in pulled:
        assert x.dtype == "float32" and np.isfinite(x).all()


@pytest.mark.slow
@pytest.mark.parametrize("key", scores.available())
def test_sizes_may_be_unknown(tensors, key):
    layer = scores.get(key, num_heads=2, key_dim=4)
    expected = keras.ops.convert_to_numpy(layer(*tensors))
    if layer.needs_static_size:
        pytest.skip("knows its positions")
    seen, _ = gradients(layer, tensors, mode="graph")
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-5)


# Every argument of every score, at another value than its default.
ARGUMENTS = {
    "activated_general": {"activation": "relu"},
    "additive": {"activation": "relu", "use_bias": False, "chunk_size": 2},
    "biased_general": {},
    "concat": {
        "activation": "linear",
        "use_bias": True,
        "output_activation": "relu",
        "chunk_size": 2,
    },
    "cosine": {"scale": 10},
    "deep": {
        "num_layers": 4,
        "activation": "tanh",
        "use_bias": False,
        "chunk_size": 2,
    },
    "dot": {},
    "euclidean": {"squared": True},
    "gated_additive": {
        "activation": "tanh",
        "use_bias": False,
        "score_bias_initializer": "ones",
        "chunk_size": 2,
    },
    "gaussian": {"form": "product", "bandwidth": 2.0},
    "general": {},
    "kernel": {"phi": "exp"},
    "location": {},
    "parametrized": {},
    "scaled_dot": {"scale": 0.5},
}


@not_on_jax
@pytest.mark.parametrize("key", scores.available())
def test_comes_back_from_its_configuration(tensors, key):
    arguments = {"num_heads": 2, "key_dim": 3, **ARGUMENTS[key]}
    own = {*scores.get(key).get_config()} - {"name", "trainable", "dtype"}
    assert own == {*arguments}
    layer = scores.get(key, **arguments)
    again = scores.get(scores.serialize(layer))
    assert again.get_config() == layer.get_config()
    expected = keras.ops.convert_to_numpy(layer(*tensors))
    again.build(*[x.shape for x in tensors])
    again.set_weights(layer.get_weights())
    seen = keras.ops.convert_to_numpy(again(*tensors))
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize("key", scores.available())
def test_float64_is_kept(tensors, key):
    if keras.backend.backend() != "tensorflow":
        pytest.skip("Keras' matmul takes float64 down to float32 there")
    arguments = {"num_heads": 2, "key_dim": 3, **ARGUMENTS[key]}
    narrow = scores.get(key, **arguments)
    wide = scores.get(key, dtype="float64", **arguments)
    expected = keras.ops.convert_to_numpy(narrow(*tensors))
    wide.build(*[x.shape for x in tensors])
    wide.set_weights(narrow.get_weights())
    seen = wide(*[x.astype("float64") for x in tensors])
    assert keras.backend.standardize_dtype(seen.dtype) == "float64"
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(seen), expected, rtol=1e-4, atol=1e-4
    )


@pytest.mark.parametrize(
    "key, config, message",
    [
        ("dot", {}, "equally many.*Set key_dim"),
        ("dot", {"num_heads": 0}, "num_heads=0"),
        ("additive", {"num_heads": 3}, "divisible by num_heads"),
        ("additive", {"key_dim": 2.5}, "key_dim=2.5"),
        ("scaled_dot", {"num_heads": True}, "num_heads=True"),
        ("general", {"num_heads": 3}, "8 channels and num_heads=3"),
        ("cosine", {}, "equally many.*Set key_dim"),
        ("cosine", {"scale": 0, "key_dim": 4}, "scale=0"),
        ("parametrized", {}, "equally many.*Set key_dim"),
        ("location", {"num_heads": 0}, "num_heads=0"),
        ("concat", {"num_heads": 3}, "divisible by num_heads"),
        ("deep", {"num_heads": 3}, "divisible by num_heads"),
        ("biased_general", {"num_heads": 3}, "8 channels and num_heads=3"),
        ("euclidean", {}, "equally many.*Set key_dim"),
        ("gaussian", {}, "equally many.*Set key_dim"),
        ("kernel", {}, "equally many.*Set key_dim"),
    ],
)
def test_bad_input(key, config, message):
    with pytest.raises(ValueError, match=message):
        scores.get(key, **config)(np.ones((1, 1, 4)), np.ones((1, 5, 8)))
