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
        highest = max(map(_largest, self.values), default=0.0)
        return "max" if highest > self.high else "neither"

    @property
    def ticks(self):
        """Where the colour bar has numbers; at 1 for relative weights."""
        middle = 1.0 if self.label.startswith(_RELATIVE) else self.high / 2
        crowded = middle < 0.12 * self.high
        return [middle, self.high] if crowded else [0.0, middle, self.high]


def scaled(maps, normalize):
    """Brings the maps of one layer to a scale that all its images share.

    Args:
        maps: array `(batch, height, width)`, or a list of arrays `(height,
            width)`, of any sizes.
        normalize: str, one of `NORMALIZATIONS`; see `plot_attention`.

    Returns:
        `Scaled`, its values an array or a list as the maps are.

    Raises:
        ValueError: For another `normalize`.

    Example:

    >>> scaled(np.full((1, 2, 2), 0.25), "relative").values.tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """
    arguments.one_of("normalize", normalize, NORMALIZATIONS)
    if normalize == "per_image":
        values = _alike(maps, map(_stretched, maps))
        return Scaled(values, 1.0, "lowest to highest\nof each image")
    is_ratio = normalize == "ratio"
    if is_ratio or (normalize == "relative" and _sum_to_one(maps)):
        over = _over_mean if is_ratio else _over_uniform
        values = _alike(maps, map(over, maps))
        label = f"{_RELATIVE}\n1 = no preference"
        # One image with a sharp peak would leave all others in the dark; and
        # no preference must not look like much.
        peaks = [*map(_largest, values)]
        typical = np.median([peak for peak in peaks if peak > 0] or [0.0])
        return Scaled(values, max(2.0, float(typical)), label)
    largest = max(map(_largest, maps), default=0.0)
    if normalize == "shared":
        return Scaled(maps, largest or 1.0, "weight")
    return Scaled(maps, max(1.0, largest), "weight")


def _sum_to_one(maps):
    with np.errstate(invalid="ignore", over="ignore"):
        sums = np.array([values.sum() for values in maps])
    sums = sums[np.isfinite(sums)]
    # A fully masked image has no weights at all.
    off = np.abs(sums - 1) > _TOLERANCE
    return sums.any() and not (off & (sums != 0)).any()


def is_flat(values):
    """Whether the finite values differ by no more than rounding does."""
    finite = values[np.isfinite(values)]
    return not finite.size or np.ptp(finite) <= 1e-6 * np.abs(finite.max())


def _alike(maps, found):
    """What was made of maps, an array where they are one."""
    return np.stack([*found]) if isinstance(maps, np.ndarray) else [*found]


def _over_uniform(values):
    return values * values.size


def _over_mean(values):
    """A map over the mean of what is finite in it; 0 stays 0."""
    known = np.isfinite(values)
    mean = np.where(known, values, 0.0).sum() / max(known.sum(), 1)
    return values / (mean if mean > 0 else 1.0)


def _stretched(values):
    """A map from 0 to 1; one without contrast is 0 everywhere."""
    finite = np.isfinite(values)
    stretched = np.where(finite, values, np.nan)
    if is_flat(values):
        stretched[finite] = 0.0
    else:
        stretched -= stretched[finite].min()
        stretched /= stretched[finite].max()
    return stretched


def _largest(values):
    finite = values[np.isfinite(values)]
    return float(finite.max()) if finite.size else 0.0
