"""Where the weights of a VGG network come from: files and the network."""

import hashlib
import os
import re
from collections.abc import Mapping

import keras
import numpy as np

from keras_attention.features import torchvision_weights
from keras_attention.features import vgg_arguments
from keras_attention.internals import arguments
from keras_attention.internals.requirements import command_for

# As torch.hub has it, the file's name ends in how its SHA-256 begins.
_ADDRESS = "https://download.pytorch.org/models/"
_IMAGENET_URLS = {
    "vgg11": f"{_ADDRESS}vgg11-8a719046.pth",
    "vgg11_bn": f"{_ADDRESS}vgg11_bn-6002323d.pth",
    "vgg13": f"{_ADDRESS}vgg13-19584684.pth",
    "vgg13_bn": f"{_ADDRESS}vgg13_bn-abd245e5.pth",
    "vgg16": f"{_ADDRESS}vgg16-397923af.pth",
    "vgg16_bn": f"{_ADDRESS}vgg16_bn-6c64b313.pth",
    "vgg19": f"{_ADDRESS}vgg19-dcbb9e9d.pth",
    "vgg19_bn": f"{_ADDRESS}vgg19_bn-c79401a0.pth",
}
# The paper's convolutions; what the file holds of the classifier is no use.
_FEATURES_URLS = {
    "vgg16": f"{_ADDRESS}vgg16_features-amdegroot-88682ab5.pth",
}

_SUFFIXES = (".weights.h5", ".npz", ".pth")


def check(architecture, weights, image, include_top, classes, width_multiplier):
    """Raises `ValueError` for weights that no such network could take.

    Called before the network is built, as the widest takes a while.

    Args:
        architecture: str, torchvision's name, such as `"vgg16_bn"`.
        weights: str, path, dict or `None`, what the caller gave.
        image: symbolic tensor, the image.
        include_top: bool, whether the network has a classifier.
        classes: int, how many classes that has.
        width_multiplier: float, the scale of all widths.
    """
    if weights is None or isinstance(weights, Mapping):
        return
    if isinstance(weights, str) and weights in published(architecture):
        if weights != "imagenet" and include_top:
            expected = "used with include_top=False: it has no classifier"
            raise ValueError(arguments.invalid("weights", weights, expected))
        _check_imagenet(image, include_top, classes, width_multiplier)
        return
    is_path = isinstance(weights, (str, os.PathLike))
    if not (
        is_path
        and os.fspath(weights).endswith(_SUFFIXES)
        and os.path.isfile(weights)
    ):
        expected = (
            f"None, {', '.join(map(repr, published(architecture)))}, a "
            "dictionary of arrays, or the path of an existing file that ends "
            f"in {', '.join(_SUFFIXES)}"
        )
        raise ValueError(arguments.invalid("weights", weights, expected))


def published(architecture):
    """The addresses of the weights that torchvision publishes, by our name.

    Example:

    >>> sorted(published("vgg16"))
    ['imagenet', 'imagenet_features']
    """
    addresses = {"imagenet": _IMAGENET_URLS[architecture]}
    if architecture in _FEATURES_URLS:
        addresses["imagenet_features"] = _FEATURES_URLS[architecture]
    return addresses


def load(model, weights, architecture):
    """Fills `model` from a source that `check` has passed."""
    if weights is None:
        return
    if isinstance(weights, Mapping):
        state = weights
    elif weights in published(architecture):
        state = read_published_state(published(architecture)[weights])
    elif os.fspath(weights).endswith(".weights.h5"):
        model.load_weights(weights)
        return
    else:
        state = read_state(weights)
    torchvision_weights.load_torchvision_state(model, state)


def read_state(path):
    """Reads a state dictionary from a `.npz` or `.pth` file, safely.

    Neither format may run code here: NumPy refuses pickles and torch reads
    weights only.

    Args:
        path: str or path of the file.

    Returns:
        A dictionary of arrays or torch tensors.

    Raises:
        ImportError: If the file is torch's and torch is not installed.
        ValueError: If the file holds anything but a dictionary.
    """
    path = os.fspath(path)
    if path.endswith(".npz"):
        with np.load(path, allow_pickle=False) as archive:
            return dict(archive)
    state = _import_torch().load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, Mapping):
        raise ValueError(
            f"{path} must hold a state dictionary, name to tensor. "
            f"Received: a {type(state).__name__}"
        )
    return state


def read_published_state(url):
    """Downloads torchvision's weights once and reads them.

    Args:
        url: str, of a file whose name ends in how its SHA-256 begins.

    Returns:
        A dictionary of torch tensors.

    Raises:
        ImportError: If torch, which wrote the file, is not installed.
        ValueError: If the file is not the published one. It is deleted then.
        ConnectionError: If it cannot be fetched; a local file can be given.
    """
    _import_torch()  # Before half a gigabyte is fetched in vain.
    path = _fetched(url)
    expected = re.search(r"-([0-9a-f]+)\.pth$", url).group(1)
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(expected):
        os.remove(path)
        raise ValueError(
            f"The SHA-256 of the file from {url} must begin with {expected}. "
            f"Received: {digest}. The file is deleted; try again."
        )
    return read_state(path)


def _fetched(url):
    try:
        return keras.utils.get_file(origin=url, cache_subdir="models")
    except OSError:
        raise  # The disk's, not the network's.
    except Exception as error:  # Keras raises it without a class of its own.
        raise ConnectionError(
            f"The weights could not be fetched: {error}. Fetch {url} where "
            "there is a network, and pass the file: weights="
            f"'/a/folder/{url.rpartition('/')[2]}'"
        ) from error


def _check_imagenet(image, include_top, classes, width_multiplier):
    sizes, channels = vgg_arguments.split_shape(image.shape[1:])
    needs = {
        "width_multiplier": (width_multiplier, 1, width_multiplier == 1),
        "the number of channels": (channels, 3, channels == 3),
    }
    if include_top:
        # Five poolings must leave the 7 x 7 positions that fc1 was trained on.
        fits = all(size // 32 == 7 for size in sizes)
        without = "(or include_top=False)"
        needs["classes"] = (classes, f"1000 {without}", classes == 1000)
        needs["height and width"] = (sizes, f"224 to 255 {without}", fits)
    for name, (value, expected, fits) in needs.items():
        if not fits:
            raise ValueError(
                f"ImageNet weights need {name} = {expected}. Received: {value}"
            )


def _import_torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Reading a .pth file, and weights='imagenet', needs PyTorch (the "
            f"CPU build will do). Run: {command_for(['torch'])}. Or save the "
            "state dictionary as .npz where PyTorch is installed, and give "
            "its path."
        ) from error
    return torch
