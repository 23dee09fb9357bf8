"""Whether the highest attention covers the object, and nothing else."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.metrics.localisation import area_average
from keras_attention.metrics.localisation import checked_pair


def map_jaccard(maps, masks, threshold=0.5):
    """The overlap of each map's upper half with the object.

    `|A and M| / |A or M|`: `A` are the positions whose attention, averaged over
    heads and queries and stretched from its lowest to its highest value to
    `[0, 1]`, is above the threshold; `M` those of which the object covers
    more than half.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or as
            layers return them, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`.
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, 1 where the object is; averaged to the size of the map.
        threshold: float, in `(0, 1)`. Defaults to `0.5`.

    Returns:
        `(batch,)` in `[0, 1]`, float64. NaN where the question has no answer:
        the object covers half of no position, or the map is the same
        everywhere or not finite. Average with `np.nanmean` and say how many
        were left out.

    Raises:
        ValueError: As for `attention_energy`, and for a threshold out of range.

    Example:

    >>> mask = np.zeros((1, 4, 4))
    >>> mask[:, :2, :2] = 1
    >>> print(map_jaccard(np.array([[[0.9, 0.8], [0.1, 0.2]]]), mask))
    [0.5]

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019, which reports it for both gates of its network.

    Differs from the paper:
        It does not say at which size map and mask are compared; here at the
        map's.

    See also:
        `attention_energy`, which has no threshold.
    """
    if not 0 < threshold < 1:
        raise ValueError(
            arguments.invalid("threshold", threshold, "a number in (0, 1)")
        )
    maps, masks = checked_pair(maps, masks)
    objects = area_average(masks, maps.shape[1:]) > 0.5
    lowest, highest = maps.min((1, 2)), maps.max((1, 2))
    extent = highest - lowest
    defined = np.isfinite(extent) & (extent > 0) & objects.any((1, 2))
    middle = np.where(defined, lowest + threshold * extent, 0.0)
    attended = maps > middle[:, None, None]
    both = (attended & objects).sum((1, 2))
    either = (attended | objects).sum((1, 2))
    return np.where(defined, both / np.maximum(either, 1), np.nan)
