"""A U-Net of any encoder, for images of any size."""

import keras
import numpy as np
import pytest

from keras_attention import VGG16BN
from keras_attention import AttentionExtractor
from keras_attention import EfficientNetLite0
from keras_attention.layers import AttentionGate2D
from keras_attention.losses import CombinedLoss
from keras_attention.losses import DiceLoss
from keras_attention.losses import FocalLoss
from keras_attention.metrics import MeanDice
from keras_attention.tasks.segmentation import AttentionUNet

SMALL = {"width_multiplier": 1 / 64}


def image(*size, channels=1):
    pixels = np.random.default_rng(0).random((2, *size, channels))
    return pixels.astype("float32")


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def gates(model):
    return [x for x in model.layers if isinstance(x, AttentionGate2D)]


def encoder(levels, *size):
    """Maps of 2, 4, 8, ... channels, each half as large as the one before."""
    x = inputs = keras.Input((*size, 1))
    for level in range(1, levels + 1):
        x = keras.layers.Conv2D(
            2**level,
            3,
            strides=min(level, 2),
            padding="same",
            name=f"conv{level}",
        )(x)
    return keras.Model(inputs, x)


@pytest.fixture(scope="module")
def unet():
    """Three levels, one gate."""
    return AttentionUNet(
        encoder=encoder(3, None, None),
        stages="conv*",
        classes=3,
        deep_supervision=True,
    )


@pytest.mark.computing
def test_odd_and_unknown_sizes_and_files(unet, tmp_path):
    for size in ((13, 7), (8, 12)):
        p = numpy(unet(image(*size)))
        assert p.shape == (2, *size, 3)
        np.testing.assert_allclose(p.sum(-1), 1, atol=1e-5)
    unet.save(tmp_path / "unet.keras")
    loaded = keras.saving.load_model(tmp_path / "unet.keras")
    np.testing.assert_array_equal(numpy(loaded(image(8, 12))), p)


def test_a_step_of_training_moves_every_gate(unet, eagerly):
    unet.compile(
        "adam",
        CombinedLoss([DiceLoss(False), FocalLoss(from_logits=False)]),
        metrics=[MeanDice(3)],
    )
    (gate,) = gates(unet)
    before = [numpy(w).copy() for w in gate.trainable_weights]
    labels = np.random.default_rng(0).integers(0, 3, (2, 9, 8))
    history = unet.fit(image(9, 8), labels, verbose=0).history
    assert 0 < history["mean_dice"][0] < 1
    for weight, old in zip(gate.trainable_weights, before, strict=True):
        assert not np.array_equal(numpy(weight), old), weight.path


def test_the_decoder_or_the_bottleneck_opens_the_gates():
    small = encoder(4, 16, 16)
    for gating, channels in (("decoder", {8, 16}), ("bottleneck", {16})):
        model = AttentionUNet(encoder=small, gating=gating)
        assert {gate.query_dense.kernel.shape[0] for gate in gates(model)} == (
            channels
        )


def test_gates_are_on_the_path():
    model = AttentionUNet(
        encoder=encoder(4, 16, 16), return_attention_scores=True
    )
    assert [x.shape[2:] for x in model.outputs[1:]] == [(8, 8), (4, 4)]
    extractor = AttentionExtractor(
        model, replace=lambda _, weights: keras.ops.zeros_like(weights)
    )
    seen, _ = extractor(image(16, 16))
    given = model(image(16, 16))
    assert np.abs(numpy(seen[0]) - numpy(given[0])).max() > 0


def test_any_encoder_and_no_gates():
    vgg = VGG16BN(include_top=False, input_shape=(32, 32, 3), **SMALL)
    model = AttentionUNet(
        encoder=vgg,
        stages=["block2_relu2", "block3_relu3", "block5_pool"],
        gates={"alignment": "softmax", "sub_sample": 1},
    )
    assert [gate.name for gate in gates(model)] == ["block3_relu3_gate"]
    assert model.output_shape == (None, 32, 32, 2)  # of maps of 16 x 16
    assert model.get_layer("block1_conv1") is vgg.get_layer("block1_conv1")
    plain = AttentionUNet(encoder=vgg, gates=False)
    assert not gates(plain) and plain.get_layer("decoder5_conv1")


@pytest.mark.long
def test_a_pretrained_kind_of_encoder():
    lite = EfficientNetLite0(include_top=False, input_shape=(64, 64, 3))
    model = AttentionUNet(
        encoder=lite, classes=1, classifier_activation="sigmoid"
    )
    assert model(image(64, 64, channels=3)).shape == (2, 64, 64, 1)
    assert len(gates(model)) == 3


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"classes": 1}, "softmax over one class.*'sigmoid'"),
        ({"gating": "top"}, "gating='top'"),
        ({"gates": "softmax"}, "gates='softmax'"),
        ({"gates": {"alignement": "softmax"}}, "no argument alignement"),
        ({"gates": {"aggregation": "gated_mean"}}, "output_projection=True"),
        ({"input_shape": (16, 16, 1)}, "at least 32"),
        ({"width_multiplier": 0.001}, "width_multiplier"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        AttentionUNet(**arguments)


def test_bad_encoders():
    small = encoder(2, 32, 32)
    for arguments, message in (
        ({"stages": ["conv2", "conv1"]}, "from large maps to small"),
        ({"stages": ["conv1"]}, "at least two maps"),
        ({"stages": ["conv1", "lost"]}, "matches no layer"),
        ({"input_shape": (64, 64, 1)}, "input_shape"),
    ):
        with pytest.raises(ValueError, match=message):
            AttentionUNet(encoder=small, **arguments)
    x = keras.Input((32, 32, 1))
    nested = keras.Model(x, small(x))
    with pytest.raises(ValueError, match="inside another model"):
        AttentionUNet(encoder=nested, stages=[f"{small.name}/conv1"])
