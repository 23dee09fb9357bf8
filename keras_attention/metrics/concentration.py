"""Whether attention is on few positions, or everywhere alike.

Each takes weights `(..., height, width)` with at least a batch in front, also
gates of channels `(batch, 1, 1, channels)`, and returns a number for each of
what is in front: one a head, where there are heads. Of pairs of positions,
`(batch, heads, positions, positions)`, take `weights[..., None, :]`, which has
one a query.
"""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.shapes import likely_kind
from keras_attention.metrics.localisation import expect_non_negative


def attention_entropy(maps):
    """The entropy of each map, as a share of what a uniform one has.

    `-sum_i p_i ln p_i / ln N` with `p = a / sum(a)`: 1 for a uniform map, 0
    for one that sees a single position.

    Args:
        maps: array of non-negative weights `(batch, ..., height, width)`.

    Returns:
        `(batch, ...)` in `[0, 1]`, float64; NaN for a map without attention,
        of one position, or not finite.

    Raises:
        ValueError: For other shapes, negative weights, and pairs of positions.

    Example:

    >>> maps = np.array([[[1, 1], [1, 1]], [[1, 1], [0, 0]], [[0, 3], [0, 0]]])
    >>> print(attention_entropy(maps))
    [1.  0.5 0. ]

    Reference:
        Shannon: A Mathematical Theory of Communication. 1948.

    See also:
        `attention_gini` and `attention_top_share`, which say the same of maps
        that do not sum to 1 in terms of what most of the attention falls on.
    """
    shares = _shares(maps)
    logs = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
    most = np.log(shares.shape[-1]) or np.nan
    return np.clip(0.0 - (shares * logs).sum(-1) / most, 0, 1)


def attention_gini(maps):
    """The Gini index of each map: how unequal its positions are.

    `sum_i (2 i - N - 1) a_i / (N sum(a))` of the weights in rising order: 0 for
    a uniform map, `1 - 1 / N` for one that sees a single position.

    Args:
        maps: array of non-negative weights `(batch, ..., height, width)`.

    Returns:
        `(batch, ...)` in `[0, 1)`, float64; NaN for a map without attention, or
        not finite.

    Raises:
        ValueError: As for `attention_entropy`.

    Example:

    >>> maps = np.array([[[1, 1], [1, 1]], [[1, 1], [0, 0]], [[0, 3], [0, 0]]])
    >>> print(attention_gini(maps))
    [0.   0.5  0.75]

    Reference:
        Hurley, Rickard: Comparing Measures of Sparsity. IEEE Transactions on
        Information Theory 55, 2009.
    """
    shares = np.sort(_shares(maps))
    count = shares.shape[-1]
    return shares @ (2 * np.arange(1, count + 1) - count - 1) / count


def attention_top_share(maps, area=0.05):
    """The share of the attention on the highest positions of a given area.

    A uniform map reaches `area`. Of a position that is only partly within the
    area, that part counts.

    Args:
        maps: array of non-negative weights `(batch, ..., height, width)`.
        area: float, share of the positions, in `(0, 1]`. Defaults to `0.05`.

    Returns:
        `(batch, ...)` in `[0, 1]`, float64; NaN as for `attention_gini`.

    Raises:
        ValueError: As for `attention_entropy`, and for an area out of range.

    Example:

    >>> maps = np.array([[[4, 3], [2, 1]], [[1, 1], [1, 1]]])
    >>> print(attention_top_share(maps, 0.5), attention_top_share(maps, 0.125))
    [0.7 0.5] [0.2   0.125]
    """
    if not 0 < area <= 1:
        raise ValueError(arguments.invalid("area", area, "a number in (0, 1]"))
    shares = -np.sort(-_shares(maps))
    count = shares.shape[-1]
    return shares @ np.clip(area * count - np.arange(count), 0, 1)


def _shares(maps):
    """`(..., height * width)` that sums to 1, or is NaN."""
    kind = getattr(maps, "kind", None)  # what `collect_attention` returns says
    maps = arguments.real_array("maps", maps).astype("float64")
    if maps.ndim < 3 or 0 in maps.shape:
        raise ValueError(
            "Invalid value for argument maps: expected (batch, ..., height, "
            f"width), not empty. Received: maps of shape {maps.shape}"
        )
    if (kind or likely_kind(maps, maps.shape[-2:])) == "pairwise":
        raise ValueError(
            "Invalid value for argument maps: expected weights of positions. "
            f"Received: pairwise weights of shape {maps.shape}. What each "
            "query looks at is weights[..., None, :]"
        )
    expect_non_negative(maps)
    maps = maps.reshape(*maps.shape[:-2], -1)
    total = maps.sum(-1, keepdims=True)
    defined = np.isfinite(total) & (total > 0)
    return np.divide(maps, total, where=defined, out=np.full_like(maps, np.nan))
