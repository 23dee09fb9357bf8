"""The gate against NumPy, in both modes and for every ratio of sizes."""

from functools import partial

import keras
import numpy as np
import pytest
from gradients import at_once

from keras_attention.layers import AttentionGate2D
from keras_attention.layers import AttentionGate3D

pytestmark = pytest.mark.computing


def resize_matrix(size, new_size):
    """Half-pixel linear interpolation as a matrix, by loops."""
    matrix = np.zeros((new_size, size))
    for i in range(new_size):
        centre = np.clip((i + 0.5) * size / new_size - 0.5, 0, size - 1)
        low = int(centre)
        high = min(low + 1, size - 1)
        matrix[i, low] += 1 - (centre - low)
        matrix[i, high] += centre - low
    return matrix


def numpy_gate(layer, features, query, alignment, aggregation):
    w_f, w_q, w, b = (
        keras.ops.convert_to_numpy(v).astype("float64")
        for v in (
            layer.features_dense.kernel,
            layer.query_dense.kernel,
            layer.score_dense.kernel,
            layer.score_dense.bias,
        )
    )
    rows = resize_matrix(query.shape[1], features.shape[1])
    columns = resize_matrix(query.shape[2], features.shape[2])
    guide = np.einsum("ih,jw,bhwc->bijc", rows, columns, query @ w_q)
    c = (np.maximum(features @ w_f + guide, 0) @ w + b)[..., 0]
    if alignment == "sigmoid":
        a = 1 / (1 + np.exp(-c))
    else:
        e = np.exp(c - c.max((1, 2), keepdims=True))
        a = e / e.sum((1, 2), keepdims=True)
    gated = a[..., None] * features
    context = {
        "gate": gated,
        "gated_mean": gated.mean((1, 2)),
        "weighted_sum": gated.sum((1, 2)),
    }[aggregation]
    return context, a[:, None]


@pytest.mark.parametrize("alignment", ["sigmoid", "softmax"])
@pytest.mark.parametrize("aggregation", ["gate", "gated_mean", "weighted_sum"])
@pytest.mark.parametrize("size", [(2, 2), (3, 5), (8, 12), (11, 13)])
def test_equals_numpy(alignment, aggregation, size, equals):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 8, 12, 6)).astype("float32")
    query = rng.normal(size=(2, *size, 10)).astype("float32")
    layer = AttentionGate2D(
        key_dim=7, alignment=alignment, aggregation=aggregation
    )
    context, weights = layer(features, query, return_attention_scores=True)
    expected = numpy_gate(layer, features, query, alignment, aggregation)
    for given, wanted in zip((context, weights), expected, strict=True):
        equals("AttentionGate2D", "the paper's formula in NumPy", given, wanted)


def numpy_published_gate(layer, features, query):
    """Attention U-Net's: windows of 2 x 2, and a convolution behind it."""
    w_f, w_q, b_q, w, b, w_o, gamma, beta, mean, variance = (
        keras.ops.convert_to_numpy(v).astype("float64")
        for v in (
            layer.features_dense.kernel,
            *layer.query_dense.weights,
            *layer.score_dense.weights,
            layer.output_dense.kernel,
            *layer.batch_normalization.weights,
        )
    )
    height, width = features.shape[1:3]
    rows, columns = -(-height // 2), -(-width // 2)
    guide = np.einsum(
        "ih,jw,bhwc->bijc",
        resize_matrix(query.shape[1], rows),
        resize_matrix(query.shape[2], columns),
        query @ w_q + b_q,
    )
    pad = ((0, 0), (0, 2 * rows - height), (0, 2 * columns - width), (0, 0))
    padded = np.pad(features, pad)
    hidden = guide + sum(
        padded[:, i::2, j::2] @ w_f[i, j] for i in (0, 1) for j in (0, 1)
    )
    scores = (np.maximum(hidden, 0) @ w + b)[..., 0]
    a = np.einsum(
        "ih,jw,bhw->bij",
        resize_matrix(rows, height),
        resize_matrix(columns, width),
        1 / (1 + np.exp(-scores)),
    )
    outputs = (a[..., None] * features) @ w_o - mean
    return gamma * outputs / np.sqrt(variance + 1e-5) + beta, a[:, None]


@pytest.mark.parametrize("size", [(8, 6), (7, 9)])
def test_the_gate_of_attention_unet_equals_numpy(size, equals):
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, *size, 6)).astype("float32")
    query = rng.normal(size=(2, 3, 2, 10)).astype("float32")
    layer = AttentionGate2D(
        key_dim=7, use_bias=True, sub_sample=2, output_projection=True
    )
    layer.build(features.shape, query.shape)
    for weight in layer.weights:
        weight.assign(weight + 0.3 * np.abs(rng.normal(size=weight.shape)))
    attend = at_once(partial(layer, return_attention_scores=True))
    seen = attend(features, query)
    expected = numpy_published_gate(layer, features, query)
    for given, wanted in zip(seen, expected, strict=True):
        equals("AttentionGate2D", "Attention U-Net in NumPy", given, wanted)


def test_enlarged_weights_sum_to_one_over_what_is_valid():
    rng = np.random.default_rng(0)
    mask = np.zeros((1, 7, 9), bool)
    mask[:, 4:, 2:5] = True
    layer = AttentionGate2D("softmax", key_dim=3, sub_sample=2)
    features = rng.normal(size=(1, 7, 9, 4)).astype("float32")
    query = rng.normal(size=(1, 3, 2, 5)).astype("float32")
    layer.build(features.shape, query.shape)
    attend = at_once(partial(layer, return_attention_scores=True))
    _, weights = attend(features, query, mask)
    weights = keras.ops.convert_to_numpy(weights)[0, 0]
    assert abs(weights.sum() - 1) < 1e-6
    assert (weights[mask[0]] > 0).all() and not weights[~mask[0]].any()


def test_a_volume_of_one_slice_is_a_map():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 7, 5, 4)).astype("float32")
    query = rng.normal(size=(2, 3, 2, 6)).astype("float32")
    flat, deep = AttentionGate2D("softmax"), AttentionGate3D("softmax")
    flat.build(features.shape, query.shape)
    deep.build((2, 1, 7, 5, 4), (2, 1, 3, 2, 6))
    deep.set_weights(flat.get_weights())
    expected, seen = (
        at_once(partial(gate, return_attention_scores=True))(*maps)
        for gate, maps in (
            (flat, (features, query)),
            (deep, (features[:, None], query[:, None])),
        )
    )
    for given, wanted, axis in zip(seen, expected, (1, 2), strict=True):
        given = np.squeeze(keras.ops.convert_to_numpy(given), axis)
        np.testing.assert_allclose(
            given, keras.ops.convert_to_numpy(wanted), atol=1e-6
        )


def test_volumes_with_masks_and_channels_first():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 3, 5, 4, 4)).astype("float32")
    query = rng.normal(size=(2, 2, 2, 3, 6)).astype("float32")
    mask = rng.random((2, 3, 5, 4)) < 0.7
    features[~mask] = np.nan
    kwargs = {"alignment": "softmax", "sub_sample": 2}
    layer = AttentionGate3D(**kwargs)
    layer.build(features.shape, query.shape)
    attend = at_once(partial(layer, return_attention_scores=True))
    seen, weights = attend(features, query, mask)
    weights = keras.ops.convert_to_numpy(weights)[:, 0]
    np.testing.assert_allclose(weights.sum((1, 2, 3)), 1, atol=1e-5)
    assert not weights[~mask].any()
    first = AttentionGate3D(data_format="channels_first", **kwargs)
    maps = [np.moveaxis(x, -1, 1) for x in (features, query)]
    first.build(*(x.shape for x in maps))
    first.set_weights(layer.get_weights())
    outputs = keras.ops.convert_to_numpy(at_once(first)(*maps, mask))
    assert outputs.shape == first.compute_output_shape(*(x.shape for x in maps))
    np.testing.assert_allclose(
        np.moveaxis(outputs, 1, -1),
        keras.ops.convert_to_numpy(seen),
        atol=1e-6,
    )
    with pytest.raises(ValueError, match="batch, depth, height, width"):
        layer(features, query, mask[:, 0])
    with pytest.raises(ValueError, match="rank 5.*depth, height, width, chan"):
        AttentionGate3D()(features[:, 0], query)
    with pytest.raises(ValueError, match="GridCRFAlignment takes maps of"):
        AttentionGate3D("grid_crf")


def test_sizes_known_only_at_run_time():
    layer = AttentionGate2D(key_dim=4)
    inputs = [keras.Input((None, None, 3)), keras.Input((None, None, 5))]
    model = keras.Model(inputs, layer(*inputs))
    rng = np.random.default_rng(0)
    for size, deep in ((8, 2), (9, 3)):
        features = rng.normal(size=(2, size, size, 3)).astype("float32")
        query = rng.normal(size=(2, deep, deep, 5)).astype("float32")
        expected, _ = numpy_gate(layer, features, query, "sigmoid", "gate")
        np.testing.assert_allclose(
            model.predict([features, query], verbose=0), expected, atol=1e-5
        )


def test_published_parameter_counts():
    published = AttentionGate2D(
        key_dim=5, use_bias=True, sub_sample=2, output_projection=True
    )
    published.build((None, 28, 28, 8), (None, 7, 7, 16))
    trainable = sum(int(np.prod(w.shape)) for w in published.trainable_weights)
    # The paper's, but for the bias in front of batch normalization.
    assert trainable == 4 * 8 * 5 + 16 * 5 + 5 + 5 + 1 + 8 * 8 + 2 * 8
    layer = AttentionGate2D(key_dim=256)
    layer.build((None, 28, 28, 256), (None, 7, 7, 512))
    assert layer.count_params() == 196_865


@pytest.mark.parametrize(
    "arguments, shapes, message",
    [
        ({"key_dim": 0}, (), "key_dim=0"),
        ({"alignment": "sigmod"}, (), "Did you mean 'sigmoid'"),
        ({"use_bias": "no"}, (), "use_bias='no'"),
        (
            {"identity_init": True, "aggregation": "gated_mean"},
            (),
            "keeps the shape of its input",
        ),
        ({"sub_sample": 0}, (), "sub_sample=0"),
        (
            {"output_projection": True, "aggregation": "gated_mean"},
            (),
            "output_projection=True needs.*keeps the map",
        ),
        ({}, [(2, 8, 8, 4)], "takes two maps.*no query"),
        ({}, [(2, 8, 8, 4), (2, 4)], "query of rank 4.*\\(2, 4\\)"),
        ({}, [(2, 8, 4), (2, 4, 4, 2)], "features of rank 4.*\\(2, 8, 4\\)"),
        ({}, [(2, 8, 8, 4), (2, 0, 3, 4)], "not empty"),
    ],
)
def test_bad_input(arguments, shapes, message):
    with pytest.raises(ValueError, match=message):
        layer = AttentionGate2D(**arguments)
        layer(*(np.zeros(shape, "float32") for shape in shapes))
