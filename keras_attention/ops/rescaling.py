"""Scores put on another scale: shares of a sum, heights above the lowest."""

from keras import ops

from keras_attention.ops.largest import largest
from keras_attention.ops.masked import bounded


def shares(x):
    """`x / sum(x)` over the last axis; a row of zeros stays one.

    Args:
        x: `(..., positions)`, not negative.

    Returns:
        A tensor like `x`.
    """
    # Divided by the highest first, so that the sum cannot overflow; the scale
    # has no influence on the result, so it needs no gradient.
    top = ops.stop_gradient(largest(x, axis=-1, keepdims=True))
    x = x / or_one(top)
    return x / or_one(ops.sum(x, axis=-1, keepdims=True))


def above_lowest(scores, mask=None):
    """How far scores are above the lowest valid one of their row.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        A tensor like `scores`, 0 in masked places.
    """
    lowest = -largest(bounded(-scores, mask), axis=-1, keepdims=True)
    height = bounded(scores, mask) - lowest
    if mask is None:
        return height
    return ops.where(mask, height, ops.zeros_like(height))


def or_one(x):
    """`x`, with 1 in place of 0: a divisor."""
    return ops.where(ops.equal(x, 0.0), ops.ones_like(x), x)
