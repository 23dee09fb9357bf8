"""What a colour stands for."""

from typing import NamedTuple

import numpy as np

from keras_attention.internals import arguments

NORMALIZATIONS = ("relative", "ratio", "shared", "per_image", "none")

# A map's sum in float32 is 1 to about this.
_TOLERANCE = 1e-3

_RELATIVE = "x uniform"


class Scaled(NamedTuple):
    """Values to draw, the range of the colours, and what they mean."""

    values: np.ndarray
    high: float
    label: str

    @property
    def extend(self):
        """Whether the colour bar ends in an arrow, for what is above it."""
        return "max" if _largest(self.values) > self.high else "neither"

    @property
    def ticks(self):
        """Where the colour bar has numbers; at 1 for relative weights."""
        middle = 1.0 if self.label.startswith(_RELATIVE) else self.high / 2
        crowded = middle < 0.12 * self.high
        return [middle, self.high] if crowded else [0.0, middle, self.high]


def scaled(maps, normalize):
    """Brings the maps of one layer to a scale that all its images share.

    Args:
        maps: array `(batch, height, width)`.
        normalize: str, one of `NORMALIZATIONS`; see `plot_attention`.

    Returns:
        `Scaled`.

    Raises:
        ValueError: For another `normalize`.

    Example:

    >>> scaled(np.full((1, 2, 2), 0.25), "relative").values.tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    arguments.one_of("normalize", normalize, NORMALIZATIONS)
    if normalize == "per_image":
        return Scaled(_stretched(maps), 1.0, "lowest to highest\nof each image")
    is_ratio = normalize == "ratio"
    if is_ratio or (normalize == "relative" and _sum_to_one(maps)):
        values = _over_mean(maps) if is_ratio else maps * maps[0].size
        label = f"{_RELATIVE}\n1 = no preference"
        # One image with a sharp peak would leave all others in the dark; and
        # no preference must not look like much.
        peaks = [_largest(value) for value in values]
        typical = np.median([peak for peak in peaks if peak > 0] or [0.0])
        return Scaled(values, max(2.0, float(typical)), label)
    largest = _largest(maps)
    if normalize == "shared":
        return Scaled(maps, largest or 1.0, "weight")
    return Scaled(maps, max(1.0, largest), "weight")


def _sum_to_one(maps):
    with np.errstate(invalid="ignore", over="ignore"):
        sums = maps.sum((1, 2))
    sums = sums[np.isfinite(sums)]
    # A fully masked image has no weights at all.
    off = np.abs(sums - 1) > _TOLERANCE
    return sums.any() and not (off & (sums != 0)).any()


def is_flat(values):
    """Whether the finite values differ by no more than rounding does."""
    finite = values[np.isfinite(values)]
    return not finite.size or np.ptp(finite) <= 1e-6 * np.abs(finite.max())


def _over_mean(maps):
    """Each map over the mean of what is finite in it; 0 stays 0."""
    known = np.isfinite(maps)
    sums = np.where(known, maps, 0.0).sum((1, 2), keepdims=True)
    means = sums / np.maximum(known.sum((1, 2), keepdims=True), 1)
    return maps / np.where(means > 0, means, 1.0)


def _stretched(maps):
    """Each map from 0 to 1; one without contrast is 0 everywhere."""
    stretched = np.where(np.isfinite(maps), maps, np.nan)
    for values in stretched:
        finite = np.isfinite(values)
        if is_flat(values):
            values[finite] = 0.0
        else:
            values -= values[finite].min()
            values /= values[finite].max()
    return stretched


def _largest(values):
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0
