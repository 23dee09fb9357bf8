"""Random numbers that `keras.random` does not have."""

import keras
import numpy as np
from keras import ops


def gumbel(shape, seed, dtype="float32"):
    """Standard Gumbel noise: `-log(-log(u))` with `u` uniform in (0, 1).

    The position of the highest of `scores + gumbel` is a draw from the
    softmax of the scores.

    Args:
        shape: Of the result; sizes may be scalar tensors.
        seed: A `keras.random.SeedGenerator`.
        dtype: `"float32"` or `"float64"`.

    Returns:
        A finite tensor; in float32 from about -4.5 to 16.6.
    """
    limits = np.finfo(dtype)
    uniform = keras.random.uniform(shape, dtype=dtype, seed=seed)
    uniform = ops.clip(uniform, float(limits.tiny), 1.0 - float(limits.epsneg))
    return -ops.log(-ops.log(uniform))
