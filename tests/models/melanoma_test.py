"""The melanoma network against its published facts."""

import keras
import numpy as np
import pytest

from keras_attention import MelanomaAttentionVGG16BN


def count(variables):
    return sum(int(np.prod(variable.shape)) for variable in variables)


@pytest.fixture(scope="module")
def full_width():
    return MelanomaAttentionVGG16BN(return_attention_scores=True)


def test_published_parameter_counts(full_width):
    assert count(full_width.trainable_variables) == 15_184_964
    assert count(full_width.non_trainable_variables) == 8_448
    gates = [full_width.get_layer(f"block{b}_pool_gate") for b in (3, 4)]
    assert [gate.count_params() for gate in gates] == [196_865, 262_401]


def test_published_shapes(full_width):
    shapes = [output.shape for output in full_width.outputs]
    assert shapes == [(None, 2), (None, 1, 28, 28), (None, 1, 14, 14)]
    assert full_width.get_layer("context").output.shape == (None, 1280)


@pytest.mark.computing
@pytest.mark.parametrize("alignment", ["sigmoid", "softmax"])
def test_head_equals_numpy(alignment):
    """From the blocks' maps on, everything again with plain arrays."""
    model = MelanomaAttentionVGG16BN(
        (64, 64, 3),
        classes=3,
        alignment=alignment,
        width_multiplier=0.0625,
        return_attention_scores=True,
    )
    rng = np.random.default_rng(0)
    for layer in model.layers:
        layer.set_weights(
            [rng.uniform(0.2, 1, w.shape) - 0.3 for w in layer.get_weights()]
        )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(np.ones(layer.gamma.shape))
    x = rng.uniform(size=(2, 64, 64, 3)).astype("float32")
    blocks = keras.Model(
        model.input,
        [model.get_layer(f"block{b}_pool").output for b in (3, 4, 5)],
    ).predict(x, verbose=0)
    deepest = blocks[2]
    vectors, maps = [deepest.mean((1, 2))], []
    for block, local in zip((3, 4), blocks, strict=False):
        gate = model.get_layer(f"block{block}_pool_gate")
        w_f, w_q, w, b = (
            keras.ops.convert_to_numpy(v)
            for v in (
                gate.features_dense.kernel,
                gate.query_dense.kernel,
                gate.score_dense.kernel,
                gate.score_dense.bias,
            )
        )
        up = np.array(
            keras.ops.convert_to_numpy(
                keras.ops.image.resize(
                    deepest @ w_q, local.shape[1:3], "bilinear"
                )
            )
        )
        c = (np.maximum(local @ w_f + up, 0) @ w + b)[..., 0]
        if alignment == "sigmoid":
            a = 1 / (1 + np.exp(-c))
            vector = (a[..., None] * local).mean((1, 2))
        else:
            e = np.exp(c - c.max((1, 2), keepdims=True))
            a = e / e.sum((1, 2), keepdims=True)
            vector = (a[..., None] * local).sum((1, 2))
        vectors.append(vector)
        maps.append(a[:, None])
    kernel, bias = model.get_layer("predictions").get_weights()
    expected = np.concatenate(vectors, -1) @ kernel + bias
    logits, *weights = model.predict(x, verbose=0)
    np.testing.assert_allclose(logits, expected, rtol=1e-4, atol=1e-5)
    for given, wanted in zip(weights, maps, strict=True):
        np.testing.assert_allclose(given, wanted, rtol=1e-4, atol=1e-6)


def test_bad_alignment():
    with pytest.raises(ValueError, match="one of 'sigmoid', 'softmax'"):
        MelanomaAttentionVGG16BN(alignment="hard")


def test_documented_cost(full_width):
    gates = 0
    for block in (3, 4):
        layer = full_width.get_layer(f"block{block}_pool_gate")
        _, height, width, channels = full_width.get_layer(
            f"block{block}_pool"
        ).output.shape
        # Projected features, scores; the query at its own 7x7.
        gates += height * width * (channels + 1) * layer.key_dim
        gates += 7 * 7 * 512 * layer.key_dim
    convolutions = sum(
        int(np.prod(layer.output.shape[1:3])) * int(np.prod(layer.kernel.shape))
        for layer in full_width.layers
        if isinstance(layer, keras.layers.Conv2D)
    )
    assert gates == 90_166_272
    assert convolutions == 15_346_630_656
    assert f"{gates:,}" in MelanomaAttentionVGG16BN.__doc__
