"""Where a position is, added to what is there."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.ops import finite
from keras_attention.ops import resize_map


@keras.saving.register_keras_serializable(package="keras_attention")
class PositionEmbedding2D(ConfiguredLayer):
    """Learned vectors of positions that follow the size of the map.

    `y_ij = x_ij + up(P)_ij` with a learned table `P` of a vector a position,
    `up` bilinear resizing to the size of the map: one table serves images of
    all sizes. Without it self-attention does not know where a position is.

    Args:
        grid_size: tuple or `None`, height and width of the table; `None` takes
            those of the map that the layer is built for, which must be known.
            Defaults to `None`.
        initializer: str, dict or `Initializer`, of the table; `None` is a
            normal distribution of 0.02. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.

    Returns:
        The sum, in the shape of `features`.

    Raises:
        ValueError: For a `grid_size` that is not two positive integers, and
            without one for a map of unknown size.

    Example:

    >>> import numpy as np
    >>> layer = PositionEmbedding2D(grid_size=(14, 14))
    >>> layer(np.ones((2, 20, 15, 8))).shape == (2, 20, 15, 8)
    True
    >>> tuple(layer.table.shape)
    (14, 14, 8)

    Reference:
        Dosovitskiy et al.: An Image is Worth 16x16 Words. ICLR 2021.

    Differs from the paper:
        There the table is resized once, when a trained network goes on with
        larger images, and a class token has a vector in it too.

    Cost:
        `grid height * grid width * channels` parameters.

    See also:
        `MultiHeadSelfAttention2D`, whose `relative_positions` belong to one
        size of map.
    """

    def __init__(self, grid_size=None, initializer=None, **kwargs):
        super().__init__(**kwargs)
        self.grid_size = _checked(grid_size)
        self.initializer = None
        if initializer is not None:
            self.initializer = arguments.initializer("initializer", initializer)

    def build(self, features_shape):
        """Creates the table."""
        grid = self.grid_size or tuple(features_shape[1:3])
        if None in grid:
            raise ValueError(
                "PositionEmbedding2D needs a grid_size for maps of unknown "
                f"size. Received: features of shape {tuple(features_shape)}"
            )
        self.table = self.add_weight(
            shape=(*grid, features_shape[-1]),
            initializer=self.initializer
            or keras.initializers.RandomNormal(stddev=0.02),
            name="table",
        )

    def call(self, features):
        """Adds; see the class."""
        features = ops.cast(features, self.compute_dtype)
        table = ops.cast(self.table, self.compute_dtype)
        grid = ops.shape(features)[1:3]
        return finite(features + resize_map(ops.expand_dims(table, 0), grid))

    def compute_output_shape(self, features_shape):
        """The shape of the features."""
        return tuple(features_shape)

    def get_config(self):
        """The constructor's arguments."""
        initializer = self.initializer
        return {
            **super().get_config(),
            "grid_size": self.grid_size,
            "initializer": initializer
            and keras.initializers.serialize(initializer),
        }


def _checked(grid_size):
    if grid_size is None:
        return None
    try:
        height, width = grid_size
        return tuple(arguments.size("grid_size", n) for n in (height, width))
    except (TypeError, ValueError) as error:
        expected = "None or (height, width), two positive integers"
        message = arguments.invalid("grid_size", grid_size, expected)
        raise ValueError(message) from error
