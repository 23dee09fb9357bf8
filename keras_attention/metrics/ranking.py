"""How well attention ranks the pixels of the object above all others."""

import numpy as np

from keras_attention.internals.requirements import explained
from keras_attention.metrics.localisation import area_average
from keras_attention.metrics.localisation import checked_pair


def map_roc_auc(maps, masks):
    """The pixels' area under the ROC curve, image by image.

    The probability that a pixel of the object has more attention than one
    beside it, ties counting one half. All pixels that a position of a coarse
    map covers have its value. A uniform map reaches 0.5.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or as
            layers return them, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`.
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, the share of each pixel that the object covers.

    Returns:
        `(batch,)` in `[0, 1]`, float64. NaN where there is nothing on the
        object or nothing beside it, and for a map that is not finite.

    Raises:
        ValueError: As for `attention_energy`.

    Example:

    >>> mask = np.array([[[1, 1], [0, 0]]])
    >>> print(map_roc_auc(np.array([[[0.6, 0.2], [0.2, 0.0]]]), mask))
    [0.875]

    Reference:
        Fawcett: An introduction to ROC analysis. Pattern Recognition Letters
        27, 2006. Computed by scikit-learn.

    See also:
        `roc_auc`, of images and their classes.
    """
    with explained("keras_attention.metrics"):
        from sklearn.metrics import roc_auc_score

    return _by_image(maps, masks, roc_auc_score, needs_background=True)


def map_average_precision(maps, masks):
    """The pixels' average precision, image by image.

    `sum_n (recall_n - recall_(n-1)) precision_n` over falling thresholds. A
    uniform map reaches the object's share of the image.

    Args:
        maps: array; see `map_roc_auc`.
        masks: array; see `map_roc_auc`.

    Returns:
        `(batch,)` in `[0, 1]`, float64; NaN for an empty mask, and for a map
        that is not finite.

    Raises:
        ValueError: As for `attention_energy`.

    Example:

    >>> mask = np.array([[[1, 1], [0, 0]]])
    >>> maps = np.array([[[0.6, 0.2], [0.2, 0.0]]])
    >>> print(map_average_precision(maps, mask).round(4))
    [0.8333]

    Reference:
        Davis, Goadrich: The Relationship Between Precision-Recall and ROC
        Curves. ICML 2006. Computed by scikit-learn.

    See also:
        `average_precision`, of images and their classes.
    """
    with explained("keras_attention.metrics"):
        from sklearn.metrics import average_precision_score as score

    return _by_image(maps, masks, score, needs_background=False)


def _by_image(maps, masks, score, needs_background):
    maps, masks = checked_pair(maps, masks)
    covered = np.clip(area_average(masks, maps.shape[1:]), 0, 1)
    covered = covered.reshape(len(maps), -1)
    maps = maps.reshape(len(maps), -1)
    defined = np.isfinite(maps).all(-1) & covered.any(-1)
    if needs_background:
        defined &= (covered < 1).any(-1)
    labels = np.repeat([1, 0], maps.shape[-1])
    values = np.full(len(maps), np.nan)
    # A position is partly of the object and partly beside it.
    for image in np.flatnonzero(defined):
        share = np.concatenate([covered[image], 1 - covered[image]])
        pixels = np.tile(maps[image], 2)
        values[image] = score(labels, pixels, sample_weight=share)
    return values
