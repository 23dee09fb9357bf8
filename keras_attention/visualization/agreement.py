"""How alike two maps of the same images are."""

import numpy as np

from keras_attention.internals.requirements import explained
from keras_attention.metrics.localisation import area_average
from keras_attention.visualization.scaling import is_flat

#: The share of the positions that counts as the highest.
TOP = 0.2


def rank_correlation(first, second):
    """Spearman's rank correlation of the positions of two maps, by image.

    Maps of two sizes are compared at the smaller one, averaged over the area of
    each of its positions.

    Args:
        first: array `(batch, height, width)`.
        second: array `(batch, rows, columns)`.

    Returns:
        `(batch,)` in `[-1, 1]`; NaN where one of the maps is the same
        everywhere or not finite.

    Example: positions in the same order, and in the opposite one.

    >>> a = np.array([[[1.0, 2.0], [3.0, 4.0]]])
    >>> print(rank_correlation(a, a**3), rank_correlation(a, -a))
    [1.] [-1.]
    """
    with explained("keras_attention.visualization"):
        from scipy import stats

    def of_one(a, b):
        return stats.spearmanr(a.ravel(), b.ravel()).statistic

    return _by_image(of_one, first, second)


def top_overlap(first, second):
    """How much the highest fifth of two maps overlaps, by image.

    `|A and B| / |A or B|` of the positions, at least one, that are highest in
    either map, at the smaller size of the two. Maps that have nothing to do
    with each other reach `0.2 / 1.8`, about 0.11.

    Args:
        first: array `(batch, height, width)`.
        second: array `(batch, rows, columns)`.

    Returns:
        `(batch,)` in `[0, 1]`; NaN as for `rank_correlation`.

    Example:

    >>> a = np.arange(10.0).reshape(1, 2, 5)
    >>> print(top_overlap(a, a), top_overlap(a, -a))
    [1.] [0.]
    """

    def of_one(a, b):
        tops = [_highest(values) for values in (a, b)]
        return (tops[0] & tops[1]).sum() / (tops[0] | tops[1]).sum()

    return _by_image(of_one, first, second)


def _highest(values):
    """Which positions are among the highest; equal ones all or none."""
    count = max(1, round(TOP * values.size))
    return values >= np.sort(values, axis=None)[-count]


def _by_image(compare, first, second):
    size = np.minimum(first.shape[1:], second.shape[1:])
    pairs = zip(
        area_average(first, size), area_average(second, size), strict=True
    )
    return np.array(
        [
            compare(a, b)
            if np.isfinite([a, b]).all() and not (is_flat(a) or is_flat(b))
            else np.nan
            for a, b in pairs
        ]
    )
