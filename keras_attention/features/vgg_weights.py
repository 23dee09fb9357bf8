"""Where the weights of a VGG network come from: files and the network."""

import hashlib
import os
import re
from collections.abc import Mapping

import keras
import numpy as np

from keras_attention import arguments
from keras_attention.features import torchvision_weights
from keras_attention.features import vgg_arguments

# As torch.hub has it, the file's name ends in how its SHA-256 begins.
_IMAGENET_URLS = {
    "vgg16_bn": "https://download.pytorch.org/models/vgg16_bn-6c64b313.pth",
}

_SUFFIXES = (".weights.h5", ".npz", ".pth")


def check(weights, image, include_top, classes, width_multiplier):
    """Raises `ValueError` for weights that no such network could take.

    Called before the network is built, as the widest takes a while.

    Args:
        weights: What the caller gave.
        image: The symbolic image.
        include_top: Whether the network has a classifier.
        classes: How many classes that has.
        width_multiplier: The scale of all widths.
    """
    if weights is None or isinstance(weights, Mapping):
        return
    if isinstance(weights, str) and weights == "imagenet":
        _check_imagenet(image, include_top, classes, width_multiplier)
        return
    is_path = isinstance(weights, (str, os.PathLike))
    if not (
        is_path
        and os.fspath(weights).endswith(_SUFFIXES)
        and os.path.isfile(weights)
    ):
        expected = (
            "None, 'imagenet', a dictionary of arrays, or the path of an "
            f"existing file that ends in {', '.join(_SUFFIXES)}"
        )
        raise ValueError(arguments.invalid("weights", weights, expected))


def load(model, weights, architecture):
    """Fills `model` from a source that `check` has passed."""
    if weights is None:
        return
    if isinstance(weights, Mapping):
        state = weights
    elif weights == "imagenet":
        state = read_imagenet_state(architecture)
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
        path: The file.

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


def read_imagenet_state(architecture):
    """Downloads torchvision's ImageNet weights once and reads them.

    Args:
        architecture: torchvision's name, `"vgg16_bn"`.

    Returns:
        A dictionary of torch tensors.

    Raises:
        ImportError: If torch, which wrote the file, is not installed.
        ValueError: If the file is not the published one. It is deleted then.
    """
    _import_torch()  # Before half a gigabyte is fetched in vain.
    url = _IMAGENET_URLS[architecture]
    path = keras.utils.get_file(origin=url, cache_subdir="models")
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
                f"weights='imagenet' needs {name} = {expected}. "
                f"Received: {value}"
            )


def _import_torch():
    try:
        import torch
    except ImportError as error:
        raise ImportError(
            "Reading a .pth file, and weights='imagenet', needs PyTorch: "
            "`pip install torch` (the CPU build will do). Or save the state "
            "dictionary as .npz where PyTorch is installed, and give its path."
        ) from error
    return torch
