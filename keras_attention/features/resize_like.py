"""One map in the size of another, whatever that turns out to be."""

import keras
from keras import ops

from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.ops import grid_of
from keras_attention.ops import resize_map


@keras.saving.register_keras_serializable(package="keras_attention")
class ResizeLike(ConfiguredLayer):
    """Resizes a map linearly to the height and width of another.

    `UpSampling2D(2)` gives an odd map that was halved another size than it had;
    here the map that waits for it says which.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        x: `(batch, h, w, channels)`; of volumes with a depth before the height.
        like: `(batch, height, width, any)`, of which only the size is read.

    Returns:
        `(batch, height, width, channels)`.

    Example:

    >>> import numpy as np
    >>> small, large = np.ones((1, 3, 4, 2)), np.ones((1, 7, 9, 1))
    >>> tuple(ResizeLike()(small, large).shape)
    (1, 7, 9, 2)

    Cost:
        Four multiplications a number, or with sizes that are only known when
        it runs two products with small matrices.
    """

    def call(self, x, like):
        """Resizes; see the class."""
        return resize_map(ops.cast(x, self.compute_dtype), grid_of(like))

    def compute_output_shape(self, x_shape, like_shape):
        """The size of the other map."""
        return (*x_shape[:1], *like_shape[1:-1], x_shape[-1])
