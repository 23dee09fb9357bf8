"""Which pixels go first, and what is left in their place."""

import numpy as np

from keras_attention.explanation.pixels import enlarged
from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.metrics.localisation import checked_maps

#: What is put in the place of pixels that are taken away.
BASELINES = ("mean", "blur", "zero")


def in_pixels(maps, images):
    """Maps of any grid in the pixels of their images, bilinearly.

    Args:
        maps: array `(batch, height, width)`, or as layers return weights, with
            heads and queries, which are averaged.
        images: array `(batch, rows, columns, channels)`.

    Returns:
        `(batch, rows, columns)`, float64.

    Raises:
        ValueError: For other shapes, and values that are not finite.

    Example:

    >>> print(in_pixels([[[0.0, 1.0]]], np.ones((1, 1, 4, 3))))
    [[[0.   0.25 0.75 1.  ]]]
    """
    if images.ndim != 4:
        raise ValueError(
            "Pixels are removed of images (batch, height, width, channels). "
            f"Received: images of shape {images.shape}"
        )
    size = images.shape[1:3]
    maps = checked_maps(maps, size, signed=True)
    if len(maps) != len(images) or not np.isfinite(maps).all():
        raise ValueError(
            "Invalid value for argument maps: expected finite values, one map "
            f"an image, {len(images)}. Received: shape {maps.shape}, "
            f"{(~np.isfinite(maps)).sum()} values that are not finite"
        )
    return enlarged(maps, size)


def ranks(maps, seed=0):
    """The place of each pixel in its image, 0 for the highest value.

    Args:
        maps: array `(batch, rows, columns)`.
        seed: int, of the order of equal values, which is drawn. Defaults to
            `0`.

    Returns:
        `(batch, rows, columns)`, int.

    Example:

    >>> print(ranks(np.array([[[0.2, 0.5], [0.9, 0.1]]])))
    [[[2 1]
      [0 3]]]
    """
    flat = maps.reshape(len(maps), -1)
    chance = np.random.default_rng(seed).random(flat.shape)
    order = np.lexsort((chance, -flat))
    return np.argsort(order).reshape(maps.shape)


def without(images, baseline):
    """What is seen of images when all of their pixels are taken away.

    Args:
        images: array `(batch, rows, columns, channels)`.
        baseline: str, one of `BASELINES`: the mean of each channel of each
            image; the image blurred by a Gaussian whose standard deviation is
            a sixteenth of the shorter side; or zeros.

    Returns:
        An array that broadcasts to the images.

    Example:

    >>> image = np.arange(4.0).reshape(1, 2, 2, 1)
    >>> [float(without(image, name).mean()) for name in BASELINES]
    [1.5, 1.5, 0.0]
    """
    arguments.one_of("baseline", baseline, BASELINES)
    if baseline == "mean":
        return images.mean((1, 2), keepdims=True)
    if baseline == "zero":
        return np.zeros_like(images[:, :1, :1])
    with explained("keras_attention.explanation"):
        from scipy import ndimage

    width = min(images.shape[1:3]) / 16
    return ndimage.gaussian_filter(images, (0, width, width, 0))
