"""CBAM's spatial half: gates from the mean and the maximum of a position."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.ops import hide_masked
from keras_attention.ops import largest
from keras_attention.ops import masked_sigmoid
from keras_attention.ops import precise_dtype


@registry.register("cbam_spatial", family="spatial")
class SpatialAttention2D(AttentionLayer2D):
    """Spatial attention of CBAM: which positions stand out around here.

    `y = x * sigmoid(norm(w * [mean(x), max(x)]))`, with mean and maximum over
    the channels, `*` in the gate a convolution of these two maps to one, and
    one gate a position.

    Args:
        kernel_size: int, the odd size of `w`. Defaults to `7`.
        normalization: str or `None`: `"batch"` for batch normalization of the
            scores, or `None`. Defaults to `"batch"`.
        kernel_initializer: str, dict or `Initializer`, of `w`. Defaults to
            `"he_normal"`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity; see
            `AttentionLayer2D`. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position is
            valid. Elsewhere the convolution reads zeros, as it does beyond
            the border, the normalization looks away, and the gate is 0.
        training: Whether batch statistics normalize the scores.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The gated map in the shape of `features`; with
        `return_attention_scores=True` also the weights
        `(batch, 1, height, width)`, float32, in `[0, 1]`.

    Raises:
        ValueError: For a kernel that is even or no positive integer, and for
            an unknown normalization.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("cbam_spatial", kernel_size=3)
    >>> features = np.ones((2, 7, 9, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 9, 16), (2, 1, 7, 9))

    Reference:
        Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module.
        ECCV 2018.

    Differs from the paper:
        The paper's formula has no normalization (`normalization=None`); the
        authors' code and timm have it, as here, with PyTorch's epsilon of
        1e-5. Its momentum is 0.9 here and in timm, 0.99 in the authors' code,
        which also puts the maximum before the mean. Some ports have a bias
        instead, which here only the normalization brings.

    Cost:
        Three passes over the map and `2 * kernel_size ** 2` multiplications a
        position; as many parameters, and 2 of the normalization.

    See also:
        `ChannelAttention2D`, the other half; `ConvolutionalBlockAttention2D`,
        both; `AttentionGate2D`, where a deeper map decides.
    """

    def __init__(
        self,
        kernel_size=7,
        normalization="batch",
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.kernel_size = arguments.odd_int("kernel_size", kernel_size)
        self.normalization = arguments.one_of(
            "normalization", normalization, ("batch", None)
        )
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the convolution and the normalization of its scores."""
        dtype = precise_dtype(self.compute_dtype)
        self.conv = keras.layers.Conv2D(
            1,
            self.kernel_size,
            padding="same",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self.kernel_initializer.clone(),
            name="conv",
            dtype=dtype,
        )
        self.conv.build((*features_shape[:3], 2))
        self.batch_normalization = None
        if self.normalization == "batch":
            self.batch_normalization = _ScoreNormalization(
                momentum=0.9,
                epsilon=1e-5,
                name="batch_normalization",
                dtype=dtype,
                # A layer that was frozen before it was built stays frozen.
                trainable=self.trainable,
            )
            self.batch_normalization.build((*features_shape[:3], 1))

    def attend(self, features, query, mask, training):
        """Scales every position by its gate."""
        features, _ = hide_masked(features, mask)
        statistics = [
            ops.mean(features, axis=-1, keepdims=True),
            largest(features, axis=-1, keepdims=True),
        ]
        scores = self.conv(ops.concatenate(statistics, axis=-1))
        if 0 in scores.shape:
            scores = scores[..., :1]  # Keras does not convolve nothing.
        if self.batch_normalization is not None:
            scores = self.batch_normalization(
                scores, training=training, mask=mask
            )
        if mask is not None:
            mask = ops.expand_dims(mask, -1)
        gates = masked_sigmoid(scores, mask)  # (b, h, w, 1)
        weights = record_attention(self, ops.transpose(gates, (0, 3, 1, 2)))
        gates = ops.cast(ops.transpose(weights, (0, 2, 3, 1)), features.dtype)
        return features * gates, weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, height, width)`."""
        batch, height, width, _ = features_shape
        return features_shape, (batch, 1, height, width)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "kernel_size": self.kernel_size,
            "normalization": self.normalization,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


class _ScoreNormalization(keras.layers.BatchNormalization):
    """Batch normalization of a single map, over its valid positions.

    Keras' own mask fails with a single channel, except under TensorFlow.
    """

    def call(self, inputs, training=None, mask=None):
        if mask is None or not training or not self.trainable:
            return super().call(inputs, training=training)
        mask = ops.expand_dims(mask, -1)
        count = ops.maximum(ops.sum(ops.cast(mask, inputs.dtype)), 1.0)
        mean = ops.sum(ops.where(mask, inputs, 0.0)) / count
        centred = ops.where(mask, inputs - mean, 0.0)
        variance = ops.sum(ops.square(centred)) / count
        for moving, value in (
            (self.moving_mean, mean),
            (self.moving_variance, variance),
        ):
            moving.assign(self.momentum * moving + (1 - self.momentum) * value)
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        return scale * centred + self.beta
