"""The networks that can judge images, each with what it wants to be given."""

import collections
import dataclasses
import os
from collections.abc import Callable

import h5py
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
    is_path = isinstance(network, str | os.PathLike)
    path = os.fspath(network) if is_path else ""
    if path == "efficientnet_lite0":
        _refuse_options(network, layer, network_range)
        return efficientnet_lite0()
    if path.endswith(".h5"):
        _refuse_options(network, layer, network_range)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"There is no file {path!r}, to judge by.")
        return inception_v3(path)
    if path.endswith(".keras"):
        name, network = path, keras.saving.load_model(path)
    elif isinstance(network, keras.Model):
        name = network.name
    else:
        expected = (
            "'efficientnet_lite0', a path of an .h5 or .keras file, or a model"
        )
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


def inception_v3(path, build=keras.applications.InceptionV3):
    """`keras.applications.InceptionV3` with the weights of an `.h5` file.

    Args:
        path: str. The file of a network with its top gives answers too.
        build: callable, the network of `weights=None` and `include_top`.
            Defaults to `keras.applications.InceptionV3`.

    Raises:
        ValueError: If the file has arrays of other shapes than the network.
    """
    found = _shapes_in(path)
    for include_top in (True, False):
        network = build(weights=None, include_top=include_top)
        expected = collections.Counter(tuple(w.shape) for w in network.weights)
        if found == expected:
            break
    else:
        unknown = sorted(found - expected)[:3]
        missing = sorted(expected - found)[:3]
        raise ValueError(
            f"{path} does not hold the weights of {network.name}. Expected "
            f"{expected.total()} arrays, without its top. Received: "
            f"{found.total()}, of which the network has no {unknown}; the file "
            f"has no {missing}"
        )
    network.load_weights(path)
    features = network.output
    if include_top:
        features = network.layers[-1].input
    return JudgeNetwork(
        f"{network.name} of keras.applications",
        _split(network, features),
        (299, 299, 3),
        lambda x: 2 * x - 1,
    )


def _shapes_in(path):
    """How often each shape is in an HDF5 file."""
    shapes = collections.Counter()
    with h5py.File(path) as file:
        file.visititems(
            lambda _, one: (
                shapes.update([one.shape])
                if isinstance(one, h5py.Dataset)
                else None
            )
        )
    return shapes


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
    return keras.Model(network.inputs[0], outputs, name=f"{network.name}_judge")


def _refuse_options(network, layer, network_range):
    for name, value in (("layer", layer), ("network_range", network_range)):
        if value is not None:
            raise ValueError(
                arguments.invalid(name, value, f"None with {network!r}")
            )
