"""How evenly attention is spread."""

import numpy as np

from keras_attention.visualization.attention_maps import mean_map


def normalized_entropy(maps):
    """The entropy of each map, as a share of the uniform map's.

    `-sum(p log p) / log N` of `p = a / sum(a)` over the `N` positions, the mean
    of heads and queries first: 1 is a map without preference, 0 one position.

    Args:
        maps: array of non-negative weights `(batch, height, width)`, or with
            heads, or with heads and queries.

    Returns:
        `(batch,)` in `[0, 1]`, float64; NaN for a map without attention, with
        one that is negative or not finite, and of a single position.

    Example:

    >>> maps = np.array([[[1, 1], [1, 1]], [[1, 1], [0, 0]]])
    >>> print(normalized_entropy(maps))
    [1.  0.5]
    """
    with np.errstate(invalid="ignore", over="ignore"):
        values = mean_map("maps", np.asarray(maps, "float64"))
        values = values.reshape(len(values), -1)
        total = values.sum(-1, keepdims=True)
    defined = np.isfinite(total) & (total > 0) & (values.min(-1) >= 0)[:, None]
    defined &= values.shape[-1] > 1
    shares = np.where(defined, values / np.where(defined, total, 1.0), np.nan)
    logs = np.log(np.where(shares > 0, shares, 1.0))  # 0 log 0 is 0
    entropy = -(shares * logs).sum(-1)
    # No minus in front of 0.
    return entropy / np.log(max(2, values.shape[-1])) + 0.0
