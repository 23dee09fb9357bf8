"""How evenly attention is spread: `metrics.attention_entropy` of any map."""

import numpy as np

from keras_attention.metrics import attention_entropy
from keras_attention.visualization.attention_map import mean_map


def normalized_entropy(maps):
    """The entropy of each map, as a share of the uniform map's.

    `metrics.attention_entropy` of the mean over heads and queries: 1 is a map
    without preference, 0 one position.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or with
            heads, or with heads and queries; or a list of arrays `(height,
            width)`, of any sizes.

    Returns:
        `(batch,)` in `[0, 1]`, float64; NaN for a map without attention, with
        one that is negative or not finite, and of a single position.

    Example:

    >>> maps = np.array([[[1, 1], [1, 1]], [[1, 1], [0, 0]]])
    >>> print(normalized_entropy(maps))
    [1.  0.5]
    """
    if isinstance(maps, list):
        each = [normalized_entropy(np.asarray(one)[None]) for one in maps]
        return np.concatenate(each)
    with np.errstate(invalid="ignore", over="ignore"):
        values = mean_map("maps", np.asarray(maps, "float64"))
        is_map = values.min((1, 2), keepdims=True) >= 0
        return attention_entropy(np.where(is_map, values, np.nan))
