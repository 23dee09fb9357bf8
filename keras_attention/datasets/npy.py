"""What an `.npy` header says, before any of the data is read."""

import io
import math
import tokenize
import typing

import numpy as np

MAGIC = np.lib.format.MAGIC_PREFIX


class Header(typing.NamedTuple):
    """What follows a header, and how much.

    Attributes:
        shape: tuple of int.
        dtype: `np.dtype`, never of Python objects.
        start: int, the bytes of the header itself.
    """

    shape: tuple
    dtype: np.dtype
    start: int

    @property
    def bytes(self):
        """How many bytes the data takes."""
        return math.prod(self.shape) * self.dtype.itemsize

    def check_length(self, length):
        """Raises if a file of this length holds more or less than that."""
        if self.start + self.bytes != length:
            raise ValueError(
                f"its header says {self.bytes} bytes, there are "
                f"{length - self.start}"
            )


def read_header(stream):
    """Reads the header at the beginning of a binary stream.

    Args:
        stream: binary file; it is left behind the header.

    Returns:
        A `Header`.

    Raises:
        ValueError: for what is none, or says that Python objects follow.

    Example:

    >>> stream = io.BytesIO()
    >>> np.save(stream, np.zeros((2, 3), "uint8"))
    >>> _ = stream.seek(0)
    >>> read_header(stream).shape
    (2, 3)
    """
    formats = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(stream)
        shape, _, dtype = formats[version](stream)
    # NumPy parses it as Python.
    except (
        ValueError, KeyError, TypeError, SyntaxError, RecursionError,
        tokenize.TokenError,
    ) as error:  # fmt: skip
        raise ValueError("its .npy header is damaged") from error
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not unpickled")
    if any(side < 0 for side in shape):
        raise ValueError("its .npy header is damaged")
    return Header(shape, dtype, stream.tell())


class NpyImage:
    """An image in an `.npy` file, checked and not yet read.

    Args:
        stream: binary file, at its beginning.

    Raises:
        ValueError: if it holds something else than one image.
    """

    def __init__(self, stream):
        self.stream = stream
        self.header = read_header(stream)
        shape = self.header.shape
        if len(shape) not in (2, 3) or 0 in shape:
            raise ValueError(
                f"its shape is {shape}, not (height, width) or (height, "
                "width, channels)"
            )
        self.size = shape[1::-1]  # as Pillow has it
        self.channels = (*shape, 1)[2]
        self.header.check_length(stream.seek(0, io.SEEK_END))

    def values(self):
        """The array `(height, width, channels)`."""
        self.stream.seek(0)
        values = np.lib.format.read_array(self.stream, allow_pickle=False)
        return values.reshape(*self.size[::-1], self.channels)
