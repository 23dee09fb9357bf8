"""Dual attention against NumPy, position by position."""

import keras
import numpy as np
import pytest

from keras_attention.layers import CrissCrossAttention2D
from keras_attention.layers import DualAttention2D

SHAPE = (2, 4, 3, 16)
X = np.random.default_rng(0).normal(size=SHAPE).astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def softmax(e):
    e = np.exp(e - e.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def built(cls):
    """A layer whose every weight has moved, and its linear maps of `X`."""
    layer = cls(reduction_ratio=4)
    layer.build(SHAPE)
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(weight + 0.3 * np.abs(rng.normal(size=weight.shape)))
    dense = (layer.query_dense, layer.key_dense, layer.value_dense)
    maps = []
    for one in dense:
        kernel, *bias = map(numpy, one.weights)
        maps.append(X @ kernel + (bias[0] if bias else 0))
    return layer, maps


@pytest.mark.computing
def test_dual_equals_numpy(equals):
    layer, maps = built(DualAttention2D)
    q, k, v = (x.reshape(2, 12, -1) for x in maps)
    x = X.reshape(2, 12, 16)
    weights = softmax(q @ k.transpose(0, 2, 1))
    alike = x.transpose(0, 2, 1) @ x
    # As published: what is left of the largest product, under a softmax.
    channels = softmax(alike.max(-1, keepdims=True) - alike)
    expected = (
        x
        + numpy(layer.position_gamma) * (weights @ v)
        + numpy(layer.channel_gamma) * np.einsum("bac,bnc->bna", channels, x)
    )
    outputs, seen = layer(X, return_attention_scores=True)
    equals(
        "DualAttention2D", "the paper's formulas in NumPy", seen[:, 0], weights
    )
    equals(
        "DualAttention2D",
        "the paper's formulas in NumPy",
        outputs,
        expected.reshape(SHAPE),
        1e-4,
    )


@pytest.mark.computing
def test_criss_cross_equals_numpy(equals):
    layer, (q, k, v) = built(CrissCrossAttention2D)
    _, height, width, _ = SHAPE
    expected, weights = X.copy(), np.zeros((*SHAPE[:3], height + width))
    for b, i, j in np.ndindex(*SHAPE[:3]):
        cross = [(g, j) for g in range(height) if g != i]
        cross += [(i, w) for w in range(width)]
        scores = np.array([q[b, i, j] @ k[b, *place] for place in cross])
        a = softmax(scores)
        context = sum(
            p * v[b, *place] for p, place in zip(a, cross, strict=True)
        )
        expected[b, i, j] += numpy(layer.gamma) * context
        where = [g for g in range(height) if g != i]
        where += range(height, height + width)
        weights[b, i, j, where] = a
    outputs, seen = layer(X, return_attention_scores=True)
    seen = numpy(seen).reshape(weights.shape)
    equals(
        "CrissCrossAttention2D", "the paper's formula by loops", seen, weights
    )
    equals(
        "CrissCrossAttention2D",
        "the paper's formula by loops",
        outputs,
        expected,
    )


def test_twice_every_position_hears_of_every_other():
    layer, _ = built(CrissCrossAttention2D)
    moved = X.copy()
    moved[0, 0, 0] += 5
    once = np.abs(numpy(layer(moved)) - numpy(layer(X))).max(-1)[0]
    assert not once[1:, 1:].any() and once[0].all() and once[:, 0].all()
    twice = numpy(layer(layer(moved))) - numpy(layer(layer(X)))
    assert np.abs(twice[0]).max(-1).all()


@pytest.mark.parametrize("cls", [DualAttention2D, CrissCrossAttention2D])
def test_both_start_as_the_identity(cls):
    np.testing.assert_array_equal(numpy(cls()(X)), X)
    layer = cls(key_dim=3)
    layer.build(SHAPE)
    gammas = len(layer.gammas)
    # The catalogue's counts, without the keys' bias.
    assert layer.count_params() == 16**2 + 16 + 2 * 16 * 3 + 3 + gammas


def test_large_maps_are_refused():
    with pytest.raises(ValueError, match="compares positions in pairs"):
        DualAttention2D(max_positions=11)(X)
