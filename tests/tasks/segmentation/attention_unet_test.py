"""A U-Net of any encoder, for images of any size."""

import keras
import numpy as np
import pytest
from gradients import at_once
from gradients import not_on_jax

import keras_attention
from keras_attention import VGG16BN
from keras_attention import AttentionExtractor
from keras_attention import EfficientNetLite0
from keras_attention.exporting.runtimes import load_litert
from keras_attention.exporting.runtimes import load_onnx
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
    convolution = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}[len(size)]
    for level in range(1, levels + 1):
        x = convolution(
            2**level,
            3,
            strides=min(level, 2),
            padding="same",
            name=f"conv{level}",
        )(x)
    return keras.Model(inputs, x)


def small_unet(axes):
    """Three levels, one gate; no weight is at its initial value."""
    keras.utils.set_random_seed(0)
    model = AttentionUNet(
        encoder=encoder(3, *axes * [None]),
        stages="conv*",
        classes=3,
        deep_supervision=True,
    )
    rng = np.random.default_rng(1)
    for weight in model.weights:
        noise = 0.2 * rng.normal(size=weight.shape)
        is_variance = "variance" in weight.path
        weight.assign(weight + (np.abs(noise) if is_variance else noise))
    return model


@pytest.fixture(scope="module")
def unet():
    return small_unet(2)


@pytest.fixture(scope="module")
def volumes():
    return small_unet(3)


class Steps:
    """The published network in NumPy, from an encoder's maps."""

    def __init__(self, model):
        self.model = model

    def weights(self, name):
        return map(numpy, self.model.get_layer(name).weights)

    def convolution(self, x, kernel, bias=0, stride=1):
        """Sizes stay; in steps, a window is filled up behind the map."""
        *window, _, _ = kernel.shape
        padding = [
            ((side - 1) // 2, (side - 1) // 2)
            if stride == 1
            else (0, -size % stride)
            for size, side in zip(x.shape[1:-1], window, strict=True)
        ]
        x = np.pad(x, ((0, 0), *padding, (0, 0)))
        ends = [n - k + 1 for n, k in zip(x.shape[1:-1], window, strict=True)]
        return bias + sum(
            x[
                :,
                *(
                    slice(i, i + end, stride)
                    for i, end in zip(offset, ends, strict=True)
                ),
            ]
            @ kernel[offset]
            for offset in np.ndindex(*window)
        )

    def normalized(self, x, gamma, beta, mean, variance):
        return gamma * (x - mean) / np.sqrt(variance + 1e-5) + beta

    def block(self, x, name, count=2):
        for number in range(1, count + 1):
            x = self.convolution(x, *self.weights(f"{name}_conv{number}"))
            x = self.normalized(x, *self.weights(f"{name}_bn{number}"))
            x = np.maximum(x, 0)
        return x

    def resized(self, x, like):
        for axis in range(1, x.ndim - 1):
            old, new = x.shape[axis], like.shape[axis]
            centres = (np.arange(new) + 0.5) * old / new - 0.5
            x = np.apply_along_axis(
                lambda line: np.interp(centres, np.arange(old), line),  # noqa: B023
                axis,
                x,
            )
        return x

    def gate(self, x, signal, name):
        windows, query, query_bias, score, score_bias, output, *norm = (
            self.weights(name)
        )
        windows = self.convolution(x, windows, stride=2)
        signal = self.resized(signal @ query + query_bias, windows)
        scores = np.maximum(windows + signal, 0) @ score + score_bias
        alpha = self.resized(1 / (1 + np.exp(-scores)), x)
        return self.normalized((alpha * x) @ output, *norm), alpha

    def __call__(self, x):
        names = ["conv1", "conv2", "conv3"]
        maps = [self.model.get_layer(name).output for name in names]
        large, middle, small = map(
            numpy, at_once(keras.Model(self.model.inputs[0], maps))(x)
        )
        signal = self.block(small, "gating", 1)
        skip, alpha = self.gate(middle, signal, "conv2_gate")
        skip = self.block(skip, "conv2_gated", 1)
        up = self.resized(small, skip)
        deep = self.block(np.concatenate([skip, up], -1), "decoder2")
        up = self.resized(deep, large)
        last = self.block(np.concatenate([large, up], -1), "decoder1")
        heads = [
            self.resized(
                self.convolution(x, *self.weights(f"{name}_logits")), large
            )
            for x, name in ((deep, "decoder2"), (last, "decoder1"))
        ]
        logits = self.convolution(
            np.concatenate(heads, -1), *self.weights("logits")
        )
        e = np.exp(logits - logits.max(-1, keepdims=True))
        return e / e.sum(-1, keepdims=True), alpha


@not_on_jax
@pytest.mark.parametrize(
    "network, size", [("unet", (9, 7)), ("volumes", (3, 9, 6))]
)
def test_equals_numpy(network, size, request, equals):
    model = request.getfixturevalue(network)
    expected, alpha = Steps(model)(image(*size))
    seen, maps = at_once(AttentionExtractor(model))(image(*size))
    equals("AttentionUNet", "the published network in NumPy", seen, expected)
    (weights,) = maps.values()
    np.testing.assert_allclose(
        numpy(weights)[:, 0, ..., None], alpha, atol=1e-5
    )
    assert np.ptp(alpha) > 0.1 and np.ptp(expected) > 0.1


@pytest.mark.computing
def test_odd_and_unknown_sizes_and_files(unet, tmp_path):
    for size in ((13, 7), (8, 12)):
        p = numpy(at_once(unet)(image(*size)))
        assert p.shape == (2, *size, 3)
        np.testing.assert_allclose(p.sum(-1), 1, atol=1e-5)
    unet.save(tmp_path / "unet.keras")
    loaded = keras.saving.load_model(tmp_path / "unet.keras")
    again = numpy(at_once(loaded)(image(8, 12)))
    np.testing.assert_array_equal(again, p)


@pytest.mark.computing
def test_volumes_of_unknown_sizes_and_files(volumes, tmp_path):
    volumes.save(tmp_path / "volumes.keras")
    loaded = keras.saving.load_model(tmp_path / "volumes.keras")
    # TensorFlow traces unknown sizes only once it has seen two of them.
    for size in ((2, 4, 6), (3, 5, 4)):
        found = loaded.predict(image(*size), verbose=0)
        assert found.shape == (2, *size, 3)
    expected = numpy(at_once(volumes)(image(*size)))
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    "network, size", [("unet", (9, 8)), ("volumes", (3, 4, 5))]
)
def test_a_step_of_training_moves_every_gate(network, size, request, eagerly):
    model = request.getfixturevalue(network)
    model.compile(
        "adam",
        CombinedLoss([DiceLoss(False), FocalLoss(from_logits=False)]),
        metrics=[MeanDice(3)],
    )
    (gate,) = gates(model)
    before = [numpy(w).copy() for w in gate.trainable_weights]
    labels = np.random.default_rng(0).integers(0, 3, (2, *size))
    history = model.fit(image(*size), labels, verbose=0).history
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
    plain = AttentionUNet([32, 32, 3], encoder=vgg, gates=False)
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
        ({"input_shape": (8, 16, 1)}, "height and width of at least 16"),
        (
            {"input_shape": (16, 8, 16, 1)},
            r"\(depth, height, width, channels\) with depth, height and width",
        ),
        (
            {"input_shape": (16,) * 4, "gates": {"alignment": "grid_crf"}},
            "GridCRFAlignment takes maps",
        ),
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


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="exports are checked on TensorFlow",
)
@pytest.mark.parametrize(
    "file_format, sizes",
    [
        ("onnx", [(33, 20), (16, 40)]),
        ("litert", [(33, 20), (16, 40)]),
        ("onnx", [(16, 17, 20), (20, 16, 16)]),
    ],
)
def test_files_of_unknown_sizes_answer_alike(file_format, sizes, tmp_path):
    model = AttentionUNet(
        (*len(sizes[0]) * [None], 1), deep_supervision=True, **SMALL
    )
    model(image(*sizes[0]))
    suffix, load = {
        "onnx": (".onnx", load_onnx),
        "litert": (".tflite", load_litert),
    }[file_format]
    path = tmp_path / f"unet{suffix}"
    model.export(path, format=file_format, verbose=False)
    serve = load(path)
    for size in sizes:
        (seen,) = serve([image(*size)]).values()
        expected = numpy(model(image(*size)))
        np.testing.assert_allclose(seen, expected, atol=1e-5)


@pytest.mark.long
@pytest.mark.skipif(
    keras.backend.backend() != "tensorflow",
    reason="exports are checked on TensorFlow",
)
def test_an_exported_network_shows_its_gates(tmp_path):
    model = AttentionUNet((32, 40, 1), **SMALL)
    path = tmp_path / "unet.onnx"
    keras_attention.export(model, path, "onnx", preprocessing=(0, 1))
    found = load_onnx(path)([np.zeros((1, 32, 40, 1), "uint8")])
    assert found["predictions"].shape == (1, 32, 40, 2)
    gates = [name for name in found if name.endswith("gate")]
    assert {found[name].shape[2:] for name in gates} == {
        (16, 20),
        (8, 10),
        (4, 5),
    }
