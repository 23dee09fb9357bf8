"""Sparsemax and 1.5-entmax: weights that are exactly 0 where scores are low.

Both are `p_i = max(z_i - tau, 0)^a` with the threshold `tau` that makes a row
sum to 1. Sorting finds it, at a cost far above that of a softmax; here
Newton's method does. With the highest `z_i` shifted to 0, `tau` lies in
`[-1, 0)`, and from -1 the steps rise to it without passing it, because what
they solve is convex.
"""

from keras import ops

from keras_attention.ops.simplex import excess
from keras_attention.ops.simplex import hide
from keras_attention.ops.simplex import rough_excess
from keras_attention.ops.simplex import row_sum
from keras_attention.ops.simplex import shift_below

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
    return hide(_above_threshold(scores, mask, _sum_step), mask)


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
    return hide(ops.square(roots), mask)


def _above_threshold(z, mask, step):
    """`max(z - tau, 0)`, with gradients.

    Args:
        z: `(..., positions)`.
        mask: Boolean tensor that broadcasts to `z`, or `None`.
        step: From `max(z - t, 0)`, and a function for the excess of a sum
            over 1, to a step of Newton's method from `t`.
    """
    z = shift_below(z, mask, floor=-1.0)
    fixed = ops.stop_gradient(z)
    threshold = -ops.ones_like(fixed[..., :1])
    for _ in range(_STEPS):
        above = ops.relu(fixed - threshold)
        threshold = threshold + step(above, rough_excess)
    # Around its root a step from a fixed threshold has the root's derivative.
    # Differences are taken before the last step, whose size would be lost in
    # the digits of a threshold near -1: thousands of weights add up.
    above = ops.relu(z - threshold)
    support = ops.sign(above)
    return ops.relu(above - step(above, excess)) * support


def _sum_step(above, excess):
    """Newton's step towards `sum(above) = 1`."""
    return excess(above) / row_sum(ops.sign(above))


def _norm_step(above, excess):
    """Newton's step towards `norm(above) = 1`, longer than by the squares."""
    surplus = excess(ops.square(above))
    return surplus / ((1.0 + ops.rsqrt(1.0 + surplus)) * row_sum(above))
