"""Channel gates: one number a channel, from statistics of the whole map.

Squeeze-and-excitation, efficient channel attention and CBAM's channel half
differ in the statistics they take and in how they score them; the rest is
here.
"""

import math

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.ops import at_least_float32
from keras_attention.ops import hide_masked
from keras_attention.ops import largest
from keras_attention.ops import masked_sigmoid
from keras_attention.ops import precise_dtype


def global_mean(features, mask=None):
    """The mean of every channel over the valid positions.

    Args:
        features: tensor `(batch, height, width, channels)`, zero at masked
            positions: the first result of `hide_masked`.
        mask: bool tensor `(batch, height, width)` or `None`, true where valid.
            Defaults to `None`.

    Returns:
        `(batch, channels)`, at least float32; 0 where nothing is valid.
    """
    if mask is None:
        return at_least_float32(ops.mean(features, axis=(1, 2)))
    total = ops.sum(at_least_float32(features), axis=(1, 2))
    count = ops.sum(ops.cast(mask, total.dtype), axis=(1, 2))
    return total / ops.expand_dims(ops.maximum(count, 1.0), -1)


def global_max(features, mask=None):
    """The largest value of every channel at the valid positions.

    Args:
        features: tensor `(batch, height, width, channels)`.
        mask: bool tensor `(batch, height, width)` or `None`, true where valid.
            Defaults to `None`.

    Returns:
        `(batch, channels)`, at least float32; 0 where nothing is valid.
    """
    if mask is None:
        return at_least_float32(largest(features, axis=(1, 2)))
    # Not 0, which would win where all valid values are negative.
    features = ops.where(ops.expand_dims(mask, -1), features, -math.inf)
    highest = at_least_float32(largest(features, axis=(1, 2)))
    any_valid = ops.expand_dims(ops.any(mask, axis=(1, 2)), -1)
    return ops.where(any_valid, highest, 0.0)


class ChannelGate2D(AttentionLayer2D):
    """Scales every channel by a gate in `[0, 1]`: `y = x * sigmoid(score(x))`.

    A mechanism implements `build_attention` and
    `channel_scores(features, mask)`, which returns `(batch, channels)`, at
    least float32, from features that are zero at masked positions.
    """

    weights_kind = "channel"

    def attend(self, features, query, mask, training):
        """Scales every channel by its gate."""
        features, _ = hide_masked(features, mask)
        # An image without a valid position opens no gate.
        valid = None
        if mask is not None:
            valid = ops.expand_dims(ops.any(mask, axis=(1, 2)), 1)
        gates = masked_sigmoid(self.channel_scores(features, mask), valid)
        weights = ops.expand_dims(gates, (1, 2))
        weights = record_attention(self, weights)
        return features * ops.cast(weights, features.dtype), weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, 1, channels)`."""
        batch, _, _, channels = features_shape
        return features_shape, (batch, 1, 1, channels)


class BottleneckGate2D(ChannelGate2D):
    """A channel gate scored by two dense layers, the first one narrow.

    A mechanism implements `channel_scores` with
    `score(statistics) = W_2 act(W_1 statistics + b_1) + b_2`, computed in
    float32.

    Args:
        reduction_ratio: int; `W_1` has `channels / reduction_ratio` rows,
            rounded down, at least 1. Defaults to `16`.
        hidden_dim: int or `None`, the number of rows itself; overrides
            `reduction_ratio`. Defaults to `None`.
        activation: str or callable, of the bottleneck. Defaults to `"relu"`.
        use_bias: bool, whether `b_1` and `b_2` exist. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of `W_1` and `W_2`.
            Defaults to `"he_normal"`.
        **kwargs: Arguments of `AttentionLayer2D`.
    """

    renamed_arguments = {"bottleneck_filters": "hidden_dim"}  # noqa: RUF012

    def __init__(
        self,
        reduction_ratio=16,
        hidden_dim=None,
        activation="relu",
        use_bias=True,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.reduction_ratio = arguments.size(
            "reduction_ratio", reduction_ratio
        )
        self.hidden_dim = arguments.size(
            "hidden_dim", hidden_dim, optional=True
        )
        self.activation = arguments.activation("activation", activation)
        self.use_bias = arguments.boolean("use_bias", use_bias)
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the two dense layers."""
        channels = features_shape[-1]
        hidden_dim = self.hidden_dim or max(1, channels // self.reduction_ratio)
        self.squeeze = self._dense("squeeze", hidden_dim, self.activation)
        self.squeeze.build((None, channels))
        self.excite = self._dense("excite", channels)
        self.excite.build((None, hidden_dim))

    def score(self, statistics):
        """Scores `(batch, channels)` from statistics of the same shape."""
        return self.excite(self.squeeze(statistics))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "hidden_dim": self.hidden_dim,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _dense(self, name, units, activation=None):
        return keras.layers.Dense(
            units,
            activation=activation,
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            name=name,
            dtype=precise_dtype(self.compute_dtype),
        )
