"""Bad arguments, odd sizes and odd inputs, for every layer there is."""

import inspect
import math

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import layers

SIZES = {
    "num_heads",
    "key_dim",
    "value_dim",
    "output_dim",
    "reduction_ratio",
    "hidden_dim",
    "kernel_size",
    "num_queries",
    "max_positions",
}
NUMBERS = {"dropout", "gamma", "beta", "temperature"}
KEYS = layers.available()
QUERIES = {"gate": (2, 3, 3, 6), "cross": (2, 3, 8)}


def arguments_of(key):
    constructor = inspect.signature(type(layers.get(key)).__init__)
    return {
        name: parameter.default
        for name, parameter in constructor.parameters.items()
        if name not in ("self", "kwargs")
    }


def bad_arguments():
    for key in KEYS:
        for name, default in arguments_of(key).items():
            if name in SIZES:
                bad = [0, -1, 2.5, True, "8", math.nan]
                optional = default is None or name == "max_positions"
                bad += [] if optional else [None]
            elif name in NUMBERS:
                bad = [-0.1, math.nan, math.inf, "a", None, True]
            elif isinstance(default, bool):
                bad = ["yes", 1, None]
            elif name in ("score", "alignment", "aggregation", "mode", "order"):
                bad = ["sofmax", 3]
            elif name in ("padding", "normalization"):
                bad = ["valid", 3]
            else:
                continue
            for value in bad:
                yield pytest.param(key, name, value, id=f"{key}-{name}-{value}")


def inputs_of(key, shape):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("float32")]
    if key in QUERIES:
        query = rng.normal(size=(shape[0], *QUERIES[key][1:]))
        arrays.append(query.astype("float32"))
    return arrays


@pytest.mark.parametrize(("key", "name", "value"), bad_arguments())
def test_bad_arguments_are_named(key, name, value):
    with pytest.raises(ValueError) as caught:
        layers.get(key, **{name: value})
    message = str(caught.value)
    assert name in message
    assert repr(value) in message or str(value) in message


@pytest.mark.parametrize("key", KEYS)
def test_unknown_arguments_are_named(key):
    with pytest.raises(ValueError, match="kernel_sise"):
        layers.get(key, kernel_sise=3)


@not_on_jax
@pytest.mark.parametrize("size", [(1, 1), (1, 7), (7, 13)], ids=str)
@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("key", KEYS)
def test_odd_sizes(key, batch, size):
    layer = layers.get(key)
    arrays = inputs_of(key, (batch, *size, 16))
    outputs, weights = layer(*arrays, return_attention_scores=True)
    shapes = layer.compute_output_shape(
        *[array.shape for array in arrays], return_attention_scores=True
    )
    for tensor, shape in zip((outputs, weights), shapes, strict=True):
        assert tuple(tensor.shape) == tuple(shape)
        assert np.isfinite(keras.ops.convert_to_numpy(tensor)).all()


@not_on_jax
@pytest.mark.parametrize("dtype", ["uint8", "int32", "float64"])
@pytest.mark.parametrize("key", KEYS)
def test_other_dtypes_are_cast(key, dtype):
    layer = layers.get(key)
    arrays = inputs_of(key, (2, 4, 5, 16))
    arrays[0] = np.round(9 * np.abs(arrays[0]))
    expected = keras.ops.convert_to_numpy(layer(*arrays))
    arrays[0] = arrays[0].astype(dtype)
    outputs = layer(*arrays)
    assert keras.backend.standardize_dtype(outputs.dtype) == "float32"
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), expected, rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("shape", [(2, 4, 8), (2, 0, 5, 8), (2, 4, 5, None)])
@pytest.mark.parametrize("key", KEYS)
def test_bad_shapes_are_shown(key, shape):
    shapes = [shape, *([QUERIES[key]] if key in QUERIES else [])]
    with pytest.raises(ValueError) as caught:
        layers.get(key).build(*shapes)
    assert str(shape) in str(caught.value)
