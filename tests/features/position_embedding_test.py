"""What makes tokens of a map: positions that follow it, and a class token."""

import keras
import numpy as np
import pytest

from keras_attention.features import ClassToken
from keras_attention.features import PositionEmbedding2D
from keras_attention.internals.recording import sublayers
from keras_attention.ops import resize_map

LAYERS = [
    lambda **kwargs: PositionEmbedding2D((3, 2), "glorot_normal", **kwargs),
    ClassToken,
]


def maps(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


@pytest.mark.computing
def test_the_table_is_added_at_its_own_size():
    layer = PositionEmbedding2D()
    x = maps(2, 3, 4, 5)
    outputs = numpy(layer(x))
    table = numpy(layer.table)
    assert table.shape == (3, 4, 5) and 0.01 < table.std() < 0.04
    np.testing.assert_allclose(outputs, x + table, rtol=1e-6)


@pytest.mark.computing
@pytest.mark.parametrize("size", [(6, 8), (2, 7), (1, 1)])
def test_the_table_follows_the_map(size):
    layer = PositionEmbedding2D((3, 4))
    outputs = numpy(layer(np.zeros((2, *size, 5))))
    expected = numpy(resize_map(numpy(layer.table)[None], size))
    np.testing.assert_allclose(outputs[0], expected[0], atol=1e-6)
    np.testing.assert_array_equal(outputs[0], outputs[1])


@pytest.mark.computing
def test_the_token_is_the_first_of_a_row():
    layer = ClassToken()
    layer.build((2, 3, 4, 5))
    assert not numpy(layer.token).any()
    layer.token.assign(maps(1, 1, 5))
    x = maps(2, 3, 4, 5)
    outputs = numpy(layer(x))
    assert outputs.shape == (2, 1, 13, 5)
    np.testing.assert_array_equal(outputs[:, 0, 1:], x.reshape(2, 12, 5))
    for image in outputs:
        np.testing.assert_array_equal(image[0, 0], numpy(layer.token)[0, 0])


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("size", [(3, 4), (None, None), (3, None)])
def test_sizes_are_known_when_they_can_be(make, size):
    inputs = keras.Input((*size, 5))
    model = keras.Model(inputs, make()(inputs))
    x = maps(2, 3, 4, 5)
    # Sizes are not known inside either, under TensorFlow.
    outputs = model.predict(x, verbose=0)
    symbolic = model.output_shape[1:]
    for known, seen in zip(symbolic, outputs.shape[1:], strict=True):
        assert known in (None, seen)
    assert (None in symbolic) == (None in size)
    np.testing.assert_allclose(outputs, numpy(model.layers[-1](x)), rtol=1e-6)


@pytest.mark.parametrize("make", LAYERS)
def test_files_and_configurations_are_exact(make, tmp_path):
    inputs = keras.Input((None, None, 5))
    layer = make(name="layer")
    model = keras.Model(inputs, layer(inputs))
    for weight in layer.weights:
        weight.assign(maps(*weight.shape))
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    x = maps(2, 4, 3, 5)
    np.testing.assert_array_equal(numpy(loaded(x)), numpy(model(x)))
    again = dict(sublayers(loaded))["layer"]
    assert again.get_config() == layer.get_config()


@pytest.mark.parametrize("make", LAYERS)
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16"])
def test_precision_is_the_policys(make, policy):
    layer = make(dtype=policy)
    outputs = layer(maps(2, 4, 3, 5))
    dtype = keras.backend.standardize_dtype(outputs.dtype)
    assert dtype == policy.removeprefix("mixed_")


@pytest.mark.parametrize("make", LAYERS)
def test_pixels_are_cast(make):
    layer = make()
    pixels = np.ones((2, 4, 3, 5), "uint8")
    layer.build(pixels.shape)
    for weight in layer.weights:
        weight.assign(maps(*weight.shape))
    expected = numpy(layer(pixels.astype("float32")))
    np.testing.assert_array_equal(numpy(layer(pixels)), expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"grid_size": 14}, "grid_size.*two positive integers.*grid_size=14"),
        ({"grid_size": (14, 0)}, r"grid_size.*\(14, 0\)"),
        ({"grid_size": (14, None)}, r"grid_size.*\(14, None\)"),
        ({"grid_size": (1, 2, 3)}, r"grid_size.*\(1, 2, 3\)"),
        ({"initializer": "zero_s"}, "initializer"),
        ({"grid": (14, 14)}, "no argument grid.*Did you mean 'grid_size'"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        PositionEmbedding2D(**arguments)


def test_a_table_has_a_size():
    with pytest.raises(ValueError, match=r"needs a grid_size.*None, None, 5"):
        PositionEmbedding2D()(keras.Input((None, None, 5)))
