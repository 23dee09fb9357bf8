"""SAGAN's block against NumPy, in both variants."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import alignments
from keras_attention.layers import GenerativeAttention2D

pytestmark = pytest.mark.computing
FEATURES = np.random.default_rng(0).normal(size=(2, 4, 6, 8)).astype("float32")


def pooled(x):
    batch, height, width, channels = x.shape
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return x.max((2, 4))


def kernels(layer):
    """The linear maps by name, `(channels, units)`, as they are applied."""
    named = {}
    for name in ("query", "key", "value", "output"):
        dense = getattr(layer, f"{name}_dense")
        weights = [keras.ops.convert_to_numpy(w) for w in dense.weights]
        named[name] = weights[0]
        if layer.spectral_normalization:
            kernel, u = weights
            # One power iteration from where it is.
            v = u @ kernel.T
            u = v @ kernel
            sigma = v @ kernel @ u.T
            named[name] = kernel / sigma * np.linalg.norm(v) * np.linalg.norm(u)
    return named


@pytest.mark.parametrize("variant", ["paper", "official"])
@pytest.mark.parametrize("spectral", [True, False])
def test_equals_numpy(variant, spectral):
    layer = GenerativeAttention2D(
        variant, reduction_ratio=4, spectral_normalization=spectral
    )
    seen = layer(FEATURES)
    # It starts as the identity.
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(seen), FEATURES)
    layer.gain.assign(0.7)
    k = kernels(layer)
    assert k["query"].shape == k["key"].shape == (8, 2)
    assert k["value"].shape == (8, 4 if variant == "official" else 2)
    keys, values = FEATURES @ k["key"], FEATURES @ k["value"]
    if variant == "official":
        keys, values = pooled(keys), pooled(values)
    scores = np.einsum(
        "bnd,bmd->bnm",
        (FEATURES @ k["query"]).reshape(2, 24, -1),
        keys.reshape(2, -1, 2),
    )
    weights = np.exp(scores - scores.max(-1, keepdims=True))
    weights /= weights.sum(-1, keepdims=True)
    values = values.reshape(2, weights.shape[-1], -1)
    context = (weights @ values).reshape(2, 4, 6, -1)
    expected = FEATURES + 0.7 * context @ k["output"]
    outputs, found = layer(FEATURES, return_attention_scores=True)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(outputs), expected, rtol=1e-5, atol=1e-5
    )
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(found)[:, 0], weights, rtol=1e-5, atol=1e-6
    )


@not_on_jax
def test_maps_have_norm_one_when_they_are_followed():
    layer = GenerativeAttention2D(reduction_ratio=2)
    for _ in range(60):  # One power iteration a step.
        layer(FEATURES, training=True)
    for name, kernel in kernels(layer).items():
        applied = getattr(layer, f"{name}_dense")(
            np.eye(len(kernel))[None, None]
        )
        applied = keras.ops.convert_to_numpy(applied)[0, 0]
        np.testing.assert_allclose(applied, kernel, atol=1e-5)
        largest = np.linalg.svd(kernel, compute_uv=False)[0]
        assert largest == pytest.approx(1, abs=1e-3), name


def test_other_alignments_are_controls_of_the_same_layers():
    """By uniform weights each position adds the mean of all, and no other."""
    even = alignments.get("softmax", temperature=1e12)
    layer = GenerativeAttention2D(
        reduction_ratio=4, spectral_normalization=False, alignment=even
    )
    layer(FEATURES)
    layer.gain.assign(0.7)
    k = kernels(layer)
    mean = FEATURES.mean((1, 2), keepdims=True)
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(layer(FEATURES)),
        FEATURES + 0.7 * mean @ k["value"] @ k["output"],
        rtol=1e-5,
        atol=1e-5,
    )
    for name in ("l1", "grid_crf", "local_predictive", "multi_dim_softmax"):
        with pytest.raises(ValueError, match="alignment: expected one of sco"):
            GenerativeAttention2D(alignment=name)
