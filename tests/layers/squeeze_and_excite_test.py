"""Squeeze-and-excitation against NumPy."""

import keras
import numpy as np
import pytest

from keras_attention.layers import SqueezeAndExcite2D

pytestmark = pytest.mark.computing


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 8)).astype("float32")


def numpy_gate(layer, mean):
    w_1, b_1, w_2, b_2 = layer.get_weights()
    hidden = np.maximum(mean @ w_1 + b_1, 0)
    return 1 / (1 + np.exp(-(hidden @ w_2 + b_2)))


def test_equals_numpy(features):
    layer = SqueezeAndExcite2D(reduction_ratio=2)
    layer.build(features.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([rng.normal(size=w.shape) for w in layer.weights])
    outputs, weights = layer(features, return_attention_scores=True)
    gate = numpy_gate(layer, features.mean((1, 2)))[:, None, None]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights), gate, atol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), features * gate, atol=1e-5
    )


def test_mean_is_taken_where_the_mask_is_true(features):
    layer = SqueezeAndExcite2D(reduction_ratio=2)
    mask = np.zeros((2, 3, 4), bool)
    mask[:, 0] = True
    _, weights = layer(features, mask=mask, return_attention_scores=True)
    gate = numpy_gate(layer, features[:, 0].mean(1))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights)[:, 0, 0], gate, atol=1e-5
    )


@pytest.mark.parametrize(
    "arguments, hidden_dim",
    [
        ({}, 1),
        ({"reduction_ratio": 4}, 2),
        ({"reduction_ratio": 4, "hidden_dim": 5}, 5),
    ],
)
def test_bottleneck(features, arguments, hidden_dim):
    layer = SqueezeAndExcite2D(**arguments)
    layer(features)
    assert layer.squeeze.units == hidden_dim
    assert layer.count_params() == 2 * 8 * hidden_dim + hidden_dim + 8


@pytest.mark.parametrize(
    "arguments, shape, message",
    [
        ({"reduction_ratio": 0}, None, "reduction_ratio=0"),
        ({"hidden_dim": -1}, None, "hidden_dim=-1"),
        ({"use_bias": 1}, None, "use_bias=1"),
        ({"data_format": "nhwc"}, None, "data_format='nhwc'"),
        ({}, (2, 4, 8), "rank 4.*\\(2, 4, 8\\)"),
        ({}, (2, 0, 4, 8), "not empty"),
    ],
)
def test_bad_input(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        layer = SqueezeAndExcite2D(**arguments)
        layer(np.zeros(shape, "float32"))


def test_takes_no_query(features):
    with pytest.raises(ValueError, match="takes no query"):
        SqueezeAndExcite2D()(features, np.ones((2, 8), "float32"))
