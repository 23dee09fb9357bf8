"""Maps of the image's pixels, against what a linear model does."""

import functools

import keras
import numpy as np
import pytest

from keras_attention import explanation
from keras_attention.datasets import Originals

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(3, 8, 8, 2)).astype("float32")
WEIGHTS = RNG.normal(size=(128, 2)).astype("float32")
OF_CLASS = WEIGHTS.reshape(8, 8, 2, 2)[..., 1]


@pytest.fixture(scope="module")
def linear():
    inputs = keras.Input((8, 8, 2))
    dense = keras.layers.Dense(2)
    outputs = dense(keras.layers.Flatten()(inputs))
    dense.kernel.assign(WEIGHTS)
    return keras.Model(inputs, outputs)


@pytest.mark.computing
def test_gradients_of_a_linear_model_are_its_weights(linear):
    sizes = np.abs(OF_CLASS).max(-1)[None].repeat(3, 0)
    near = {"rtol": 1e-5, "atol": 1e-5}
    np.testing.assert_allclose(
        explanation.saliency(linear, IMAGES, 1, batch_size=2), sizes, **near
    )
    smooth = explanation.smooth_grad(linear, IMAGES, 1, samples=2)
    np.testing.assert_allclose(smooth, sizes, **near)
    np.testing.assert_allclose(
        explanation.integrated_gradients(linear, IMAGES, 1, baseline=1.0),
        ((IMAGES - 1) * OF_CLASS).sum(-1),
        **near,
    )
    np.testing.assert_allclose(
        explanation.occlusion(
            linear, IMAGES, 1, size=1, stride=1, baseline=1.0, batch_size=50
        ),
        ((IMAGES - 1) * OF_CLASS).sum(-1),
        **near,
    )


@pytest.fixture(scope="module")
def curved():
    inputs = keras.Input((8, 8, 2))
    x = keras.layers.Conv2D(3, 3, activation="tanh", name="map")(inputs)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(3, "softmax", name="a")(x))


@pytest.mark.computing
def test_integrated_gradients_are_complete(curved):
    logits = keras.Sequential(curved.layers[:-1])
    dense = curved.get_layer("a")

    def score(images):
        pooled = logits.predict(images, verbose=0)
        kernel, bias = dense.get_weights()
        return (pooled @ kernel + bias)[:, 2]

    maps = explanation.integrated_gradients(curved, IMAGES, 2)
    np.testing.assert_allclose(
        maps.sum((1, 2)), score(IMAGES) - score(0 * IMAGES), atol=1e-3
    )
    # The predicted class is the image's, all the way.
    predicted = curved.predict(IMAGES, verbose=0).argmax(1)
    np.testing.assert_array_equal(
        explanation.integrated_gradients(curved, IMAGES, steps=3),
        explanation.integrated_gradients(curved, IMAGES, predicted, steps=3),
    )


def test_noise_is_drawn_by_the_seed(curved):
    maps = [
        explanation.smooth_grad(curved, IMAGES, 1, samples=2, seed=seed)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(maps[0], maps[1])
    assert (maps[0] != maps[2]).any()


@pytest.fixture(scope="module")
def corner():
    """Answers what it sees in one corner."""
    inputs = keras.Input((8, 8, 2))
    return keras.Model(inputs, keras.ops.mean(inputs[:, :3, 5:], (1, 2)))


def test_what_hides_the_corner_changes_the_answer(corner):
    images = np.ones((1, 8, 8, 2))
    falls = explanation.occlusion(corner, images, 1, size=2, stride=1)[0]
    assert falls[:3, 5:].min() > 0
    assert not falls[4:].any() and not falls[:, :4].any()
    shown = explanation.rise(corner, images, 1, samples=200, cells=4)[0]
    assert shown[:3, 5:].min() > shown[5:, :3].max()
    # The answer is the corner's mean, so that masks weigh as they show it.
    np.testing.assert_allclose(
        explanation.rise(corner, 2 * images, 1, samples=20, cells=4),
        2 * explanation.rise(corner, images, 1, samples=20, cells=4),
        rtol=1e-5,
    )


def test_score_cam_by_hand(curved):
    maps = keras.Model(curved.inputs, curved.get_layer("map").output)
    values = maps.predict(IMAGES, verbose=0)[0]
    low, high = values.min((0, 1)), values.max((0, 1))
    shares = (values - low) / (high - low)

    def answer(mask):
        mask = explanation.pixels.enlarged(mask[None], (8, 8))[0, ..., None]
        return curved.predict((IMAGES[0] * mask)[None], verbose=0)[0, 1]

    scores = np.array([answer(shares[..., k]) for k in range(3)])
    for weighting, weights in [
        ("score", scores),
        ("softmax", np.exp(scores) / np.exp(scores).sum()),
    ]:
        seen = explanation.score_cam(curved, IMAGES, 1, weighting=weighting)
        expected = np.maximum((values * weights).sum(-1), 0)
        np.testing.assert_allclose(seen[0], expected, atol=1e-5)


def test_volumes(curved):
    cubes = keras.Input((6, 6, 6, 1))
    x = keras.layers.Conv3D(2, 3)(cubes)
    x = keras.layers.GlobalAveragePooling3D()(x)
    model = keras.Model(cubes, keras.layers.Dense(2)(x))
    volumes = RNG.normal(size=(1, 6, 6, 6, 1))
    for maps in (
        explanation.saliency(model, volumes),
        explanation.occlusion(model, volumes, size=3),
        explanation.rise(model, volumes, samples=3, cells=2),
    ):
        assert maps.shape == (1, 6, 6, 6) and maps.any()


def test_bad_arguments(curved):
    for name, arguments, message in [
        ("occlusion", {"size": 9}, "at most the image's 8 pixels"),
        ("rise", {"shown": 1.0}, "shown"),
        ("rise", {"shown": 0.0}, "shown"),
        ("rise", {"samples": 0}, "samples"),
        ("score_cam", {"weighting": "sofmax"}, "weighting"),
        ("smooth_grad", {"noise": -1}, "noise"),
        ("integrated_gradients", {"steps": 1.5}, "steps"),
    ]:
        with pytest.raises(ValueError, match=message):
            getattr(explanation, name)(curved, IMAGES, 1, **arguments)
    with pytest.raises(ValueError, match="one input, an array"):
        explanation.saliency(curved, [IMAGES, IMAGES])


METHODS = {
    "grad_cam": {},
    "grad_cam_plus_plus": {},
    "hires_cam": {},
    "layer_cam": {},
    "saliency": {},
    "smooth_grad": {"samples": 1},
    "integrated_gradients": {"steps": 1},
    "occlusion": {"size": 4},
    "rise": {"samples": 2, "cells": 2},
    "score_cam": {},
}


def test_every_method_explains_one_of_several_outputs_of_a_nested_model(curved):
    inputs = keras.Input((8, 8, 2))
    other = keras.layers.GlobalMaxPooling2D()(inputs)
    both = keras.Model(inputs, [other, curved(inputs)])
    for name, options in METHODS.items():
        method = functools.partial(getattr(explanation, name), **options)
        np.testing.assert_allclose(
            method(both, IMAGES, lambda answers: answers[1][:, 2]),
            method(curved, IMAGES, 2),
            rtol=1e-4,
            atol=1e-6,
            err_msg=name,
        )


@pytest.mark.parametrize(("method", "options"), METHODS.items())
def test_maps_come_back_in_the_pixels_of_photographs(curved, method, options):
    wide, tall, square = (6, 12), (10, 5), (9, 9)
    padded = Originals([wide, tall, square], (8, 8), "pad")
    ask = functools.partial(
        getattr(explanation, method), curved, IMAGES, 1, **options
    )
    maps, back = ask(), ask(originals=padded)
    assert [x.shape for x in back] == [wide, tall, square]
    assert all(np.abs(x).max() > 0 for x in back)
    for one, found in zip(padded.bring_back(maps), back, strict=True):
        np.testing.assert_allclose(found, one, atol=1e-6)
    for wrong in (padded[:2], "pad"):
        with pytest.raises(ValueError, match="argument originals: .*3 images"):
            ask(originals=wrong)
