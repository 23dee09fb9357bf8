"""From scores to weights under a mask: nothing leaks, nothing becomes NaN."""

import keras
import numpy as np
from keras import ops


def masked_softmax(scores, mask=None):
    """Softmax over the last axis, restricted to where `mask` is true.

    A row without a valid position gives zeros, not NaN. What stands in a
    masked place, NaN included, has no influence on the result.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        Weights in the shape and dtype of `scores`; each row sums to 1, or to
        0 where everything is masked.
    """
    lowest = float(np.finfo(keras.backend.standardize_dtype(scores.dtype)).min)
    if mask is None:
        # A row of -inf alone would be NaN; at the lowest number it is uniform.
        return ops.softmax(ops.maximum(scores, lowest), axis=-1)
    scores = ops.where(mask, ops.maximum(scores, lowest), lowest)
    weights = ops.softmax(scores, axis=-1)
    return ops.where(mask, weights, ops.zeros_like(weights))


def masked_sigmoid(scores, mask=None):
    """Element-wise sigmoid with zeros where `mask` is false.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        Weights in `[0, 1]` in the shape and dtype of `scores`.
    """
    if mask is None:
        return ops.sigmoid(scores)
    weights = ops.sigmoid(ops.where(mask, scores, 0.0))
    return ops.where(mask, weights, ops.zeros_like(weights))
