"""Scores and weights are computed in float32 even in mixed precision.

A dot product of two float16 vectors of 256 elements overflows at a standard
deviation of about 16, and a softmax over 4,096 float16 scores sums to 1 only
within 1e-3. Nor do products of entries become infinite: the difference of two
that are is NaN.
"""

import keras
import numpy as np
from keras import ops

from keras_attention.ops.largest import largest


def precise_dtype(dtype):
    """`"float64"` for `"float64"`, otherwise `"float32"`."""
    return "float64" if dtype == "float64" else "float32"


def at_least_float32(x):
    """Casts a tensor of lower precision to float32.

    Args:
        x: A floating-point tensor of any shape.

    Returns:
        `x` in float32, or unchanged if it is float64.
    """
    return ops.cast(x, precise_dtype(keras.backend.standardize_dtype(x.dtype)))


def finite(x, dtype=None):
    """Infinite numbers of float16, which has few, as its largest.

    Args:
        x: A floating-point tensor of any shape.
        dtype: str or `None`, what to cast to; `None` leaves the dtype.
            Defaults to `None`.
    """
    dtype = dtype or keras.backend.standardize_dtype(x.dtype)
    if dtype == "float16":
        limit = float(np.finfo(dtype).max)
        x = ops.clip(x, -limit, limit)
    return ops.cast(x, dtype)


def products(queries, keys):
    """`q . k` of all pairs: finite for finite vectors.

    Infinite products of both signs would add up to NaN. Where one might be,
    above about 1e34 in float32, all of them shrink alike: with entries cut
    off one by one, positions that are far apart would become equal.

    Args:
        queries: `(..., queries, dim)`, float32 or float64.
        keys: `(..., positions, dim)`.

    Returns:
        `(..., queries, positions)`.
    """
    keys = keys / at_least_one(
        highest(queries) / product_limit(keys) * highest(keys)
    )
    return ops.matmul(queries, ops.swapaxes(keys, -1, -2))


def highest(x):
    """The largest size of an entry of `(..., positions, dim)`, a constant."""
    x = ops.abs(ops.stop_gradient(x))
    return largest(x, axis=(-2, -1), keepdims=True)


def at_least_one(x):
    """`x`, with 1 in place of what is less, or NaN: a divisor."""
    return ops.where(x > 1.0, x, ops.ones_like(x))


def product_limit(x):
    """Room for sums of some thousand numbers of that size."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    return 1e-4 * float(np.finfo(dtype).max)
