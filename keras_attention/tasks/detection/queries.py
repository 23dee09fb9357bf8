"""What a decoder asks: learned queries, their places, and their boxes."""

import math

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.ops import at_least_float32
from keras_attention.tasks.detection.boxes import to_corners


@keras.saving.register_keras_serializable(package="keras_attention")
class LearnedQueries(ConfiguredLayer):
    """Vectors that are learned, the same for every image.

    Args:
        num_queries: int, how many.
        channels: int, their size.
        spread: float, they start uniform between this and its negative.
            Defaults to `2.0`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, ...)`, of which the size of the batch is taken.

    Returns:
        `(batch, 1, num_queries, channels)`, as a map of one row.
    """

    def __init__(self, num_queries, channels, spread=2.0, **kwargs):
        super().__init__(**kwargs)
        self.num_queries = arguments.size("num_queries", num_queries)
        self.channels = arguments.size("channels", channels)
        self.spread = arguments.positive_float("spread", spread)

    def build(self, features_shape):
        """Creates the vectors."""
        self.vectors = self.add_weight(
            shape=(1, 1, self.num_queries, self.channels),
            initializer=keras.initializers.RandomUniform(
                -self.spread, self.spread
            ),
            name="vectors",
        )

    def call(self, features):
        """Repeats them; see the class."""
        vectors = ops.cast(self.vectors, self.compute_dtype)
        return ops.repeat(vectors, ops.shape(features)[0], axis=0)

    def compute_output_shape(self, features_shape):
        """`(batch, 1, num_queries, channels)`."""
        return (features_shape[0], 1, self.num_queries, self.channels)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_queries": self.num_queries,
            "channels": self.channels,
            "spread": self.spread,
        }


@keras.saving.register_keras_serializable(package="keras_attention")
class SinePositions2D(ConfiguredLayer):
    """Vectors of sines and cosines of where a position is.

    Of a point `(y, x)` as shares of the image, and the frequencies
    `f_i = 2 pi T^(-i / n)` with `n = channels / 4`:
    `[sin(f y), cos(f y), sin(f x), cos(f x)]`.

    Args:
        channels: int, size of a vector, a multiple of 4.
        temperature: float, `T`, at least how much longer the longest wave is
            than the image. Defaults to `20.0`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        points: `(batch, height, width, 2)`, points; or a map of any other
            number of channels, whose positions are meant.

    Returns:
        `(batch, height, width, channels)`.

    Raises:
        ValueError: For `channels` that are no multiple of 4.

    Example:

    >>> import numpy as np
    >>> SinePositions2D(8)(np.ones((2, 5, 7, 16))).shape == (2, 5, 7, 8)
    True

    Reference:
        Carion et al.: End-to-End Object Detection with Transformers. ECCV
        2020. The temperature: Liu et al.: DAB-DETR. ICLR 2022.

    Differs from the paper:
        There sines and cosines alternate, positions are counted from 1, and
        `T` is 10,000, with which most numbers hardly change over an image.
    """

    def __init__(self, channels, temperature=20.0, **kwargs):
        super().__init__(**kwargs)
        if arguments.size("channels", channels) % 4:
            raise ValueError(
                arguments.invalid("channels", channels, "a multiple of 4")
            )
        self.channels = channels
        self.temperature = arguments.positive_float("temperature", temperature)

    def call(self, points):
        """Waves of points; see the class."""
        points = at_least_float32(points)
        if points.shape[-1] != 2:
            rows, columns = (
                (ops.arange(size, dtype="float32") + 0.5)
                / ops.cast(size, "float32")
                for size in ops.shape(points)[1:3]
            )
            grid = ops.stack(ops.meshgrid(rows, columns, indexing="ij"), -1)
            points = ops.zeros_like(points[..., :2]) + grid
        count = self.channels // 4
        powers = -ops.arange(count, dtype="float32") / count
        frequencies = 2 * math.pi * ops.power(self.temperature, powers)
        waves = []
        for axis in range(2):
            angles = points[..., axis : axis + 1] * frequencies
            waves += [ops.sin(angles), ops.cos(angles)]
        return ops.cast(ops.concatenate(waves, axis=-1), self.compute_dtype)

    def compute_output_shape(self, shape):
        """The same positions, with `channels`."""
        return (*shape[:-1], self.channels)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "channels": self.channels,
            "temperature": self.temperature,
        }


@keras.saving.register_keras_serializable(package="keras_attention")
class QueryBoxes(ConfiguredLayer):
    """Boxes `sigmoid(t + z)` by centre and sides, as their corners.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`); the
            dtype should be float32.

    Call arguments:
        numbers: list of `t`, `(batch, 1, queries, 4)`, and `z`, the points
            that the queries look around from, `(batch, 1, queries, 2)`,
            before their sigmoid.

    Returns:
        `(batch, queries, 4)`.
    """

    def call(self, numbers):
        """Decodes; see the class."""
        numbers, points = map(at_least_float32, numbers)
        points = ops.concatenate([points, ops.zeros_like(points)], axis=-1)
        return ops.squeeze(to_corners(ops.sigmoid(numbers + points)), axis=1)

    def compute_output_shape(self, shapes):
        """`(batch, queries, 4)`."""
        batch, _, queries, _ = shapes[0]
        return (batch, queries, 4)
