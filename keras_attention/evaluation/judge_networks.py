"""The networks that can judge images, each with what it wants to be given."""

import dataclasses
import os
from collections.abc import Callable

import keras

from keras_attention.features import EfficientNetLite0
from keras_attention.features import preprocess_input
from keras_attention.internals import arguments


@dataclasses.dataclass(frozen=True)
class JudgeNetwork:
    """A network of features and, if it has any, answers.

    Attributes:
        name: str.
        model: `keras.Model` of images, with outputs `[features (batch,
            channels), answers (batch, classes)]` or `[features]`.
        input_shape: tuple `(height, width, channels)`, `None` for any.
        prepare: callable, of images in [0, 1], returns what the model takes.
    """

    name: str
    model: keras.Model
    input_shape: tuple
    prepare: Callable


def network_of(network, layer, network_range, value_range):
    """The network of `ImageJudge`'s arguments."""
    if isinstance(network, keras.Model):
        name = network.name
    elif network == "efficientnet_lite0":
        _refuse_options(network, layer, network_range)
        return efficientnet_lite0()
    elif os.fspath(network).endswith(".keras"):
        name, network = os.fspath(network), keras.saving.load_model(network)
    else:
        expected = "'efficientnet_lite0', a path of a .keras file or a model"
        raise ValueError(arguments.invalid("network", network, expected))
    return of_model(network, name, layer, network_range or value_range)


def efficientnet_lite0():
    """EfficientNet-Lite0 of ImageNet, whose answers are 1,000 classes."""
    network = EfficientNetLite0(weights="imagenet")
    return JudgeNetwork(
        "efficientnet_lite0",
        _split(network, network.get_layer("avg_pool").output),
        (224, 224, 3),
        lambda x: preprocess_input(
            x, "channels_last", "efficientnet_lite0", (0, 1)
        ),
    )


def of_model(network, name, layer, network_range):
    """Any model of images with one output."""
    if layer is None:
        features = network.layers[-1].input
    else:
        features = network.get_layer(layer).output
    low, high = network_range
    return JudgeNetwork(
        name,
        _split(network, features),
        tuple(network.inputs[0].shape[1:]),
        lambda x: x * (high - low) + low,
    )


def _split(network, features):
    """A model with the features and, unless they are these, the answers."""
    outputs = [features]
    if features is not network.outputs[0]:
        outputs.append(network.outputs[0])
    if len(features.shape) == 4:
        outputs[0] = keras.layers.GlobalAveragePooling2D()(features)
    return keras.Model(network.inputs, outputs, name=f"{network.name}_judge")


def _refuse_options(network, layer, network_range):
    for name, value in (("layer", layer), ("network_range", network_range)):
        if value is not None:
            raise ValueError(
                arguments.invalid(name, value, f"None with {network!r}")
            )
