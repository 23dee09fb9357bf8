"""Copies of an image: what is averaged, and what is turned back."""

import keras
import numpy as np
import pytest

from keras_attention import layers
from keras_attention import record_attention
from keras_attention.evaluation import predict_tta

pytestmark = pytest.mark.usefixtures("eagerly")
DIHEDRAL = (
    *("identity", "horizontal", "vertical", "rotate_90", "rotate_180"),
    *("rotate_270", "transpose", "transverse"),
)


@keras.saving.register_keras_serializable(package="tests")
class Brightest(layers.AttentionLayer2D):
    """Attends to each position by its brightness."""

    def build_attention(self, features_shape, query_shape):
        pass

    def attend(self, features, query=None, mask=None, training=None):
        total = keras.ops.sum(features, (1, 2), keepdims=True)
        weights = features / total
        maps = record_attention(
            self, keras.ops.transpose(weights, (0, 3, 1, 2))
        )
        return features * weights, maps

    def attention_shapes(self, features_shape, query_shape):
        batch, height, width, _ = features_shape
        return features_shape, (batch, 1, height, width)


def network(size=(6, 6), activation="softmax"):
    inputs = keras.Input((*size, 1))
    x = Brightest(name="bright")(inputs)
    x = keras.layers.Flatten()(x)
    return keras.Model(inputs, keras.layers.Dense(3, activation)(x))


def photographs(*size):
    return np.random.default_rng(0).random((5, *size, 1), "float32")


def copies(image):
    """All eight, by hand."""
    turns = [np.rot90(image, k) for k in range(4)]
    return [*turns, *(turn[:, ::-1] for turn in turns)]


def test_probabilities_are_averaged_over_all_copies():
    model, images = network(), photographs(6, 6)
    expected = [
        model.predict(np.stack(copies(image)), verbose=0).mean(0)
        for image in images
    ]
    seen = predict_tta(model, images, "dihedral", batch_size=2)
    np.testing.assert_allclose(seen, expected, rtol=1e-5)
    flips = predict_tta(model, images)
    by_hand = [
        model.predict(f(images), verbose=0)
        for f in (
            lambda x: x,
            lambda x: x[:, :, ::-1],
            lambda x: x[:, ::-1],
            lambda x: x[:, ::-1, ::-1],
        )
    ]
    np.testing.assert_allclose(flips, np.mean(by_hand, 0), rtol=1e-5)


@pytest.mark.parametrize("name", DIHEDRAL)
def test_maps_lie_on_the_image_as_it_is(name):
    images = photographs(6, 6)
    _, maps = predict_tta(
        network(), images, (name,), return_attention=True, batch_size=3
    )
    expected = (images / images.sum((1, 2), keepdims=True))[..., 0]
    np.testing.assert_allclose(maps["bright"][:, 0], expected, rtol=1e-5)


def test_images_that_are_not_square():
    model, images = network((4, 6)), photographs(4, 6)
    _, maps = predict_tta(model, images, return_attention=True)
    expected = (images / images.sum((1, 2), keepdims=True))[..., 0]
    np.testing.assert_allclose(maps["bright"][:, 0], expected, rtol=1e-5)
    with pytest.raises(ValueError, match="rotate_90, .* 4 and 6 .*'flips'"):
        predict_tta(model, images, "dihedral")


def test_logits_become_probabilities_first():
    images = photographs(6, 6)
    logits, told = network(activation=None), network()
    told.set_weights(logits.get_weights())
    expected = predict_tta(told, images)
    seen = predict_tta(logits, images, activation="softmax")
    np.testing.assert_allclose(seen, expected, rtol=1e-5)
    with pytest.raises(ValueError, match="no probabilities.*'softmax'"):
        predict_tta(logits, images)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"transforms": "mirror"}, "transforms.*'flips' or 'dihedral'"),
        ({"transforms": ()}, "transforms"),
        ({"transforms": ("identity",) * 2}, "different ones"),
        ({"activation": "relu"}, "activation"),
        ({"images": np.zeros((6, 6, 1))}, r"images.*\(6, 6, 1\)"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
def test_bad_arguments(options, message):
    options = {"images": photographs(6, 6), **options}
    with pytest.raises(ValueError, match=message):
        predict_tta(network(), **options)
