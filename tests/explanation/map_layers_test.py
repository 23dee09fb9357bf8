"""The layer that is explained, by family."""

import keras
import numpy as np
import pytest

from keras_attention import EfficientNetLite0
from keras_attention import VGG16BNAttention
from keras_attention.explanation.map_layers import MapLayers

IMAGES = np.zeros((1, 64, 64, 3), "float32")


def small(name):
    make = getattr(keras.applications, name)
    return lambda: make(weights=None, input_shape=(64, 64, 3), classes=2)


@pytest.mark.parametrize(
    ("make", "layer", "last"),
    [
        (small("VGG16"), "block5_conv3", "predictions"),
        (small("MobileNet"), "conv_pw_13_relu", "predictions"),
        (EfficientNetLite0, "head_relu", "predictions"),
        (
            lambda: VGG16BNAttention(
                {"block3": "se", "block5": "cbam"}, width_multiplier=0.125
            ),
            "block5_pool_cbam",
            "predictions",
        ),
        pytest.param(
            small("ResNet50"),
            "conv5_block3_out",
            "predictions",
            marks=pytest.mark.long,
        ),
        pytest.param(
            small("EfficientNetB0"),
            "top_activation",
            "predictions",
            marks=pytest.mark.long,
        ),
        pytest.param(
            small("DenseNet121"), "relu", "predictions", marks=pytest.mark.long
        ),
    ],
)
def test_the_last_map_in_front_of_the_pooling(make, layer, last):
    layers = MapLayers(make(), IMAGES)
    assert layers.explained().path == layer
    assert [one.name for one in layers.last] == [last]
