"""VGG16_bn with attention at its blocks."""

import keras
import numpy as np
import pytest
from gradients import not_on_jax

from keras_attention import AttentionExtractor
from keras_attention import MelanomaAttentionVGG16BN
from keras_attention import VGG16BNAttention
from keras_attention import layers

SMALL = {"input_shape": (32, 32, 1), "classes": 3, "width_multiplier": 0.0625}
EVERY_KIND = {
    "block2": "se",
    "block3": "gate",
    "block4_relu3": "attn_pool",
    "block5": keras.layers.GlobalAveragePooling2D(),
}


def trainable_count(model):
    return sum(int(np.prod(w.shape)) for w in model.trainable_variables)


@pytest.mark.usefixtures("eagerly")
@not_on_jax
def test_trains_saves_and_loads(tmp_path):
    model = VGG16BNAttention(EVERY_KIND, **SMALL)
    model.compile("sgd", "sparse_categorical_crossentropy")
    x = np.random.default_rng(0).uniform(size=(4, 32, 32, 1))
    model.fit(x, np.array([0, 1, 2, 0]), verbose=0)
    expected = model.predict(x, verbose=0)
    assert expected.shape == (4, 3)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded.predict(x, verbose=0), expected)


def test_names_and_shapes():
    model = VGG16BNAttention(EVERY_KIND, **SMALL, return_attention_scores=True)
    shapes = [output.shape for output in model.outputs]
    assert shapes == [
        (None, 3),
        (None, 1, 1, 8),
        (None, 1, 4, 4),
        (None, 1, 4, 4),
    ]
    names = {layer.name for layer in model.layers}
    assert {
        "block2_pool_se",
        "block3_pool_gate",
        "block4_relu3_attn_pool",
        "block5_pool_global_average_pooling2d",
        "context",
    } <= names
    # 32 channels of block 5 twice, 16 of block 3, 32 of block 4
    assert model.get_layer("predictions").kernel.shape == (112, 3)


@not_on_jax
def test_requested_weights_are_the_recorded_ones():
    keras.utils.set_random_seed(1)
    asked = VGG16BNAttention(EVERY_KIND, **SMALL, return_attention_scores=True)
    x = np.random.default_rng(0).uniform(size=(2, 32, 32, 1))
    outputs, weights = AttentionExtractor(asked).predict(x, verbose=0)
    for output, recorded in zip(outputs[1:], weights.values(), strict=True):
        np.testing.assert_array_equal(output, recorded)


def test_inserting_keeps_the_weights_of_the_backbone(tmp_path):
    plain = VGG16BNAttention(**SMALL)
    backbone = keras.Model(plain.input, plain.get_layer("block5_pool").output)
    path = tmp_path / "backbone.weights.h5"
    backbone.save_weights(path)
    model = VGG16BNAttention({"block1": "se"}, **SMALL, weights=str(path))
    for layer in backbone.layers:
        if layer.weights:
            copy = model.get_layer(layer.name)
            for a, b in zip(layer.weights, copy.weights, strict=True):
                np.testing.assert_array_equal(
                    keras.ops.convert_to_numpy(a),
                    keras.ops.convert_to_numpy(b),
                )


def test_a_layer_is_copied_once_a_place():
    gate = layers.AttentionGate2D(key_dim=4)
    model = VGG16BNAttention({"block3": gate, "block4": gate}, **SMALL)
    first, second = (
        model.get_layer(f"{block}_pool_gate") for block in ("block3", "block4")
    )
    assert first is not second is not gate and not gate.built


def test_uniform_control_has_the_plain_network_and_a_wider_classifier():
    uniform = {"block3": keras.layers.GlobalAveragePooling2D()}
    plain = trainable_count(VGG16BNAttention(**SMALL))
    assert trainable_count(VGG16BNAttention(uniform, **SMALL)) == plain + 48


def test_unknown_sizes():
    model = VGG16BNAttention(
        EVERY_KIND, **{**SMALL, "input_shape": (None, None, 1)}
    )
    assert model.output_shape == (None, 3)
    for size in (32, 47):
        x = np.zeros((2, size, size + 5, 1))
        assert model.predict(x, verbose=0).shape == (2, 3)


@pytest.mark.parametrize(
    "attention, message",
    [
        ({"block3": "gates"}, "Unknown attention layer 'gates'.*'gate'"),
        ({"block6": "gate"}, "no layer of the model.*Did you mean 'block"),
        ({"input_layer": "se"}, "no layer of the model"),
        ({"block3": "se", "block3_pool": "gate"}, "'block3_pool' twice"),
        (["block3"], "expected a dictionary"),
        ("se", "expected a dictionary"),
        ({lambda layer: False: "se"}, "no layer of the model"),
        ({"block3": 5}, "must be a key, a class"),
    ],
)
def test_bad_attention(attention, message):
    with pytest.raises(ValueError, match=message):
        VGG16BNAttention(attention, **SMALL)


def test_weights_need_a_layer_that_has_some():
    with pytest.raises(ValueError, match="at least one attention layer"):
        VGG16BNAttention(**SMALL, return_attention_scores=True)


def test_layers_have_one_output_unless_weights_are_asked_for():
    model = VGG16BNAttention(EVERY_KIND, **SMALL)
    assert model.get_layer("block3_pool_gate").output.shape == (None, 4, 4, 16)


@pytest.mark.parametrize(
    "network", [VGG16BNAttention, MelanomaAttentionVGG16BN]
)
def test_bad_arguments(network):
    for name, values in {
        "classes": [0, -1, 2.5, True, "8", None, np.nan, 10**9],
        "dropout": [-0.1, 1.5, np.nan, np.inf, "a", None, True],
        "width_multiplier": [
            0,
            -1,
            True,
            "8",
            None,
            np.nan,
            np.inf,
            0.3,
            10**9,
        ],
        "classifier_activation": ["sofmax", 3],
        "return_attention_scores": ["yes", 1, None],
        "input_shape": [(31, 32, 3), (32, 32), (32, 32, None), (10**9, 32, 3)],
        "weights": ["imagnet", 3],
    }.items():
        for value in values:
            with pytest.raises(ValueError, match=name) as caught:
                network(**{**SMALL, name: value})
            assert repr(value) in str(caught.value)
