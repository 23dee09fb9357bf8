"""Entmax of any alpha: from softmax (1) over 1.5-entmax to sparsemax (2).

`p_i = max(1 + (alpha - 1) (e_i - tau), 0)^(1 / (alpha - 1))` with the
threshold `tau` that makes a row sum to 1. Written in this form, with the
highest score at 0, `tau` becomes softmax's `log sum exp` as `alpha` goes to
1, and nothing is lost in the digits of a power of 1000.
"""

import numbers

import keras
import numpy as np
from keras import ops

from keras_attention.ops.simplex import excess
from keras_attention.ops.simplex import hide
from keras_attention.ops.simplex import row_sum
from keras_attention.ops.simplex import shift_below
from keras_attention.ops.sparse import entmax15
from keras_attention.ops.sparse import sparsemax

# Enough for 12,544 positions and any alpha up to 2.
_NEWTON_STEPS = 10
# To the last digit of a float32 between 0 and 1, or nearly so of a float64.
_HALVINGS = {"float32": 24, "float64": 52}
# In float64 too: PyTorch's `clip` rounds its limits to float32, and a limit
# rounded to where the logarithm is infinite would be NaN.
_LIMITS = np.finfo("float32")
# Where roots are cut off for alpha above 2, with a square that is not 0. At
# alpha = 4 the smallest highest one of 12,544 positions is 5e-13.
_LEAST_ROOT = 1e-18


def entmax(scores, alpha, mask=None):
    """Alpha-entmax over the last axis.

    The gradients by the scores and by `alpha` are exact; second derivatives
    are not.

    Args:
        scores: `(..., positions)`, float32 or float64.
        alpha: A number above 1 and at most 4, or a tensor of numbers above 1
            and at most 2 that broadcasts to `scores`. 1.5 and 2, as numbers,
            are `entmax15` and `sparsemax`.
        mask: Optional boolean tensor that broadcasts to `scores`.

    Returns:
        Weights in the shape and dtype of `scores`; each row sums to 1, or to
        0 where everything is masked. What stands in a masked place, NaN
        included, has no influence on the result.
    """
    if isinstance(alpha, numbers.Real):
        if alpha in (1.5, 2):
            return (entmax15 if alpha == 1.5 else sparsemax)(scores, mask)
        find = _newton if alpha < 2 else _bisection
    else:
        alpha = ops.cast(alpha, scores.dtype)
        find = _newton
    bend = ops.cast(alpha - 1.0, scores.dtype)
    floor = ops.stop_gradient(-1.0 / bend)
    z = bend * shift_below(scores, mask, floor)  # from -1 to 0
    roots, logs, lowest = find(z, ops.stop_gradient(z), ops.stop_gradient(bend))
    support = ops.cast(roots > lowest, roots.dtype)
    weights = ops.exp(logs / bend) * support
    # Around its root a step of Newton's method from a fixed threshold has the
    # root's derivative.
    step = bend * excess(weights) / ops.stop_gradient(row_sum(weights / roots))
    return hide(_lowered(weights, roots, step, bend), mask)


def _newton(z, fixed, bend):
    """Newton's method towards `norm(roots) = 1`, for alpha up to 2.

    The norm is convex then, so the steps rise to its root without passing it,
    and straight where all scores are equal.

    Args:
        z: `(..., positions)`, from -1 to 0.
        fixed: The same without a gradient.
        bend: `alpha - 1`, without a gradient.

    Returns:
        `1 + z - threshold`, cut off just above 0, its logarithm, and where it
        was cut off.
    """
    lowest = float(_LIMITS.epsneg)
    threshold = ops.zeros_like(fixed[..., :1])
    for _ in range(_NEWTON_STEPS):
        above = ops.clip(fixed - threshold, lowest - 1.0, 1.0)
        support = ops.cast(above > lowest - 1.0, z.dtype)
        weights = ops.exp(ops.log1p(above) / bend) * support
        total = row_sum(weights)
        slope = row_sum(weights / (1.0 + above))
        # total - total^(1 - bend)
        gain = -total * ops.expm1(-bend * ops.log(total))
        threshold = threshold + gain / slope
    above = ops.clip(z - threshold, lowest - 1.0, 1.0)
    return 1.0 + above, ops.log1p(above), lowest


def _bisection(z, fixed, bend):
    """For alpha above 2, where weights rise from 0 with an infinite slope.

    What is halved is an interval for the highest weight `p`, from which the
    rest follows: `(1 + z / p^bend)^(1 / bend) * p`. As `_newton`, but the
    threshold is never formed, which would leave no digits near 1.
    """
    dtype = keras.backend.standardize_dtype(z.dtype)
    lowest = _LEAST_ROOT
    count = row_sum(ops.ones_like(fixed))
    low = 1.0 / count
    width = 1.0 - low
    for _ in range(_HALVINGS[dtype]):
        width = width / 2
        middle = low + width
        scale = ops.clip(ops.power(middle, -bend), 1.0, 1.0 / lowest)
        share = ops.relu(1.0 + fixed * scale)
        total = middle * row_sum(ops.power(share, 1.0 / bend))
        low = low + width * ops.cast(total <= 1.0, z.dtype)
    roots = ops.clip(z + ops.power(low, bend), lowest, 1.0)
    return roots, ops.log(roots), lowest


def _lowered(weights, roots, by, bend):
    """`(roots - by)^(1 / bend)`, given `weights = roots^(1 / bend)`.

    As a factor, since a difference from a threshold near 1 loses the digits
    of small weights, of which there may be thousands.
    """
    share = by / roots
    support = ops.cast(share < 1.0, share.dtype)
    highest = 1.0 - float(_LIMITS.epsneg)
    share = ops.clip(share, float(_LIMITS.min), highest)
    return weights * ops.exp(ops.log1p(-share) / bend) * support
