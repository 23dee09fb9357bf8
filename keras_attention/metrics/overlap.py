"""Whether the highest attention covers the object, and nothing else."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.metrics.localisation import area_average
from keras_attention.metrics.localisation import checked_pair


def map_jaccard(maps, masks, threshold=0.5):
    """The overlap of each map's highest positions with the object: IoU.

    `|A and M| / |A or M|`: `A` are the positions whose attention, averaged over
    heads and queries, is above the threshold; `M` those of which the object
    covers more than half.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or as
            layers return them, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`.
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, 1 where the object is; averaged to the size of the map.
        threshold: float or str, a number in `(0, 1)`, between the lowest and
            the highest value of each map; or `"top_area"`, as many of the
            highest positions as the object has, of tied ones the share that is
            missing; or `"otsu"`, which parts the values of the map into two
            groups that differ most. Defaults to `0.5`.

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
    >>> maps = np.array([[[0.9, 0.8], [0.1, 0.2]]])
    >>> print(map_jaccard(maps, mask), map_jaccard(maps, mask, "top_area"))
    [0.5] [1.]

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019, which reports it for both gates of its network. Otsu: A
        Threshold Selection Method from Gray-Level Histograms. IEEE
        Transactions on Systems, Man, and Cybernetics 9, 1979.

    Differs from the paper:
        It does not say at which size map and mask are compared; here at the
        map's. Otsu's threshold is sought among the values, not in a histogram.

    See also:
        `attention_energy` and `map_roc_auc`, which have no threshold.
    """
    both, sizes, defined = _overlap(maps, masks, threshold)
    return np.where(defined, both / np.maximum(sizes - both, 1), np.nan)


def map_dice(maps, masks, threshold=0.5):
    """The Dice coefficient of each map's highest positions and the object.

    `2 |A and M| / (|A| + |M|)`, `2 J / (1 + J)` of `map_jaccard`'s `J`.

    Args:
        maps: array; see `map_jaccard`.
        masks: array; see `map_jaccard`.
        threshold: float or str; see `map_jaccard`. Defaults to `0.5`.

    Returns:
        `(batch,)` in `[0, 1]`, float64; NaN as for `map_jaccard`.

    Raises:
        ValueError: As for `map_jaccard`.

    Example:

    >>> mask = np.zeros((1, 4, 4))
    >>> mask[:, :2, :2] = 1
    >>> print(map_dice(np.array([[[0.9, 0.8], [0.1, 0.2]]]), mask).round(4))
    [0.6667]

    Reference:
        Dice: Measures of the Amount of Ecologic Association Between Species.
        Ecology 26, 1945.

    See also:
        `losses.AttentionDice`, which trains attention to agree with masks.
    """
    both, sizes, defined = _overlap(maps, masks, threshold)
    return np.where(defined, 2 * both / np.maximum(sizes, 1), np.nan)


def _overlap(maps, masks, threshold):
    """`|A and M|`, `|A| + |M|`, and where they answer the question."""
    if isinstance(threshold, str):
        arguments.one_of("threshold", threshold, ("top_area", "otsu"))
    elif not 0 < threshold < 1:
        expected = "a number in (0, 1), 'top_area' or 'otsu'"
        raise ValueError(arguments.invalid("threshold", threshold, expected))
    maps, masks = checked_pair(maps, masks)
    objects = area_average(masks, maps.shape[1:]) > 0.5
    objects = objects.reshape(len(maps), -1)
    maps = maps.reshape(len(maps), -1)
    extent = maps.max(-1) - maps.min(-1)
    defined = np.isfinite(extent) & (extent > 0) & objects.any(-1)
    attended = np.zeros(maps.shape)
    if defined.any():
        answers = maps[defined], objects[defined]
        attended[defined] = _attended(*answers, threshold)
    both = (attended * objects).sum(-1)
    return both, attended.sum(-1) + objects.sum(-1), defined


def _attended(maps, objects, threshold):
    """`(b, n)`: 1 above the threshold, 0 below."""
    if threshold == "otsu":
        return maps > _otsu(maps)
    if threshold != "top_area":
        lowest = maps.min(-1, keepdims=True)
        return maps > lowest + threshold * np.ptp(maps, -1, keepdims=True)
    count = objects.sum(-1, keepdims=True)
    last = np.take_along_axis(-np.sort(-maps), count - 1, -1)
    above, tied = maps > last, maps == last
    missing = count - above.sum(-1, keepdims=True)
    return above + tied * missing / tied.sum(-1, keepdims=True)


def _otsu(maps):
    """The highest value of the lower group, `(b, 1)`."""
    maps = np.sort(maps)
    lower = np.arange(1, maps.shape[-1])  # how many are in the lower group
    upper = maps.shape[-1] - lower
    sums = maps.cumsum(-1)
    means = sums[:, :-1] / lower, (sums[:, -1:] - sums[:, :-1]) / upper
    between = lower * upper * (means[1] - means[0]) ** 2
    # Equal values are in one group.
    between[maps[:, 1:] == maps[:, :-1]] = -1
    return np.take_along_axis(maps, between.argmax(-1)[:, None], -1)
