"""What an `.npy` header says, before any of the data is read."""

import math
import tokenize
import typing

import numpy as np

MAGIC = np.lib.format.MAGIC_PREFIX


class NpyHeader(typing.NamedTuple):
    """What follows a header, in how many bytes; never Python objects."""

    shape: tuple
    dtype: np.dtype
    bytes: int


def npy_header(stream, length):
    """Reads the header at the beginning of a file of so many bytes."""
    formats = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(stream)
        shape, _, dtype = formats[version](stream)
        if any(side < 0 for side in shape):
            raise ValueError(f"{shape} is no shape")
    # NumPy parses it as Python.
    except (
        ValueError, KeyError, TypeError, SyntaxError, RecursionError,
        tokenize.TokenError,
    ) as error:  # fmt: skip
        raise ValueError("its .npy header is damaged") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not unpickled")
    promised = math.prod(shape) * dtype.itemsize
    left = length - stream.tell()
    if promised != left:
        raise ValueError(f"its header says {promised} bytes, there are {left}")
    return NpyHeader(shape, dtype, promised)
