"""Channel, spatial and convolutional block attention against timm."""

import pathlib

import keras
import numpy as np
import pytest

from keras_attention.layers.channel_attention import ChannelAttention2D
from keras_attention.layers.convolutional_block_attention import (
    ConvolutionalBlockAttention2D,
)
from keras_attention.layers.efficient_channel_attention import (
    EfficientChannelAttention2D,
)
from keras_attention.layers.spatial_attention import SpatialAttention2D
from keras_attention.layers.squeeze_and_excite import SqueezeAndExcite2D

pytestmark = pytest.mark.computing
ORACLES = pathlib.Path(__file__).parents[1] / "oracles"
MOMENTUM = 0.9

LAYERS = {
    "eca": EfficientChannelAttention2D(),
    "eca_circular": EfficientChannelAttention2D(padding="circular"),
    "se": SqueezeAndExcite2D(hidden_dim=5),
    "cbam_channel": ChannelAttention2D(hidden_dim=5),
    "cbam_spatial": SpatialAttention2D(),
    "cbam": ConvolutionalBlockAttention2D(reduction_ratio=4, use_bias=False),
    "cbam_trained": ConvolutionalBlockAttention2D(hidden_dim=5, kernel_size=3),
}
TIMM = {
    "eca": "EcaModule",
    "eca_circular": "CecaModule",
    "se": "SEModule",
    "cbam_channel": "ChannelAttn",
    "cbam_spatial": "SpatialAttn",
    "cbam": "CbamModule",
    "cbam_trained": "CbamModule, in training",
}


def arrays_of(case):
    with np.load(ORACLES / "convolutional.npz") as file:
        prefix = case + "/"
        return {
            name.removeprefix(prefix): file[name]
            for name in file.files
            if name.startswith(prefix)
        }


def with_weights(layer, arrays):
    """A fresh copy of the layer with the weights of the fixture, all of them.

    A path is the layer's name and then the fixture's, `"channel/..."`.
    """
    layer = type(layer).from_config({**layer.get_config(), "name": "layer"})
    layer.build(arrays["features"].shape)
    paths = {weight.path.partition("/")[2]: weight for weight in layer.weights}
    others = {"features", "outputs"}
    after = {name for name in arrays if name.startswith("after/")}
    assert set(paths) == set(arrays) - others - after
    for path, weight in paths.items():
        weight.assign(arrays[path])
    return layer, paths


@pytest.mark.parametrize("case", LAYERS)
def test_equals_timm(case, equals):
    arrays = arrays_of(case)
    layer, paths = with_weights(LAYERS[case], arrays)
    training = case.endswith("_trained")
    outputs = layer(arrays["features"], training=training)
    name = type(layer).__name__
    equals(name, f"timm {TIMM[case]}", outputs, arrays["outputs"])
    if not training:
        return
    name = "spatial/batch_normalization/moving_"
    mean, variance = (
        keras.ops.convert_to_numpy(paths[name + which])
        for which in ("mean", "variance")
    )
    np.testing.assert_allclose(mean, arrays[f"after/{name}mean"], atol=1e-5)
    # PyTorch divides the moving variance by one observation less than Keras.
    count = np.prod(arrays["features"].shape[:3])
    start, end = arrays[f"{name}variance"], arrays[f"after/{name}variance"]
    batch = (end - MOMENTUM * start) * (count - 1) / count
    np.testing.assert_allclose(variance, MOMENTUM * start + batch, atol=1e-5)


@pytest.mark.parametrize("case", LAYERS)
def test_no_weight_of_a_fixture_hides_that_it_is_unused(case):
    arrays = arrays_of(case)
    layer, paths = with_weights(LAYERS[case], arrays)
    training = case.endswith("_trained")
    for path, weight in paths.items():
        if training and "/moving_" in path:
            continue
        weight.assign(1.1 * arrays[path] + 0.1)
        outputs = layer(arrays["features"], training=training)
        outputs = keras.ops.convert_to_numpy(outputs)
        difference = np.abs(outputs - arrays["outputs"]).max()
        assert difference > 1e-3, path
        weight.assign(arrays[path])
