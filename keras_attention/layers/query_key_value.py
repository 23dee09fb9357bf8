"""What layers share that compare a map with itself and add what they find."""

import keras

from keras_attention.internals import arguments
from keras_attention.internals.projection import projection
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.ops import finite


class QueryKeyValue2D(AttentionLayer2D):
    """A map as queries, keys and values, and `x + gamma * context`.

    Args:
        reduction_ratio: int; queries and keys have `channels /
            reduction_ratio` channels, rounded down, at least 1. Defaults to
            `8`.
        key_dim: int or `None`, this number itself; overrides
            `reduction_ratio`. Defaults to `None`.
        use_bias: bool, whether queries and values have a bias; that of keys
            would be cancelled by the softmax. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        **kwargs: Keras' layer arguments, and those of `AttentionLayer2D`.
    """

    weights_kind = "pairwise"
    #: The scalars that contexts are multiplied by.
    gammas = ("gamma",)

    def __init__(
        self,
        reduction_ratio=8,
        key_dim=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.reduction_ratio = arguments.size(
            "reduction_ratio", reduction_ratio
        )
        self.key_dim = arguments.size("key_dim", key_dim, optional=True)
        self.use_bias = arguments.boolean("use_bias", use_bias)
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the three linear maps, and a scalar for each context."""
        channels = features_shape[-1]
        key_dim = self.reduced(channels)
        self.query_dense = self.linear("query", key_dim, features_shape)
        self.key_dense = self.linear("key", key_dim, features_shape, False)
        self.value_dense = self.linear("value", channels, features_shape)
        # A gain of 0 in front of a gamma of 0 would never train.
        start = "ones" if self.identity_init else "zeros"
        for name in self.gammas:
            gamma = self.add_weight(shape=(), initializer=start, name=name)
            setattr(self, name, gamma)

    def reduced(self, channels):
        """How many channels queries and keys have."""
        return self.key_dim or max(1, channels // self.reduction_ratio)

    def linear(self, name, units, shape, use_bias=True):
        """A linear map of a map of this shape; no bias without `use_bias`."""
        layer = projection(
            "bhw",
            units,
            name,
            self.dtype_policy,
            use_bias=use_bias and self.use_bias,
            initializer=self.kernel_initializer,
        )
        layer.build(shape)
        return layer

    def projected(self, features):
        """Queries, keys and values, maps of finite numbers."""
        layers = self.query_dense, self.key_dense, self.value_dense
        return [finite(layer(features)) for layer in layers]

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "key_dim": self.key_dim,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
