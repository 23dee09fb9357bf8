"""Resizing of image batches with NumPy alone.

The JAX and PyTorch pipelines must not need TensorFlow, and a data loader that
calls its backend for every batch competes with the training step for the
device. A separable resize is two small matrix products, so NumPy does it.
"""

import functools

import numpy as np


@functools.lru_cache(maxsize=256)
def hat_matrix(inputs, outputs):
    """The linear map that resizes `inputs` samples to `outputs`, bilinearly.

    The kernel is widened when it shrinks (antialiasing) and renormalised at
    the borders, as `tf.image.resize(antialias=True)` and `jax.image.resize`
    do. Pixel centres lie at half-integers.

    Args:
        inputs: int, number of samples before.
        outputs: int, number of samples after.

    Returns:
        A read-only float32 array `(outputs, inputs)` whose rows sum to 1.

    Example:

    >>> hat_matrix(2, 4).tolist()
    [[1.0, 0.0], [0.75, 0.25], [0.25, 0.75], [0.0, 1.0]]
    """
    ratio = inputs / outputs
    centres = (np.arange(outputs) + 0.5) * ratio
    distances = np.abs(np.arange(inputs) + 0.5 - centres[:, None])
    weights = np.maximum(0.0, 1.0 - distances / max(ratio, 1.0))
    matrix = weights / weights.sum(axis=1, keepdims=True)
    matrix = matrix.astype("float32")
    matrix.setflags(write=False)
    return matrix


def resize(images, size):
    """Resizes images bilinearly, with antialiasing.

    Args:
        images: array `(..., height, width, channels)`, any real dtype.
        size: `(height, width)` of the result.

    Returns:
        A float32 array `(..., *size, channels)` in the range of the input.

    Example:

    >>> resize(np.ones((2, 6, 8, 3), "uint8"), (3, 5)).shape
    (2, 3, 5, 3)
    """
    *batch, height, width, channels = images.shape
    rows = hat_matrix(height, size[0])
    columns = hat_matrix(width, size[1])
    flat = images.astype("float32").reshape(*batch, height, width * channels)
    flat = (rows @ flat).reshape(*batch, size[0], width, channels)
    return columns @ flat


def resize_nearest(images, size):
    """Resizes images by taking the nearest pixel, which keeps mask values.

    Args:
        images: array `(..., height, width, channels)`.
        size: `(height, width)` of the result.

    Returns:
        An array `(..., *size, channels)` of the input's dtype.

    Example:

    >>> mask = np.array([[[0], [1]]], "uint8")
    >>> resize_nearest(mask, (1, 4))[0, :, 0].tolist()
    [0, 0, 1, 1]
    """
    height, width = images.shape[-3:-1]
    rows = ((np.arange(size[0]) + 0.5) * height / size[0]).astype(int)
    columns = ((np.arange(size[1]) + 0.5) * width / size[1]).astype(int)
    return images[..., rows[:, None], columns, :]
