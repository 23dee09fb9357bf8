"""The network over pairs: the same at once and in chunks, and its gradient."""

import keras
import numpy as np
import pytest
from choice import first
from gradients import MODES
from gradients import gradients
from gradients import not_on_jax

from keras_attention import ops
from keras_attention.ops import pairs as module

pytestmark = pytest.mark.computing
SIZES = {"batch": 2, "heads": 2, "queries": 5, "positions": 4, "units": 3}


def arrays(num_layers, dtype="float32", **sizes):
    """Queries, keys, `v` and the weights of the layers."""
    b, h, q, n, a = {**SIZES, **sizes}.values()
    shapes = [(b, h, q, a), (b, h, n, a), (h, a)]
    shapes += [(h, a, a), (h, a)] * num_layers
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape).astype(dtype) for shape in shapes]


def network(activation, chunk_size=None):
    """`pair_network` of plain tensors."""

    def function(queries, keys, vector, *weights):
        layers = list(zip(weights[::2], weights[1::2], strict=True))
        return ops.pair_network(
            queries, keys, vector, layers, activation, chunk_size
        )

    return function


FUNCTIONS = {
    "tanh": np.tanh,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x > 0, x, 0.2 * x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "softplus": lambda x: np.log1p(np.exp(x)),
    "linear": lambda x: x,
}


def closed_form(activation, queries, keys, vector, *weights):
    act = FUNCTIONS[activation]
    hidden = act(queries[:, :, :, None] + keys[:, :, None])
    for matrix, bias in zip(weights[::2], weights[1::2], strict=True):
        x = np.einsum("bhqna,hac->bhqnc", hidden, matrix)
        hidden = act(x + bias[:, None, None])
    return np.einsum("bhqna,ha->bhqn", hidden, vector)


def test_every_activation_is_tested():
    assert tuple(FUNCTIONS) == ops.ACTIVATIONS
    x = np.linspace(-3, 3, 50)
    for name, function in FUNCTIONS.items():
        positive = name in ops.NON_NEGATIVE_ACTIVATIONS
        assert (function(x) >= 0).all() == positive


@pytest.mark.parametrize("activation", FUNCTIONS)
@pytest.mark.parametrize("num_layers", [pytest.param(0, marks=not_on_jax), 2])
def test_chunks_change_neither_values_nor_gradients(activation, num_layers):
    inputs = arrays(num_layers)
    direction = np.random.default_rng(1).normal(size=(2, 2, 5, 4))
    value, pulled = gradients(network(activation), inputs, direction)
    wide = [x.astype("float64") for x in inputs]
    np.testing.assert_allclose(
        value, closed_form(activation, *wide), rtol=1e-4, atol=1e-5
    )
    # Five queries, two at a time: the last chunk is not full.
    seen, also = gradients(network(activation, 2), inputs, direction)
    np.testing.assert_allclose(seen, value, rtol=1e-5, atol=1e-6)
    assert len(also) == len(inputs)
    for a, b in zip(also, pulled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("chunk_size", first(1, [2, None, 1, 7]))
def test_modes_agree(monkeypatch, mode, chunk_size):
    # Automatically two queries at a time: (4 x 3 x 2) x 2 <= 50.
    monkeypatch.setattr(module, "_UNITS_AT_A_TIME", 50)
    inputs = arrays(1)
    direction = np.random.default_rng(1).normal(size=(2, 2, 5, 4))
    value, pulled = gradients(network("tanh", 5), inputs, direction)
    seen, also = gradients(network("tanh", chunk_size), inputs, direction, mode)
    np.testing.assert_allclose(seen, value, rtol=1e-5, atol=1e-6)
    for a, b in zip(also, pulled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("mode", ["eager", "graph"])
def test_query_shared_by_the_batch(mode):
    queries, *others = arrays(0)
    inputs = [queries[:1], *others]
    value, pulled = gradients(network("tanh"), inputs)
    seen, also = gradients(network("tanh", 2), inputs, mode=mode)
    np.testing.assert_allclose(seen, value, rtol=1e-5, atol=1e-6)
    assert also[0].shape == (1, 2, 5, 3)
    for a, b in zip(also, pulled, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_float64():
    inputs = arrays(1, "float64")
    if keras.backend.backend() == "jax":
        pytest.skip("JAX has no float64 unless it is started with it")
    for activation in FUNCTIONS:
        seen, pulled = gradients(network(activation, 2), inputs)
        assert seen.dtype == pulled[0].dtype == "float64"
        np.testing.assert_allclose(
            seen, closed_form(activation, *inputs), rtol=1e-12
        )


def test_automatic_chunks_depend_on_the_image_alone():
    def size(queries, positions, batch=1, units=64, chunk_size=None):
        return module._queries_at_a_time(
            keras.KerasTensor((batch, 1, queries, units)),
            keras.KerasTensor((batch, 1, positions, units)),
            chunk_size,
        )

    assert size(1, 10**6) is None
    assert size(49, 49) is None
    # 8 MiB = 10 rows of 3,136 positions with 64 units in float32.
    assert size(3136, 3136) == size(3136, 3136, batch=None) == 10
    assert size(None, 3136) == 10
    assert size(4, 10**6) == 1
    # A few queries on a map of unknown size, as a learned query is.
    assert size(4, None) is None
    assert size(4, None, chunk_size=2) == size(4, 9, chunk_size=2) == 2
    assert size(4, 9, chunk_size=4) is None


def test_traced_for_its_shape():
    queries, keys = (keras.KerasTensor((2, 1, n, 3)) for n in (6, 4))
    vector = keras.ops.ones((1, 3))
    result = ops.pair_network(queries, keys, vector, chunk_size=2)
    assert tuple(result.shape) == (2, 1, 6, 4)
