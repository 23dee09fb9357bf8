"""The best position of a row, without `argmax`."""

import keras
import numpy as np
from keras import ops

from keras_attention.ops.largest import largest


def first_highest(scores, mask=None):
    """1 at the first of the highest valid scores of a row, 0 elsewhere.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        A tensor like `scores`; a row without a valid position is 0.
    """
    limits = np.finfo(keras.backend.standardize_dtype(scores.dtype))
    lowest = float(limits.min)
    scores = ops.clip(scores, lowest, float(limits.max))
    if mask is not None:
        scores = ops.where(mask, scores, lowest)
    best = ops.equal(scores, largest(scores, axis=-1, keepdims=True))
    if mask is not None:
        best = ops.logical_and(best, mask)
    # By comparison: `ops.argmax` cannot be exported, and on PyTorch `top_k`
    # may return any of several equal scores.
    count = ops.shape(scores)[-1]
    places = ops.arange(count)
    first = ops.min(ops.where(best, places, count), axis=-1, keepdims=True)
    return ops.cast(ops.equal(places, first), scores.dtype)


def not_below_best(scores, count, mask=None):
    """True for the `count` highest valid scores of a row, ties included.

    Args:
        scores: `(..., positions)`, float32 or float64.
        count: How many, at least 1. In a row with fewer valid positions all
            of them are taken.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        A boolean tensor in the shape of `scores`. Scores equal to the last
        one taken are taken too.
    """
    limits = np.finfo(keras.backend.standardize_dtype(scores.dtype))
    lowest = float(limits.min)
    scores = ops.clip(scores, lowest, float(limits.max))
    if mask is not None:
        scores = ops.where(mask, scores, lowest)
    padded = scores
    positions = scores.shape[-1]
    if positions is None:
        # So that there are enough, however few positions a map has.
        fill = ops.full_like(scores[..., :1], lowest)
        padded = ops.concatenate([scores, *[fill] * count], axis=-1)
    else:
        count = min(count, positions)
    best, _ = ops.top_k(padded, count)
    taken = ops.logical_not(scores < best[..., -1:])  # NaN is taken
    return taken if mask is None else ops.logical_and(taken, mask)
