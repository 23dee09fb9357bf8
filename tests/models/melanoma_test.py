"""The melanoma network against its published facts."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax
from numpy_network import Steps
from numpy_network import enlarged
from numpy_network import pool
from numpy_network import randomized
from numpy_network import sigmoid
from numpy_network import softmax

from keras_attention import AttentionExtractor
from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import attach
from keras_attention.features import VGG16BN
from keras_attention.losses import FocalLoss
from keras_attention.losses import melanoma_losses

pytestmark = pytest.mark.usefixtures("eagerly")
SMALL = {"input_shape": (64, 64, 3), "width_multiplier": 0.125, "classes": 3}
TINY = {**SMALL, "input_shape": (32, 32, 3), "width_multiplier": 1 / 64}
VARIANTS = ["AttnMel-CNN", "Mel-CNN", "VGG-16-GAP", "VGG-16"]


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


@not_on_jax
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


@pytest.mark.parametrize(
    ("variant", "parameters"),
    [
        ("AttnMel-CNN", 15_184_964),
        ("Mel-CNN", 14_725_698),
        ("VGG-16-GAP", 14_724_162),
        pytest.param("VGG-16", 134_277_186, marks=pytest.mark.long),
    ],
)
def test_published_parameters_of_the_family(variant, parameters):
    model = MelanomaAttentionVGG16BN(variant=variant)
    assert count(model.trainable_variables) == parameters
    # The state of a dropout is no parameter.
    assert model.count_params() == parameters + 8_448
    assert f"{parameters:,}" in MelanomaAttentionVGG16BN.__doc__


def test_a_narrow_vgg16_is_the_whole_network_with_another_last_layer():
    whole = VGG16BN(input_shape=(32, 32, 3), width_multiplier=1 / 64)
    model = MelanomaAttentionVGG16BN(**TINY, variant="VGG-16")
    # 64 units of fc2 to 1000 classes, or to 3.
    expected = count(whole.trainable_variables) - 65 * 1000 + 65 * 3
    assert count(model.trainable_variables) == expected
    assert model.name == "melanoma_attention_vgg16_bn"


def test_vgg16_keeps_all_weights_but_the_last_layers(tmp_path):
    whole = randomized(
        VGG16BN(input_shape=(32, 32, 3), width_multiplier=1 / 64)
    )
    whole.save_weights(tmp_path / "whole.weights.h5")
    model = MelanomaAttentionVGG16BN(
        **TINY, variant="VGG-16", weights=tmp_path / "whole.weights.h5"
    )
    for layer in whole.layers[1:-1]:
        copy = model.get_layer(layer.name).get_weights()
        for a, b in zip(layer.get_weights(), copy, strict=True):
            np.testing.assert_array_equal(a, b)


def expected(model, x, variant, alignment):
    """The network of plain arrays: logits, and the maps of the gates."""
    net, blocks = Steps(model), []
    for number, convolutions in enumerate((2, 2, 3, 3, 3), start=1):
        x = pool(net.block(x, f"block{number}", convolutions))
        blocks.append(x)
    deepest = blocks[-1]
    if variant == "VGG-16":
        x = x.reshape(len(x), -1)
        for name in ("fc1", "fc2"):
            x = np.maximum(net.dense(x, name), 0)
        return [net.dense(x, "predictions")]
    vectors, maps = [deepest.mean((1, 2))], []
    for number, local in ((3, blocks[2]), (4, blocks[3])):
        if variant == "Mel-CNN":
            vectors.append(local.mean((1, 2)))
        elif variant == "AttnMel-CNN":
            w_f, w_q, w, b = net.weights(f"block{number}_pool_gate")
            up = enlarged(deepest @ w_q, local.shape[1:3])
            c = (np.maximum(local @ w_f + up, 0) @ w + b)[..., 0]
            if alignment == "sigmoid":
                a = sigmoid(c)
                vectors.append((a[..., None] * local).mean((1, 2)))
            else:
                a = softmax(c.reshape(len(c), -1)).reshape(c.shape)
                vectors.append((a[..., None] * local).sum((1, 2)))
            maps.append(a[:, None])
    return [net.dense(np.concatenate(vectors, -1), "predictions"), *maps]


@not_on_jax
@pytest.mark.parametrize(
    ("variant", "alignment"),
    [("AttnMel-CNN", "softmax"), *((name, "sigmoid") for name in VARIANTS)],
)
def test_whole_networks_equal_numpy(variant, alignment):
    has_maps = variant == "AttnMel-CNN"
    model = randomized(
        MelanomaAttentionVGG16BN(
            **SMALL,
            variant=variant,
            alignment=alignment,
            return_attention_scores=has_maps,
        )
    )
    for weight in model.weights:
        if "score/kernel" in weight.path:
            # Else a gate is open everywhere.
            weight.assign(0.2 * (weight - keras.ops.mean(weight)))
    x = np.random.default_rng(1).normal(size=(2, 64, 64, 3))
    outputs = model.predict(x, verbose=0)
    outputs = outputs if has_maps else [outputs]
    wanted = expected(model, x, variant, alignment)
    for seen, array in zip(outputs, wanted, strict=True):
        highest = np.abs(array).max()
        assert np.ptp(array) > 0.1 * highest
        np.testing.assert_allclose(seen, array, rtol=1e-4, atol=1e-5 * highest)


def pooled(masks, size):
    share = masks.shape[1] // size
    return masks.reshape(len(masks), size, share, size, share).mean((2, 4))


@not_on_jax
@pytest.mark.parametrize("region", ["object", "background"])
def test_the_losses_are_the_papers(region):
    model = randomized(
        MelanomaAttentionVGG16BN(**TINY, return_attention_scores=True)
    )
    rng = np.random.default_rng(0)
    x, labels = rng.normal(size=(4, 32, 32, 3)), np.array([0, 1, 2, 1])
    masks = np.zeros((4, 32, 32))
    for index in range(4):
        masks[index, 2 : 7 + 5 * index, 6:29] = 1
    logits, *maps = expected(model, x, "AttnMel-CNN", "sigmoid")
    p = softmax(logits)[np.arange(4), labels]
    total = np.mean(-((1 - p) ** 2) * np.log(p))
    for a, weight in zip(maps, (0.001, 0.01), strict=True):
        z = pooled(masks, a.shape[-1])
        z = 1 - z if region == "background" else z
        overlap = (a[:, 0] * z).sum()
        total += weight * (1 - 2 * overlap / (a.sum() + z.sum()))
    model.compile(keras.optimizers.SGD(0.01), **melanoma_losses(region))
    targets = [labels, masks, masks]
    seen = model.evaluate(x, targets, batch_size=4, verbose=0)
    assert seen[0] == pytest.approx(total, rel=1e-4)
    before = model.get_layer("block3_pool_gate").get_weights()
    model.fit(x, targets, batch_size=4, verbose=0)
    after = model.get_layer("block3_pool_gate").get_weights()
    for a, b in zip(before, after, strict=True):
        assert (a != b).any()


@not_on_jax
@pytest.mark.parametrize(
    "variant",
    [
        "AttnMel-CNN",
        *(pytest.param(v, marks=pytest.mark.long) for v in VARIANTS[1:]),
    ],
)
def test_variants_train_save_and_take_more_attention(variant, tmp_path):
    model = MelanomaAttentionVGG16BN(**TINY, variant=variant)
    model.compile("sgd", FocalLoss())
    x = np.random.default_rng(0).normal(size=(4, 32, 32, 3))
    model.fit(x, np.array([0, 1, 2, 0]), verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    answers = model.predict(x, verbose=0)
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), answers)
    attached = attach(loaded, {"block2_pool": "eca"})
    np.testing.assert_array_equal(attached.predict(x, verbose=0), answers)
    _, maps = AttentionExtractor(attached).predict(x, verbose=0)
    gates = {"block3_pool_gate", "block4_pool_gate"}
    wanted = gates if variant == "AttnMel-CNN" else set()
    assert set(maps) == {"block2_pool_eca"} | wanted


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"variant": "AttnMel"}, "'AttnMel-CNN', 'Mel-CNN', 'VGG-16-GAP'"),
        (
            {"variant": "Mel-CNN", "alignment": "softmax"},
            "alignment: expected 'sigmoid' for 'Mel-CNN'.*'softmax'",
        ),
        (
            {"variant": "VGG-16-GAP", "return_attention_scores": True},
            "return_attention_scores: expected False for 'VGG-16-GAP'",
        ),
        (
            {"variant": "VGG-16", "dropout": 0.5},
            "dropout: expected 0.0 for 'VGG-16'.*dropout=0.5",
        ),
        (
            {"variant": "VGG-16", "input_shape": (None, None, 3)},
            r"input_shape.*\(None, None, 3\)",
        ),
        ({"variant": "VGG-16", "classes": 0}, "classes=0"),
        ({"variant": "VGG-16", "classifier_activation": "soft"}, "soft"),
    ],
)
def test_bad_arguments_of_variants(arguments, message):
    with pytest.raises(ValueError, match=message):
        MelanomaAttentionVGG16BN(**{**TINY, **arguments})


def test_losses_refuse_what_they_do_not_know():
    with pytest.raises(ValueError, match="'object', 'background'.*'lesion'"):
        melanoma_losses("lesion")
    with pytest.raises(ValueError, match="gamma=-1"):
        melanoma_losses(gamma=-1)
