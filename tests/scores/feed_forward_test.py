"""Scores by a small network: closed forms, dialects and how they relate."""

import keras
import numpy as np
import pytest
from choice import first
from gradients import MODES
from gradients import gradients

from keras_attention import layers
from keras_attention import scores
from keras_attention.ops import ACTIVATIONS

pytestmark = pytest.mark.computing
KEYS = ["additive", "concat", "deep", "gated_additive"]
FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "linear": lambda x: x,
    None: lambda x: x,
}


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 6)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


def built(key, query_shape=(2, 3, 6), features_shape=(2, 5, 8), **config):
    """A score with random weights, biases included."""
    layer = scores.get(key, **config)
    layer.build(query_shape, features_shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    return layer


def by_name(layer):
    return {
        w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w).astype("float64")
        for w in layer.weights
    }


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def split(x, num_heads):
    return x.reshape(*x.shape[:2], num_heads, -1).transpose(0, 2, 1, 3)


def closed_form(layer, query, features):
    """The formula, in float64."""
    w = by_name(layer)
    act = FUNCTIONS[layer.activation]
    if "matrix" in w:
        w_q, w_k = np.split(w["matrix"], [query.shape[-1]])
    else:
        w_q, w_k = w["query/kernel"], w["key/kernel"]
    bias = w.get("bias", w.get("query/bias", 0))
    q = split(query @ w_q + bias, layer.num_heads)
    k = split(features @ w_k, layer.num_heads)
    hidden = act(q[:, :, :, None] + k[:, :, None])
    for number in range(2, getattr(layer, "num_layers", 2)):
        matrix, bias = w[f"matrix_{number}"], w[f"bias_{number}"]
        hidden = act(
            np.einsum("bhqna,hac->bhqnc", hidden, matrix) + bias[:, None, None]
        )
    result = np.einsum("bhqna,ha->bhqn", hidden, w["vector"])
    result = result + w.get("score_bias", np.zeros(1))[:, None, None]
    return FUNCTIONS[getattr(layer, "output_activation", None)](result)


@pytest.mark.parametrize("num_heads, key_dim", [(1, None), (2, None), (2, 3)])
@pytest.mark.parametrize(
    "key, config",
    [
        ("additive", {}),
        ("additive", {"use_bias": False}),  # Bahdanau's
        ("additive", {"activation": "relu"}),
        ("concat", {}),  # Luong's
        ("concat", {"activation": "relu", "use_bias": True}),
        (  # of non-local networks
            "concat",
            {
                "activation": "linear",
                "output_activation": "relu",
                "use_bias": True,
            },
        ),
        (  # of graph attention networks
            "concat",
            {"activation": "linear", "output_activation": "leaky_relu"},
        ),
        ("deep", {}),
        ("deep", {"num_layers": 2, "activation": "tanh"}),
        ("deep", {"num_layers": 4, "use_bias": False}),
        ("gated_additive", {}),
        ("gated_additive", {"activation": "softplus", "use_bias": False}),
    ],
)
def test_closed_form(tensors, key, config, num_heads, key_dim):
    layer = built(key, num_heads=num_heads, key_dim=key_dim, **config)
    np.testing.assert_allclose(
        numpy(layer(*tensors)),
        closed_form(layer, *tensors),
        rtol=1e-4,
        atol=1e-4,
    )
    biases = [name for name in by_name(layer) if name.endswith("/bias")]
    biases += [name for name in by_name(layer) if name == "bias"]
    assert len(biases) == layer.use_bias


def test_the_papers_are_the_defaults():
    assert scores.get("concat").activation == "tanh"
    assert not scores.get("concat").use_bias
    assert scores.get("gated_additive").activation == "relu"
    assert [scores.get(key).positive_scores for key in KEYS] == [False] * 4
    assert scores.get("concat", output_activation="relu").positive_scores


def test_two_layers_are_the_additive_score(tensors):
    deep = built("deep", num_layers=2, activation="tanh")
    additive = built("additive")
    for name in ("query_dense", "key_dense"):
        getattr(additive, name).set_weights(getattr(deep, name).get_weights())
    additive.vector.assign(deep.vector)
    np.testing.assert_allclose(
        numpy(deep(*tensors)) - numpy(deep.score_bias),
        numpy(additive(*tensors)),
        atol=1e-5,
    )


def test_gate_between_equal_maps_is_the_diagonal():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 2, 3, 4)).astype("float32")
    guide = rng.normal(size=(2, 2, 3, 5)).astype("float32")
    gate = layers.AttentionGate2D(key_dim=8, use_bias=True)
    gate(features, guide)
    gate.set_weights([rng.normal(size=w.shape) for w in gate.weights])
    _, weights = gate(features, guide, return_attention_scores=True)
    score = scores.get("gated_additive", key_dim=8)
    queries, tokens = guide.reshape(2, 6, 5), features.reshape(2, 6, 4)
    score.build(queries.shape, tokens.shape)
    score.query_dense.set_weights(gate.query_dense.get_weights())
    score.key_dense.set_weights(gate.features_dense.get_weights())
    psi, bias = gate.score_dense.get_weights()
    score.vector.assign(psi.T)
    score.score_bias.assign(bias)
    pairs = numpy(keras.ops.sigmoid(score(queries, tokens)))[:, 0]
    np.testing.assert_allclose(
        np.diagonal(pairs, axis1=1, axis2=2).reshape(2, 1, 2, 3),
        numpy(weights),
        atol=1e-5,
    )


def test_bias_of_the_gate_starts_where_it_is_told(tensors):
    layer = scores.get(
        "gated_additive",
        key_dim=4,
        score_bias_initializer=keras.initializers.Constant(3.0),
    )
    again = scores.get(scores.serialize(layer))
    for score in (layer, again):
        score(*tensors)
        np.testing.assert_array_equal(numpy(score.score_bias), [3.0])


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("key", first(2, KEYS))
def test_chunks_of_queries(tensors, key, mode):
    """Weights and inputs get the same gradients, whatever the chunks."""
    whole = built(key, num_heads=2, key_dim=3)
    chunked = built(key, num_heads=2, key_dim=3, chunk_size=2)
    assert chunked.get_config()["chunk_size"] == 2
    direction = np.random.default_rng(2).normal(size=(2, 2, 3, 5))
    value, pulled = gradients(whole, tensors, direction)
    seen, also = gradients(chunked, tensors, direction, mode)
    np.testing.assert_allclose(seen, value, rtol=1e-5, atol=1e-5)
    for a, b in zip(also, pulled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)


def test_training_in_chunks(tensors):
    """A step of training moves every weight as without chunks."""
    target = np.random.default_rng(2).normal(size=(2, 2, 3, 5))
    after = []
    for chunk_size in (None, 2):
        layer = built("deep", num_heads=2, key_dim=3, chunk_size=chunk_size)
        inputs = keras.Input((3, 6)), keras.Input((5, 8))
        model = keras.Model(inputs, layer(*inputs))
        model.compile(keras.optimizers.SGD(0.1), "mse")
        before = layer.get_weights()
        model.train_on_batch(tensors, target)
        after.append(layer.get_weights())
    for old, whole, chunks in zip(before, *after, strict=True):
        assert np.abs(whole - old).max() > 1e-6
        np.testing.assert_allclose(chunks, whole, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    "key, config, message",
    [
        ("additive", {"activation": "swish"}, "one of 'tanh'.*'swish'"),
        ("additive", {"use_bias": 1}, "use_bias=1"),
        ("additive", {"chunk_size": 0}, "chunk_size=0"),
        ("concat", {"output_activation": "max"}, "output_activation='max'"),
        ("deep", {"num_layers": 1}, "at least 2.*num_layers=1"),
        ("deep", {"num_layers": 2.0}, "num_layers=2.0"),
        ("gated_additive", {"score_bias_initializer": "three"}, "three"),
    ],
)
def test_bad_arguments(key, config, message):
    with pytest.raises(ValueError, match=message):
        scores.get(key, **config)


def test_activations_are_described():
    for key in KEYS:
        text = type(scores.get(key)).__doc__
        assert all(f'"{name}"' in text for name in ACTIVATIONS)
