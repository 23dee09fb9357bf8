"""Sparsemax and 1.5-entmax: weights that are exactly 0 where scores are low.

Both are `p_i = max(z_i - tau, 0)^a` with the threshold `tau` that makes a row
sum to 1. Sorting finds it, at a cost far above that of a softmax; here
Newton's method does. With the highest `z_i` shifted to 0, `tau` lies in
`[-1, 0)`, and from -1 the steps rise to it without passing it, because what
they solve is convex.
"""

import keras
import numpy as np
from keras import ops

# Enough for 12,544 positions, most of them just below the threshold, and
# followed by a last step that can be differentiated.
_STEPS = 10


def sparsemax(scores, mask=None):
    """Euclidean projection on the simplex, over the last axis.

    `p = argmin ||p - scores||^2` over `p_i >= 0`, `sum_i p_i = 1`, which is
    `p_i = max(scores_i - tau, 0)`. `keras.ops.sparsemax` of Keras 3.15 is a
    different function: its rows do not sum to 1.

    The gradient is exact: for `v` it is `s * (v - mean of v where s)` with
    `s` true where `p > 0`. Second derivatives are not.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        Weights in the shape and dtype of `scores`; each row sums to 1, or to
        0 where everything is masked. What stands in a masked place, NaN
        included, has no influence on the result.
    """
    return _hide(_above_threshold(scores, mask, _sum_step), mask)


def entmax15(scores, mask=None):
    """1.5-entmax: between softmax and sparsemax, over the last axis.

    `p_i = max(scores_i / 2 - tau, 0)^2`. The gradient is exact: for `v` it is
    `r * (v - sum(r * v) / sum(r))` with `r = sqrt(p)`. Second derivatives are
    not.

    Args:
        scores: `(..., positions)`, float32 or float64.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        As `sparsemax`.
    """
    roots = _above_threshold(scores / 2, mask, _norm_step)
    return _hide(ops.square(roots), mask)


def _above_threshold(z, mask, step):
    """`max(z - tau, 0)`, with gradients.

    Args:
        z: `(..., positions)`.
        mask: Boolean tensor that broadcasts to `z`, or `None`.
        step: From `max(z - t, 0)` to a step of Newton's method from `t`.
    """
    z = _shifted(z, mask)
    fixed = ops.stop_gradient(z)
    threshold = -ops.ones_like(fixed[..., :1])
    for _ in range(_STEPS):
        threshold = threshold + step(ops.relu(fixed - threshold))
    # Around its root a step from a fixed threshold has the root's derivative.
    # Differences are taken before the last step, whose size would be lost in
    # the digits of a threshold near -1: thousands of weights add up.
    above = ops.relu(z - threshold)
    support = ops.cast(above > 0, above.dtype)
    return ops.relu(above - step(above)) * support


def _shifted(z, mask):
    """Scores from -1 to 0; in a row -1 and below have weight 0."""
    limits = np.finfo(keras.backend.standardize_dtype(z.dtype))
    lowest, highest = float(limits.min), float(limits.max)
    if mask is not None:
        z = ops.where(mask, z, lowest)
    z = ops.clip(z, lowest, highest)
    top = ops.stop_gradient(ops.max(z, axis=-1, keepdims=True))
    z = ops.clip(z - top, -1.0, 1.0)
    if mask is None:
        return z
    # A row without a valid position is kept, uniform, so that nothing is
    # divided by 0.
    empty = ops.logical_not(ops.any(mask, axis=-1, keepdims=True))
    return ops.where(ops.logical_or(mask, empty), z, -1.0)


def _sum_step(above):
    """Newton's step towards `sum(above) = 1`."""
    excess, size = _excess(above)
    return excess / size


def _norm_step(above):
    """Newton's step towards `norm(above) = 1`, longer than by the squares."""
    excess, _ = _excess(ops.square(above))
    return excess / ((1.0 + ops.rsqrt(1.0 + excess)) * _sum(above))


def _excess(x):
    """`sum(x) - 1` and the number of entries above 0.

    Every entry gives its share of the 1 before the sum: in a sum of
    thousands of equal numbers all rounding errors would point one way.
    """
    positive = ops.cast(x > 0, x.dtype)
    size = _sum(positive)
    return _sum(x - positive / size), size


def _sum(x):
    return ops.sum(x, axis=-1, keepdims=True)


def _hide(weights, mask):
    if mask is None:
        return weights
    return ops.where(mask, weights, ops.zeros_like(weights))
