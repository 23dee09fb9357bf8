"""From scores to weights under a mask: nothing leaks, nothing becomes NaN."""

import keras
import numpy as np
from keras import ops

from keras_attention.ops.largest import largest


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
    limit = float(np.finfo(keras.backend.standardize_dtype(scores.dtype)).max)
    if mask is None:
        # A row of -inf alone would be NaN; at the lowest number it is uniform.
        scores = ops.clip(scores, -limit, limit)
        if scores.shape[-1] == 1:
            # 1, or NaN; Keras takes a softmax of one for a mistake and warns.
            return ops.exp(scores - scores)
        return ops.softmax(scores, axis=-1)
    scores = ops.where(mask, ops.clip(scores, -limit, limit), -limit)
    weights = ops.exp(scores - largest(scores, axis=-1, keepdims=True))
    weights = ops.where(mask, weights, ops.zeros_like(weights))
    # A valid position at the maximum makes the sum at least 1.
    total = ops.sum(weights, axis=-1, keepdims=True)
    return weights / ops.maximum(total, ops.ones_like(total))


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


def bounded(scores, mask=None, fill=None):
    """Finite scores, with room for sums and products of them.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.
        fill: What stands in masked places; `None` is the lower limit.

    Returns:
        `scores`, cut off at about 1e30 in float32 on both sides.
    """
    limits = np.finfo(keras.backend.standardize_dtype(scores.dtype))
    limit = float(limits.max) * 1e-8
    if mask is not None:
        scores = ops.where(mask, scores, -limit if fill is None else fill)
    return ops.clip(scores, -limit, limit)
