"""Channel attention from a global summary of the map."""

import keras
from keras import ops

from keras_attention import arguments
from keras_attention.capture import record_attention
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.ops import at_least_float32
from keras_attention.ops import hide_masked


@registry.register("se", family="channel")
class SqueezeAndExcite2D(AttentionLayer2D):
    """Squeeze-and-excitation: which channels matter in this image.

    `y = x * sigmoid(W_2 act(W_1 mean(x) + b_1) + b_2)`, with the mean over
    all positions and one gate a channel.

    Args:
        reduction_ratio: `W_1` has `channels / reduction_ratio` rows, rounded
            down, at least 1.
        bottleneck_filters: The number of rows itself; overrides
            `reduction_ratio`.
        activation: Of the bottleneck.
        use_bias: Whether `b_1` and `b_2` exist.
        kernel_initializer: Of `W_1` and `W_2`.
        data_format: `"channels_last"`, `"channels_first"` or `None` for
            Keras' default.
        identity_init: Whether the layer starts as the identity; see
            `AttentionLayer2D`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`; the mean is taken where it is
            true, and elsewhere the gated map is 0.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The gated map in the shape of `features`; with
        `return_attention_scores=True` also the weights
        `(batch, 1, 1, channels)`, float32, in `[0, 1]`.

    Raises:
        ValueError: For sizes that are no positive integers.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("se", reduction_ratio=4)
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 7, 16), (2, 1, 1, 16))

    Reference:
        Hu, Shen, Sun: Squeeze-and-Excitation Networks. CVPR 2018.

    Differs from the paper:
        In nothing with the defaults. timm rounds the bottleneck to a multiple
        of 8, which `bottleneck_filters` can reproduce; some ports leave the
        biases out (`use_bias=False`).

    Cost:
        Two passes over the map and `2 * channels * bottleneck`
        multiplications; as many parameters, and `bottleneck + channels`
        biases.
    """

    def __init__(
        self,
        reduction_ratio=16,
        bottleneck_filters=None,
        activation="relu",
        use_bias=True,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.reduction_ratio = arguments.positive_int(
            "reduction_ratio", reduction_ratio
        )
        self.bottleneck_filters = arguments.positive_int(
            "bottleneck_filters", bottleneck_filters, optional=True
        )
        self.activation = keras.activations.get(activation)
        self.use_bias = arguments.boolean("use_bias", use_bias)
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build_attention(self, features_shape, query_shape):
        """Creates the two dense layers."""
        channels = features_shape[-1]
        filters = self.bottleneck_filters or max(
            1, channels // self.reduction_ratio
        )
        self.squeeze = self._dense("squeeze", filters, self.activation)
        self.squeeze.build((None, channels))
        self.excite = self._dense("excite", channels)
        self.excite.build((None, filters))

    def attend(self, features, query, mask, training):
        """Scales every channel by its gate."""
        if mask is None:
            mean = ops.mean(features, axis=(1, 2))
        else:
            features, mask = hide_masked(features, mask)
            share = ops.mean(ops.cast(mask, "float32"), axis=-1)[:, 0]
            share = ops.maximum(share, keras.config.epsilon())  # (b, 1)
            mean = ops.mean(features, axis=(1, 2)) / ops.cast(
                share, features.dtype
            )
        scores = at_least_float32(self.excite(self.squeeze(mean)))
        weights = ops.expand_dims(ops.sigmoid(scores), (1, 2))
        weights = record_attention(self, weights)
        return features * ops.cast(weights, features.dtype), weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, 1, channels)`."""
        batch, _, _, channels = features_shape
        return features_shape, (batch, 1, 1, channels)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "reduction_ratio": self.reduction_ratio,
            "bottleneck_filters": self.bottleneck_filters,
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
            dtype=self.dtype_policy,
        )
