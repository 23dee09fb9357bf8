"""Whether attention points to the object, more than its size explains."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.metrics.localisation import area_average
from keras_attention.metrics.localisation import area_share
from keras_attention.metrics.localisation import attention_energy
from keras_attention.metrics.localisation import checked_pair


def pointing_game(maps, masks, tolerance=0):
    """Whether the highest attention of each image is on the object.

    The share of the pixels with the highest attention that lie on the object,
    or no further from it than the tolerance. A position of a map that is
    coarser than the mask is as many pixels as it covers, all of one value. A
    uniform map reaches the object's share of the image.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or as
            layers return them, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`.
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, above a half where the object is.
        tolerance: float, pixels of the mask. Defaults to `0`.

    Returns:
        `(batch,)` in `[0, 1]`, float64; 0 or 1 unless several pixels are
        highest. NaN for an empty mask and for a map that is not finite:
        average with `np.nanmean` and say how many were left out.

    Raises:
        ValueError: As for `attention_energy`, and for a negative tolerance.

    Example: of two highest positions one is on the object.

    >>> mask = np.zeros((1, 3, 3))
    >>> mask[:, 0] = 1
    >>> maps = np.array([[[0, 0.4, 0], [0, 0, 0.4], [0.2, 0, 0]]])
    >>> print(pointing_game(maps, mask), pointing_game(maps, mask, 1))
    [0.5] [1.]

    Reference:
        Zhang et al.: Top-Down Neural Attention by Excitation Backprop. ECCV
        2016, with a tolerance of 15 pixels.

    Differs from the paper:
        It enlarges the map to the image, takes one highest pixel, and counts
        hits of all images of a class; here tied ones share.
    """
    arguments.non_negative_float("tolerance", tolerance)
    maps, masks = checked_pair(maps, masks)
    objects = masks > 0.5
    found = objects.any((1, 2))
    if tolerance:
        with explained("keras_attention.metrics"):
            from scipy import ndimage

        for image in np.flatnonzero(found):
            distance = ndimage.distance_transform_edt(~objects[image])
            objects[image] = distance <= tolerance
    highest = maps.max((1, 2), keepdims=True)
    tied = maps == highest
    hits = (tied * area_average(objects, maps.shape[1:])).sum((1, 2))
    defined = found & np.isfinite(highest[:, 0, 0])
    return np.where(defined, hits / np.maximum(tied.sum((1, 2)), 1), np.nan)


def attention_lift(maps, masks):
    """How many times more attention is on the object than its size explains.

    `attention_energy(maps, masks) / area_share(masks)`: 1 for a uniform map,
    `1 / area_share(masks)` at most. Small objects have little energy even where
    attention finds them; of them this is the number to compare.

    Args:
        maps: array; see `attention_energy`.
        masks: array; see `attention_energy`.

    Returns:
        `(batch,)`, non-negative, float64; NaN as for `attention_energy`.

    Raises:
        ValueError: As for `attention_energy`.

    Example:

    >>> mask = np.zeros((1, 4, 4))
    >>> mask[:, :2, :2] = 1
    >>> print(attention_lift(np.array([[[6.0, 2.0], [1.0, 1.0]]]), mask))
    [2.4]
    """
    energy, share = attention_energy(maps, masks), area_share(masks)
    return energy / np.where(share > 0, share, np.nan)
