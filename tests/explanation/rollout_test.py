"""Attention followed through layers, against loops and finite differences."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import AttentionExtractor
from keras_attention import explanation
from keras_attention import layers
from keras_attention.datasets import Originals

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 6, 6, 3)).astype("float32")


def distributions(*shape):
    weights = RNG.random(shape)
    return weights / weights.sum(-1, keepdims=True)


def test_rollout_by_hand():
    weights = [distributions(2, 3, 10, 10) for _ in range(3)]
    expected = []
    for image in range(2):
        whole = np.eye(10)
        for layer in weights:
            mixed = 0.3 * np.eye(10) + 0.7 * layer[image].mean(0)
            whole = mixed / mixed.sum(1, keepdims=True) @ whole
        expected.append(whole[0, 1:].reshape(3, 3))  # A class token in front.
    seen = explanation.attention_rollout(weights, (30, 30), residual=0.3)
    np.testing.assert_allclose(seen, expected, rtol=1e-5)
    padded = Originals([(10, 20), (30, 30)], (30, 30), "pad")
    back = explanation.attention_rollout(
        weights, (30, 30), residual=0.3, originals=padded
    )
    assert [x.shape for x in back] == [(10, 20), (30, 30)]
    np.testing.assert_array_equal(back[1], padded[1:].bring_back(seen[1:])[0])
    highest = explanation.attention_rollout(
        weights[:1], (30, 30), residual=0.0, head_fusion="max", discard=0.5
    )
    row = weights[0][1].max(0)[0]
    row = np.where(row >= np.median(row), row, 0)
    expected = (row / row.sum())[1:].reshape(3, 3)
    np.testing.assert_allclose(highest[1], expected, rtol=1e-5)


@pytest.fixture(scope="module")
def model():
    inputs = keras.Input((6, 6, 3))
    x = keras.layers.Conv2D(8, 2, strides=2)(inputs)
    x = layers.get("mhsa", num_heads=2, name="ours")(x)
    x = keras.layers.Reshape((9, 8))(x)
    stock = keras.layers.MultiHeadAttention(2, 4, name="stock")
    x = x + stock(x, x)
    x = keras.layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, keras.layers.Dense(2)(x))


@not_on_jax
def test_relevance_weighs_attention_by_its_gradient(model):
    before = model.predict(IMAGES, verbose=0)
    answers, weights = AttentionExtractor(model).predict(IMAGES, verbose=0)
    target = explanation.targets.Target(1, 2)
    gradients = explanation.gradients.Gradients(model, target, by_weights=True)
    scores, places = gradients(IMAGES, slice(None))
    np.testing.assert_allclose(scores, answers[:, 1], rtol=1e-5)
    whole = np.eye(9)
    for name in ("ours", "stock"):
        values, gradient = places[name]
        np.testing.assert_allclose(values, weights[name], atol=1e-6)
        whole = whole + np.maximum(values * gradient, 0).mean(1) @ whole
    np.testing.assert_allclose(
        explanation.attention_relevance(model, IMAGES, 1),
        (whole - np.eye(9)).mean(1).reshape(2, 3, 3),
        rtol=1e-4,
        atol=1e-7,
    )
    np.testing.assert_array_equal(model.predict(IMAGES, verbose=0), before)
    assert "call" not in vars(model.get_layer("stock"))


def test_gradient_by_weights_is_what_their_change_does():
    inputs = keras.Input((4, 4, 3))
    attention = layers.get("mhsa", num_heads=2, key_dim=4, name="a")(inputs)
    pooled = keras.layers.GlobalAveragePooling2D()(attention)
    model = keras.Model(inputs, keras.layers.Dense(2)(pooled))
    images = IMAGES[:, :4, :4]
    gradients = explanation.gradients.Gradients(
        model, explanation.targets.Target(0, 2), by_weights=True
    )
    _, places = gradients(images, slice(None))
    change = np.zeros((1, 2, 16, 16), "float32")
    change[0, 1, 3, 5] = 0.1

    def score(sign):
        changed = AttentionExtractor(
            model, replace=lambda name, weights: weights + sign * change
        )
        return changed.predict(images, verbose=0)[0][:, 0]

    slope = (score(1) - score(-1)) / 0.2
    np.testing.assert_allclose(
        places["a"][1][:, 1, 3, 5], slope, rtol=1e-3, atol=1e-6
    )


def test_bad_input(model):
    with pytest.raises(ValueError, match="all over the same tokens"):
        explanation.attention_rollout([np.ones((1, 2, 4, 5))], (8, 8))
    with pytest.raises(ValueError, match="no such layer"):
        explanation.attention_rollout({"se": np.ones((1, 1, 1, 4))}, (8, 8))
    with pytest.raises(ValueError, match="head_fusion"):
        even = distributions(1, 1, 4, 4)
        explanation.attention_rollout([even], (8, 8), head_fusion="sum")
    with pytest.raises(ValueError, match="no grid of the proportions"):
        explanation.attention_rollout([distributions(1, 1, 7, 7)], (8, 8))
    plain = keras.Model(model.inputs, model.layers[1].output)
    with pytest.raises(ValueError, match="no such layer"):
        target = explanation.InsideMask(np.ones((2, 3, 3)))
        explanation.attention_relevance(plain, IMAGES, target)
