"""What every sparse alignment starts with and ends with."""

import keras
import numpy as np
from keras import ops

from keras_attention.ops.largest import largest


def shift_below(scores, mask, floor):
    """Scores from `floor` to 0: the highest of a row is 0.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Boolean tensor that broadcasts to `scores`, or `None`.
        floor: Below 0, a number or a tensor that broadcasts to `scores`; what
            stands there has weight 0.

    Returns:
        A tensor like `scores`. Masked places are at the floor, except in a
        row without any other.
    """
    limits = np.finfo(keras.backend.standardize_dtype(scores.dtype))
    lowest, highest = float(limits.min), float(limits.max)
    if mask is not None:
        scores = ops.where(mask, scores, lowest)
    scores = ops.clip(scores, lowest, highest)
    top = ops.stop_gradient(largest(scores, axis=-1, keepdims=True))
    # Not `maximum`, which takes float64 down to float32 on PyTorch.
    floor = ops.cast(floor, scores.dtype)
    scores = ops.clip(scores - top, floor, ops.ones_like(floor))
    if mask is None:
        return scores
    # A row without a valid position is kept, uniform, so that nothing is
    # divided by 0.
    empty = ops.logical_not(ops.any(mask, axis=-1, keepdims=True))
    return ops.where(ops.logical_or(mask, empty), scores, floor)


def excess(weights):
    """`sum(weights) - 1`, row by row.

    Every weight gives its share of the 1 before the sum: in a sum of
    thousands of equal numbers all rounding errors would point one way.
    """
    positive = ops.cast(weights > 0, weights.dtype)
    return row_sum(weights - positive / row_sum(positive))


def rough_excess(weights):
    """As `excess`, in less time."""
    return row_sum(weights) - 1.0


def row_sum(x):
    """The sum over the last axis, which stays."""
    return ops.sum(x, axis=-1, keepdims=True)


def hide(weights, mask):
    """Zeros where the mask is false."""
    if mask is None:
        return weights
    return ops.where(mask, weights, ops.zeros_like(weights))
