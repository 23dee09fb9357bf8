"""Efficient channel attention against NumPy."""

import keras
import numpy as np
import pytest

from keras_attention.layers.efficient_channel_attention import (
    EfficientChannelAttention2D,
)

pytestmark = pytest.mark.computing


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 3, 4, 8)).astype("float32")


def numpy_gate(kernel, means, padding):
    half = len(kernel) // 2
    mode = {"same": "constant", "circular": "wrap"}[padding]
    padded = np.pad(means, ((0, 0), (half, half)), mode)
    windows = np.lib.stride_tricks.sliding_window_view(
        padded, len(kernel), axis=1
    )
    return 1 / (1 + np.exp(-windows @ kernel))


def build(features, **arguments):
    layer = EfficientChannelAttention2D(**arguments)
    layer.build(features.shape)
    (kernel,) = layer.get_weights()
    kernel = np.random.default_rng(1).normal(size=kernel.shape)
    layer.set_weights([kernel])
    return layer, kernel[:, 0, 0]


@pytest.mark.parametrize("kernel_size", [1, None, 5, 17])
@pytest.mark.parametrize("padding", ["same", "circular"])
def test_equals_numpy(features, padding, kernel_size):
    layer, kernel = build(features, kernel_size=kernel_size, padding=padding)
    outputs, weights = layer(features, return_attention_scores=True)
    gate = numpy_gate(kernel, features.mean((1, 2)), padding)[:, None, None]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights), gate, atol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), features * gate, atol=1e-5
    )


def test_mean_is_taken_where_the_mask_is_true(features):
    layer, kernel = build(features)
    mask = np.zeros((2, 3, 4), bool)
    mask[:, 1:, 2] = True
    outputs, weights = layer(features, mask=mask, return_attention_scores=True)
    gate = numpy_gate(kernel, features[:, 1:, 2].mean(1), "same")
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights)[:, 0, 0], gate, atol=1e-5
    )
    expected = features * gate[:, None, None] * mask[..., None]
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), expected, atol=1e-5
    )


def test_circular_channels_have_no_ends(features):
    layer, _ = build(features, padding="circular")
    outputs = keras.ops.convert_to_numpy(layer(features))
    rolled = keras.ops.convert_to_numpy(layer(np.roll(features, 3, -1)))
    np.testing.assert_allclose(np.roll(outputs, 3, -1), rolled, atol=1e-6)


@pytest.mark.parametrize(
    "channels, size",
    # Those of the paper: 3 for 64 channels, 5 for 128 to 1024, 7 for 2048.
    [(1, 3), (2, 3), (64, 3), (127, 3), (128, 5), (1024, 5), (2048, 7)],
)
def test_kernel_grows_with_the_channels(channels, size):
    layer = EfficientChannelAttention2D()
    layer.build((None, None, None, channels))
    assert layer.count_params() == size


def test_how_the_kernel_grows_can_be_chosen():
    layer = EfficientChannelAttention2D(gamma=1, beta=2)
    layer.build((None, None, None, 64))  # 6 + 2 = 8
    assert layer.count_params() == 9


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernel_size": 0}, "kernel_size=0"),
        ({"kernel_size": 4}, "odd number. Received: kernel_size=4"),
        ({"kernel_size": 19}, "8 channels.*at most 17.*kernel_size=19"),
        ({"gamma": 0}, "gamma=0"),
        ({"beta": float("nan")}, "beta=nan"),
        ({"padding": "valid"}, "'same', 'circular'. Received: padding='valid'"),
    ],
)
def test_bad_input(features, arguments, message):
    with pytest.raises(ValueError, match=message):
        EfficientChannelAttention2D(**arguments)(features)
