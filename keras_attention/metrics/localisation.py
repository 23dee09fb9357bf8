"""How much of the attention falls on the object."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.shapes import PAIRS_TO_MAPS
from keras_attention.internals.shapes import expect_channels_not_last
from keras_attention.internals.shapes import likely_kind


def attention_energy(maps, masks):
    """The share of each image's attention that falls on the object.

    `sum(a * s) / sum(a)` over the positions of the map, where `a` is the
    attention, averaged over heads and queries, and `s` the share of the
    position that the object covers: the mask, averaged over the area of each
    position, whatever the ratio of the two sizes. A uniform map reaches
    `area_share(masks)`, a map that sees nothing but the object reaches 1.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or as
            layers return them, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`.
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, 1 where the object is; usually of the image's size.

    Returns:
        `(batch,)` in `[0, 1]`, float64. NaN where the question has no
        answer: the mask is empty, or the map has no attention or one that is
        not finite. Average with `np.nanmean` and say how many were left out.

    Raises:
        ValueError: For other shapes, different numbers of images, negative
            attention, weights of channels or of pairs of positions, or masks
            outside `[0, 1]`.

    Example:

    >>> mask = np.zeros((1, 4, 4))
    >>> mask[:, :2, :2] = 1
    >>> print(attention_energy(np.array([[[6.0, 2.0], [1.0, 1.0]]]), mask))
    [0.6]
    >>> print(attention_energy(np.ones((1, 3, 3)), mask), area_share(mask))
    [0.25] [0.25]

    Reference:
        Wang et al.: Score-CAM: Score-Weighted Visual Explanations for
        Convolutional Neural Networks. CVPR Workshops 2020, the energy-based
        pointing game.

    Differs from the paper:
        It enlarges the map to the image; here the mask is averaged down to
        the map, which invents no detail between positions.

    See also:
        `area_share` and `centre_energy`, the numbers to read it against.
    """
    maps, masks = checked_pair(maps, masks)
    covered = area_average(masks, maps.shape[1:])  # (b, h, w)
    attention = maps.sum((1, 2))
    defined = np.isfinite(attention) & (attention > 0) & masks.any((1, 2))
    maps = np.where(defined[:, None, None], maps, np.nan)
    return (maps * covered).sum((1, 2)) / np.where(defined, attention, 1.0)


def area_share(masks):
    """The share of each image that the object covers.

    `mean(s)`: what `attention_energy` gives a map without preference, and so
    the number to read it against.

    Args:
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`.

    Returns:
        `(batch,)` in `[0, 1]`, float64; 0 for an empty mask.

    Raises:
        ValueError: For other shapes, or masks outside `[0, 1]`.

    Example:

    >>> print(area_share(np.array([[[1, 0], [0, 0]], [[1, 1], [0, 0]]])))
    [0.25 0.5 ]
    """
    return checked_masks(masks).mean((1, 2))


def centre_map(height, width):
    """A map that always looks at the centre, whatever the image.

    A Gaussian, `exp(-y^2 / (2 sigma_y^2) - x^2 / (2 sigma_x^2))` of the
    distances from the centre, with `sigma` a quarter of each side, so that
    the border is two standard deviations away.

    Args:
        height: int, rows.
        width: int, columns.

    Returns:
        `(height, width)`, float64, summing to 1.

    Raises:
        ValueError: For sizes that are no positive integers.

    Example:

    >>> print(centre_map(3, 2).round(3))
    [[0.113 0.113]
     [0.274 0.274]
     [0.113 0.113]]

    Reference:
        Judd, Durand, Torralba: A Benchmark of Computational Models of
        Saliency to Predict Human Fixations. MIT-CSAIL-TR 2012: photographers
        put objects in the centre, so that a map that knows nothing else does
        well; there too a Gaussian stretched to the image.
    """

    def profile(size):
        # Centres of the positions, as shares of the side.
        places = (np.arange(size) + 0.5) / size - 0.5
        heights = np.exp(-0.5 * (places / 0.25) ** 2)
        return heights / heights.sum()

    arguments.positive_int("height", height)
    arguments.positive_int("width", width)
    return np.outer(profile(height), profile(width))


def centre_energy(masks):
    """The share of `centre_map` that falls on each object.

    What `attention_energy` gives a map that always looks at the centre, at
    the masks' resolution: attention has found the object only where it does
    better.

    Args:
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`.

    Returns:
        `(batch,)` in `[0, 1]`, float64; NaN for an empty mask.

    Raises:
        ValueError: For other shapes, or masks outside `[0, 1]`.

    Example: the same object in the centre and in a corner.

    >>> masks = np.zeros((2, 8, 8))
    >>> masks[0, 2:6, 2:6] = 1
    >>> masks[1, :4, :4] = 1
    >>> print(centre_energy(masks).round(2), area_share(masks))
    [0.52 0.25] [0.25 0.25]
    """
    masks = checked_masks(masks)
    energy = (masks * centre_map(*masks.shape[1:])).sum((1, 2))
    return np.where(masks.any((1, 2)), energy, np.nan)


def area_average(masks, size):
    """`(b, rows, columns)` to `(b, *size)`, each the mean over its area."""
    rows = _overlap(masks.shape[1], size[0])
    columns = _overlap(masks.shape[2], size[1])
    return rows @ masks @ columns.T


def _overlap(size, new_size):
    """`(new_size, size)`: how much of a new cell each old cell makes up."""
    # In units of 1 / (size * new_size) every edge is an integer, so that
    # equal edges are equal and rows sum to exactly what they should.
    old = np.arange(size + 1) * new_size
    new = np.arange(new_size + 1) * size
    start = np.maximum(new[:-1, None], old[:-1])
    stop = np.minimum(new[1:, None], old[1:])
    return np.maximum(stop - start, 0) / size


def checked_pair(maps, masks):
    """`(batch, height, width)` and `(batch, rows, columns)`, one an image."""
    masks = checked_masks(masks)
    maps = checked_maps(maps, masks.shape[1:])
    if len(maps) != len(masks):
        raise ValueError(
            "Arguments maps and masks must have one entry an image. "
            f"Received: {len(maps)} maps and {len(masks)} masks"
        )
    return maps, masks


def checked_maps(maps, size, signed=False):
    """As `(batch, height, width)`, means over heads and queries."""
    kind = getattr(maps, "kind", None)  # what `collect_attention` returns says
    maps = np.asarray(maps, "float64")
    if maps.ndim not in (3, 4, 5) or 0 in maps.shape:
        raise ValueError(
            "Invalid value for argument maps: expected (batch, height, width),"
            " (batch, heads, height, width) or (batch, heads, queries, height,"
            f" width), not empty. Received: maps of shape {maps.shape}"
        )
    kind = kind or likely_kind(maps, size)
    if kind != "spatial":
        raise ValueError(
            "Invalid value for argument maps: expected weights of positions. "
            f"Received: {kind} weights of shape {maps.shape}"
            f"{PAIRS_TO_MAPS * (kind == 'pairwise')}"
        )
    expect_channels_not_last("maps", maps.shape, size)
    if not signed:
        expect_non_negative(maps)
    return maps.mean(axis=tuple(range(1, maps.ndim - 2)))


def expect_non_negative(maps):
    """Raises for a negative weight; NaN is none."""
    if (maps < 0).any():
        raise ValueError(
            "Invalid value for argument maps: expected non-negative weights. "
            f"Received: a minimum of {np.nanmin(maps)}"
        )


def checked_masks(masks):
    """As `(batch, rows, columns)`, in `[0, 1]`."""
    masks = np.asarray(masks, "float64")
    if masks.ndim == 4 and masks.shape[-1] == 1:
        masks = masks[..., 0]
    if masks.ndim != 3 or 0 in masks.shape:
        raise ValueError(
            "Invalid value for argument masks: expected (batch, rows, columns)"
            " or (batch, rows, columns, 1), not empty. Received: masks of "
            f"shape {masks.shape}"
        )
    if not ((masks >= 0) & (masks <= 1)).all():
        raise ValueError(
            "Invalid value for argument masks: expected values in [0, 1], 1 "
            f"on the object. Received: {masks.min()} to {masks.max()}"
        )
    return masks
