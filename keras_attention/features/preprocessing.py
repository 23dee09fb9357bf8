"""Pixels as torchvision's ImageNet weights expect them."""

import keras
import numpy as np
from keras import ops

from keras_attention import arguments

# Mean and standard deviation of the ImageNet pixels in [0, 1], as R, G, B.
_MEAN = (0.485, 0.456, 0.406)
_STD = (0.229, 0.224, 0.225)


def preprocess_input(images, data_format=None):
    """Standardises RGB images the way torchvision's networks were trained.

    `(images / 255 - mean) / std` with the mean and the standard deviation of
    ImageNet per channel. Not the preprocessing of `keras.applications.VGG16`,
    which swaps the channels to BGR and keeps the range of 0 to 255.
    torchvision's own evaluation first resizes the shorter side to 256 pixels
    and crops the central 224 x 224; sizes are left alone here.

    Args:
        images: RGB pixels from 0 to 255, `(..., height, width, 3)`: a NumPy
            array, a tensor of the active backend, or a symbolic tensor.
        data_format: `"channels_last"`, or `"channels_first"` for
            `(..., 3, height, width)`. `None` is the setting of Keras.

    Returns:
        The same shape: a NumPy array for a NumPy array, otherwise a tensor.
        Floating-point dtypes are kept, all others become
        `keras.config.floatx()`.

    Raises:
        ValueError: If `images` do not have three channels, or for an unknown
            `data_format`.

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
    mean = np.reshape(_MEAN, constants).astype(dtype)
    std = np.reshape(_STD, constants).astype(dtype)
    if isinstance(images, np.ndarray):
        return (images.astype(dtype) / 255 - mean) / std
    return (ops.cast(images, dtype) / 255 - mean) / std
