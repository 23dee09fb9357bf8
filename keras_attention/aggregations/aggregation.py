"""What every aggregation is: a layer that applies weights to features."""

import keras
from keras import ops

from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.internals.registry import Registry
from keras_attention.internals.shapes import expect_axes
from keras_attention.internals.shapes import expect_equal
from keras_attention.internals.shapes import shape_of
from keras_attention.ops import at_least_float32
from keras_attention.ops import finite
from keras_attention.ops import merge_heads
from keras_attention.ops import split_heads

registry = Registry("aggregation")


class Aggregation(ConfiguredLayer):
    """Combines features under weights into a context.

    `aggregation(weights, features)` takes weights
    `(batch, heads, queries, positions)` and features
    `(batch, positions, channels)`. Head `h` of `H` weighs the `h`-th of `H`
    equal slices of the channels. The context is in the compute dtype. Every
    aggregation takes the vectors that ask as `query`; its flag says whether it
    can do without.

    A subclass implements `combine(weights, values)` on weights
    `(batch, heads, queries, positions)` in float32 and values
    `(batch, heads, positions, channels / heads)` in the compute dtype. One
    with weights extends `build`, to which the layer that holds it also gives
    the shape `(batch, queries, query_channels)` of the queries, and
    `compute_output_shape`.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).
    """

    #: Whether the context keeps one vector a position (a gated map) instead
    #: of one a query.
    keeps_positions = False
    #: Whether `query` must be passed.
    needs_query = False
    #: Whether every head weighs all channels, so that the context grows with
    #: the heads.
    repeats_channels = False

    def __init__(self, **kwargs):
        # The weights arrive in float32 and are cast where they are applied.
        super().__init__(autocast=False, **kwargs)

    def __call__(self, weights, features, *args, **kwargs):
        """Checks that there is a weight a position, and combines."""
        weights_shape, features_shape = shape_of(weights), shape_of(features)
        axes = ("batch", "heads", "queries", "positions")
        expect_axes(self, "weights", weights_shape, axes)
        axes = ("batch", "positions", "channels")
        expect_axes(self, "features", features_shape, axes)
        for what, axis, other in (("images", 0, 0), ("positions", 3, 1)):
            sizes = weights_shape[axis], features_shape[other]
            sizes = dict(zip(("weights", "features"), sizes, strict=True))
            expect_equal(self, what, sizes, one_for_all=axis == 0)
        return super().__call__(weights, features, *args, **kwargs)

    def build(self, weights_shape, features_shape, query_shape=None):
        """Checks that the heads divide the channels."""
        heads, queries = weights_shape[1:3]
        if features_shape[-1] % heads and not self.repeats_channels:
            raise ValueError(
                f"{type(self).__name__} needs channels divisible by the "
                f"number of heads. Received: {features_shape[-1]} channels "
                f"and {heads} heads"
            )
        if self.keeps_positions and queries != 1:
            raise ValueError(
                f"{type(self).__name__} keeps the map, so it takes the "
                f"weights of one query. Received: {queries} queries"
            )

    def call(self, weights, features, query=None):
        """Combines; see the class."""
        heads = weights.shape[1]
        values = split_heads(ops.cast(features, self.compute_dtype), heads)
        context = self.combine(at_least_float32(weights), values)
        return finite(merge_heads(context), self.compute_dtype)

    def get_config(self):
        """Keras' own arguments; a subclass adds its own."""
        # Left to Keras, a layer made with a policy object would be refused.
        return super().get_config()

    def compute_output_shape(
        self, weights_shape, features_shape, query_shape=None
    ):
        """`(batch, positions or queries, channels)`."""
        axis = 3 if self.keeps_positions else 2
        return (features_shape[0], weights_shape[axis], features_shape[-1])

    def compute_output_spec(self, weights, features, query=None):
        """As `compute_output_shape`, in the compute dtype."""
        shape = self.compute_output_shape(
            weights.shape,
            features.shape,
            None if query is None else query.shape,
        )
        return keras.KerasTensor(shape, self.compute_dtype)


registry.base = Aggregation
