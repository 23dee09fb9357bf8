"""Odd sizes, odd inputs and odd uses, for every layer there is."""

import copy
import json

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import layers

KEYS = layers.available()
QUERIES = {"gate": (2, 3, 3, 6), "cross": (2, 3, 8)}


def inputs_of(key, shape):
    rng = np.random.default_rng(0)
    arrays = [rng.normal(size=shape).astype("float32")]
    if key in QUERIES:
        query = rng.normal(size=(shape[0], *QUERIES[key][1:]))
        arrays.append(query.astype("float32"))
    return arrays


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


@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="shapes are static on the other backends",
)
def test_one_side_of_the_map_may_be_known():
    import tensorflow as tf

    arrays = {key: inputs_of(key, (2, 4, 5, 8)) for key in KEYS}
    # Relative positions have a vector for every distance.
    free = {"aa_conv": {"relative_positions": False}}
    mechanisms = {key: layers.get(key, **free.get(key, {})) for key in KEYS}
    outputs = {
        key: mechanisms[key](*arrays[key], return_attention_scores=True)
        for key in KEYS
    }
    signature = {
        key: [
            tf.TensorSpec((None, None, *array.shape[2:]), array.dtype)
            for array in arrays[key]
        ]
        for key in KEYS
    }

    @tf.function(input_signature=[signature])
    def run(arrays):
        return {
            key: mechanisms[key](*arrays[key], return_attention_scores=True)
            for key in KEYS
        }

    seen = run(arrays)
    for key in KEYS:
        for a, b in zip(seen[key], outputs[key], strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


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


# Every argument of every layer, at another value than its default.
STARTED = keras.initializers.RandomNormal(stddev=0.02, seed=3)
BOTTLENECK = {
    "reduction_ratio": 4,
    "hidden_dim": 3,
    "activation": "gelu",
    "use_bias": False,
    "kernel_initializer": STARTED,
    "identity_init": True,
}
REDUCED = {
    "reduction_ratio": 4,
    "key_dim": 3,
    "use_bias": False,
    "kernel_initializer": STARTED,
    "identity_init": True,
}
HEADS = {
    "num_heads": 2,
    "key_dim": 3,
    "value_dim": 8,
    "dropout": 0.2,
    "use_bias": False,
    "kernel_initializer": STARTED,
    "seed": 4,
}
ATTENDED = {
    **HEADS,
    "score": "additive",
    "alignment": "sigmoid",
    "output_projection": False,
    "max_positions": 99,
}
ARGUMENTS = {
    "aa_conv": {
        **ATTENDED,
        "num_heads": 3,
        "scale_positions": False,
        "filters": 40,
        "kernel_size": 5,
    },
    "attn_pool": {
        "score": "dot",
        "alignment": "sparsemax",
        "aggregation": "merge_heads",
        "num_heads": 2,
        "num_queries": 3,
        "key_dim": 5,
        "dropout": 0.2,
        "query_initializer": STARTED,
        "seed": 4,
    },
    "cbam": {
        **BOTTLENECK,
        "kernel_size": 5,
        "normalization": None,
        "order": "spatial_first",
        "residual": True,
    },
    "cbam_channel": BOTTLENECK,
    "cbam_spatial": {
        "kernel_size": 5,
        "normalization": None,
        "kernel_initializer": STARTED,
        "identity_init": True,
    },
    "cross": {
        **HEADS,
        "score": "general",
        "alignment": "entmax15",
        "output_dim": 5,
    },
    "criss_cross": REDUCED,
    "dual": {**REDUCED, "max_positions": 99},
    "eca": {
        "gamma": 3,
        "beta": 2,
        "kernel_size": 5,
        "padding": "circular",
        "kernel_initializer": STARTED,
        "identity_init": True,
    },
    "gate": {
        "alignment": "entmax15",
        "aggregation": "weighted_sum",
        "key_dim": 4,
        "activation": "tanh",
        "use_bias": True,
        "kernel_initializer": STARTED,
        "sub_sample": 2,
    },
    "mhsa": {
        **ATTENDED,
        "relative_positions": True,
        "scale_positions": False,
        "identity_init": True,
    },
    "nonlocal": {
        "mode": "dot_product",
        "reduction_ratio": 4,
        "key_dim": 3,
        "sub_sample": True,
        "scaled_by": "channels",
        "normalization": None,
        "use_bias": False,
        "residual": False,
        "kernel_initializer": STARTED,
        "max_positions": 99,
        "identity_init": True,
    },
    "sagan": {
        "variant": "official",
        "reduction_ratio": 2,
        "spectral_normalization": False,
        "alignment": "sparsemax",
        "kernel_initializer": STARTED,
        "max_positions": 99,
        "identity_init": False,
    },
    "se": BOTTLENECK,
}


@pytest.mark.parametrize("key", KEYS)
def test_every_argument_comes_back_from_the_configuration(key):
    given = {
        **ARGUMENTS[key],
        "data_format": "channels_first",
        "name": "layer",
        "trainable": False,
        "dtype": "mixed_bfloat16",
    }
    layer = layers.get(key, **given)
    config = layer.get_config()
    # Layers that change the map refuse the first two; aa_conv needs the last
    # as it is, for scale_positions=False.
    missing = {*config} - {*given}
    assert missing <= {
        "identity_init",
        "output_projection",
        "relative_positions",
    }
    plain = layers.get(key).get_config()
    assert all(config[name] != plain[name] for name in given)
    for name, value in given.items():
        if isinstance(value, int | float):
            assert config[name] == value
    stored = json.loads(json.dumps(config))
    assert type(layer).from_config(stored).get_config() == config


@pytest.mark.parametrize("key", KEYS)
def test_copies_and_shared_layers(key):
    arrays = inputs_of(key, (2, 4, 5, 16))
    inputs = [keras.Input(array.shape[1:]) for array in arrays]
    layer = layers.get(key)
    model = keras.Model(inputs, [layer(*inputs), layer(*inputs)])
    assert len(model.weights) == len(layer.weights)

    def outputs(model):
        return keras.ops.convert_to_numpy(model(arrays)[1])

    expected = outputs(model)
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(outputs(twin), expected)
    for weight in twin.weights:
        weight.assign(weight + 1)
    np.testing.assert_array_equal(outputs(model), expected)
    again = copy.deepcopy(layers.get(key))
    assert again(*arrays).shape == expected.shape
    if len(arrays) == 1:
        nested = keras.Sequential([keras.Sequential([layer])])
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(nested(arrays[0])), expected
        )


@pytest.mark.parametrize("key", KEYS)
def test_images_do_not_see_each_other(key):
    # So that a last batch, which is smaller, is like any other.
    layer = layers.get(key)
    arrays = inputs_of(key, (3, 4, 5, 16))
    whole = keras.ops.convert_to_numpy(layer(*arrays))
    one = layer(*[array[2:] for array in arrays])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(one), whole[2:], atol=1e-6
    )


@pytest.mark.computing
@pytest.mark.parametrize("key", ["attn_pool", "cross", "eca", "se"])
def test_order_of_positions_does_not_matter(key):
    features, *query = inputs_of(key, (2, 4, 5, 16))
    order = np.random.default_rng(1).permutation(20)

    def permuted(x):
        x = keras.ops.convert_to_numpy(x)
        if x.ndim < 4:  # a vector for every image or query
            return x
        return x.reshape(2, 20, -1)[:, order].reshape(x.shape)

    layer = layers.get(key)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(permuted(features), *query)),
        permuted(layer(features, *query)),
        atol=2e-5,
    )


def test_what_moves_is_gated_where_it_goes():
    features = np.zeros((1, 12, 12, 4), "float32")
    features[:, 4:8, 4:8] = inputs_of("se", (1, 4, 4, 4))[0]
    layer = layers.get("cbam_spatial", kernel_size=3)
    gated = keras.ops.convert_to_numpy(layer(features))
    moved = layer(np.roll(features, (1, 2), (1, 2)))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(moved),
        np.roll(gated, (1, 2), (1, 2)),
        atol=2e-5,
    )
