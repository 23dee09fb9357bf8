"""CBAM's channel half against NumPy."""

import keras
import numpy as np
import pytest

from keras_attention.layers.channel_attention import ChannelAttention2D

pytestmark = pytest.mark.computing


@pytest.fixture
def features():
    rng = np.random.default_rng(0)
    # Negative throughout, so that no masked place may count as 0.
    return rng.normal(-9, 1, size=(2, 3, 4, 8)).astype("float32")


def build(features, **arguments):
    layer = ChannelAttention2D(**arguments)
    layer.build(features.shape)
    rng = np.random.default_rng(1)
    layer.set_weights([0.1 * rng.normal(size=w.shape) for w in layer.weights])
    return layer


def numpy_gate(layer, positions):
    """The gates of images whose positions are on the second axis."""
    values = layer.get_weights()
    w_1, b_1, w_2, b_2 = (
        values if layer.use_bias else (values[0], 0, values[1], 0)
    )

    def score(statistics):
        return np.maximum(statistics @ w_1 + b_1, 0) @ w_2 + b_2

    scores = score(positions.mean(1)) + score(positions.max(1))
    return 1 / (1 + np.exp(-scores))


@pytest.mark.parametrize("use_bias", [True, False])
def test_equals_numpy(features, use_bias):
    layer = build(features, reduction_ratio=2, use_bias=use_bias)
    outputs, weights = layer(features, return_attention_scores=True)
    gate = numpy_gate(layer, features.reshape(2, 12, 8))[:, None, None]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights), gate, atol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), features * gate, atol=1e-5
    )


def test_statistics_are_taken_where_the_mask_is_true(features):
    layer = build(features, reduction_ratio=2)
    mask = np.zeros((2, 3, 4), bool)
    mask[:, 1:, 2] = True
    outputs, weights = layer(features, mask=mask, return_attention_scores=True)
    gate = numpy_gate(layer, features[:, 1:, 2])
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights)[:, 0, 0], gate, atol=1e-5
    )
    expected = features * gate[:, None, None] * mask[..., None]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), expected, atol=1e-5
    )


def test_order_of_positions_does_not_matter(features):
    layer = build(features)
    _, weights = layer(features, return_attention_scores=True)
    _, turned = layer(features[:, ::-1, ::-1], return_attention_scores=True)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(turned),
        keras.ops.convert_to_numpy(weights),
        atol=1e-6,
    )


@pytest.mark.parametrize(
    "arguments, shape, message",
    [
        ({"reduction_ratio": 2.5}, None, "reduction_ratio=2.5"),
        ({"hidden_dim": 0}, None, "hidden_dim=0"),
        ({"use_bias": None}, None, "use_bias=None"),
        ({}, (2, 0, 4, 8), "not empty"),
    ],
)
def test_bad_input(arguments, shape, message):
    with pytest.raises(ValueError, match=message):
        layer = ChannelAttention2D(**arguments)
        layer(np.zeros(shape, "float32"))
