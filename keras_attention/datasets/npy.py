"""Images in `.npy` files."""

import io

import numpy as np

from keras_attention.internals.npy import npy_header


class NpyImage:
    """An image in an `.npy` file, checked and not yet read."""

    def __init__(self, stream):
        length = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        shape, self.dtype, _ = npy_header(stream, length)
        if len(shape) not in (2, 3) or 0 in shape:
            raise ValueError(
                f"its shape is {shape}, not (height, width) or (height, "
                "width, channels)"
            )
        self.stream = stream
        self.size = shape[1::-1]  # as Pillow has it
        self.channels = (*shape, 1)[2]

    def values(self):
        """The array `(height, width, channels)`."""
        self.stream.seek(0)
        values = np.lib.format.read_array(self.stream, allow_pickle=False)
        return values.reshape(*self.size[::-1], self.channels)
