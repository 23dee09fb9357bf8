"""Scores and weights are computed in float32 even in mixed precision.

A dot product of two float16 vectors of 256 elements overflows at a standard
deviation of about 16, and a softmax over 4,096 float16 scores sums to 1 only
within 1e-3.
"""

import keras
from keras import ops


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
