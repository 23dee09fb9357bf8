"""CBAM's spatial half against NumPy."""

import keras
import numpy as np
import pytest

from keras_attention.layers.spatial_attention import SpatialAttention2D

pytestmark = pytest.mark.computing
EPSILON = 1e-5


@pytest.fixture
def features():
    return np.random.default_rng(0).normal(size=(2, 5, 6, 8)).astype("float32")


@pytest.fixture
def mask():
    mask = np.random.default_rng(2).random((2, 5, 6)) < 0.6
    mask[0, 0, 0] = False
    return mask


def build(features, **arguments):
    layer = SpatialAttention2D(**arguments)
    layer.build(features.shape)
    rng = np.random.default_rng(1)
    layer.set_weights(
        [rng.random(w.shape) - 0.3 for w in layer.weights[:3]]
        + [rng.random(w.shape) + 0.2 for w in layer.weights[3:]]
    )
    return layer


def numpy_scores(kernel, features):
    """A convolution with zeros beyond the border, by loops."""
    size = len(kernel)
    statistics = np.stack([features.mean(-1), features.max(-1)], -1)
    half = size // 2
    padded = np.pad(statistics, ((0, 0), (half, half), (half, half), (0, 0)))
    scores = np.zeros(features.shape[:3])
    for i in range(features.shape[1]):
        for j in range(features.shape[2]):
            window = padded[:, i : i + size, j : j + size]
            scores[:, i, j] = (window * kernel[..., 0]).sum((1, 2, 3))
    return scores


def numpy_gates(layer, features):
    kernel, *statistics = layer.get_weights()
    scores = numpy_scores(kernel, features)
    if statistics:
        gamma, beta, mean, variance = statistics
        scores = gamma * (scores - mean) / np.sqrt(variance + EPSILON) + beta
    return 1 / (1 + np.exp(-scores))


@pytest.mark.parametrize("kernel_size", [1, 3, 7])
@pytest.mark.parametrize("normalization", ["batch", None])
def test_equals_numpy(features, kernel_size, normalization):
    layer = build(
        features, kernel_size=kernel_size, normalization=normalization
    )
    outputs, weights = layer(features, return_attention_scores=True)
    gates = numpy_gates(layer, features)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights)[:, 0], gates, atol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs),
        features * gates[..., None],
        atol=1e-5,
    )


def test_masked_places_are_like_places_beyond_the_border(features, mask):
    layer = build(features)
    outputs, weights = layer(features, mask=mask, return_attention_scores=True)
    hidden = features * mask[..., None]
    gates = numpy_gates(layer, hidden) * mask
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights)[:, 0], gates, atol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs),
        hidden * gates[..., None],
        atol=1e-5,
    )
    # The same image cut out of its mask, or put into one.
    frame = np.pad(features, ((0, 0), (2, 1), (0, 3), (0, 0)))
    inside = np.pad(np.ones((2, 5, 6), bool), ((0, 0), (2, 1), (0, 3)))
    framed = keras.ops.convert_to_numpy(layer(frame, mask=inside))
    np.testing.assert_allclose(
        framed[:, 2:-1, :-3],
        keras.ops.convert_to_numpy(layer(features)),
        atol=1e-5,
    )


@pytest.mark.parametrize("masked", [False, True])
def test_training_normalizes_over_valid_positions(features, mask, masked):
    layer = build(features)
    kernel, gamma, beta, mean, variance = layer.get_weights()
    mask = mask if masked else None
    valid = np.ones((2, 5, 6), bool) if mask is None else mask
    scores = numpy_scores(kernel, features * valid[..., None])
    batch_mean, batch_variance = scores[valid].mean(), scores[valid].var()
    _, weights = layer(
        features, mask=mask, training=True, return_attention_scores=True
    )
    scores = (scores - batch_mean) / np.sqrt(batch_variance + EPSILON)
    gates = valid / (1 + np.exp(-gamma * scores - beta))
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(weights)[:, 0], gates, atol=1e-5
    )
    *_, new_mean, new_variance = layer.get_weights()
    np.testing.assert_allclose(
        new_mean, 0.9 * mean + 0.1 * batch_mean, atol=1e-5
    )
    np.testing.assert_allclose(
        new_variance, 0.9 * variance + 0.1 * batch_variance, rtol=1e-5
    )


def test_layer_that_is_frozen_before_it_is_built_keeps_its_statistics(features):
    layer = SpatialAttention2D(trainable=False)
    layer(features)
    before = layer.get_weights()
    layer(features, training=True)
    np.testing.assert_array_equal(layer.get_weights()[-2:], before[-2:])


def test_keras_default_layout_changes_nothing_inside(features):
    expected = keras.ops.convert_to_numpy(build(features)(features))
    layout = keras.config.image_data_format()
    keras.config.set_image_data_format("channels_first")
    try:
        layer = build(features, data_format="channels_last")
        outputs = keras.ops.convert_to_numpy(layer(features))
    finally:
        keras.config.set_image_data_format(layout)
    np.testing.assert_array_equal(outputs, expected)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"kernel_size": -7}, "kernel_size=-7"),
        ({"kernel_size": 6}, "odd number. Received: kernel_size=6"),
        ({"kernel_size": (7, 7)}, "positive integer"),
        ({"normalization": "layer"}, "'batch', None.*normalization='layer'"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpatialAttention2D(**arguments)
