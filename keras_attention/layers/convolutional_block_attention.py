"""CBAM: channel attention and spatial attention, one after the other."""

import keras

from keras_attention.internals import arguments
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.channel_attention import ChannelAttention2D
from keras_attention.layers.spatial_attention import SpatialAttention2D
from keras_attention.ops import hide_masked


@registry.register("cbam", family="channel_spatial")
class ConvolutionalBlockAttention2D(AttentionLayer2D):
    """CBAM, the convolutional block attention module: what, then where.

    `y = S(C(x))`, with `C` a `ChannelAttention2D` and `S` a
    `SpatialAttention2D`, the sub-layers `channel` and `spatial`.

    Both record their weights. `AttentionExtractor` finds them under
    `"cbam/channel"` and `"cbam/spatial"`, if the block is called `"cbam"`;
    `return_attention_scores=True` returns those of `spatial` alone.

    Args:
        reduction_ratio: int; the bottleneck of `C` has
            `channels / reduction_ratio` filters, rounded down, at least 1.
            Defaults to `16`.
        hidden_dim: int or `None`, the number of filters itself; overrides
            `reduction_ratio`. Defaults to `None`.
        activation: str or callable, of the bottleneck. Defaults to `"relu"`.
        use_bias: bool, whether the bottleneck has biases. Defaults to `True`.
        kernel_size: int, the odd size of the convolution of `S`. Defaults to
            `7`.
        normalization: str or `None`, of the scores of `S`: `"batch"` or `None`.
            Defaults to `"batch"`.
        order: str, `"channel_first"`, or `"spatial_first"` for `y = C(S(x))`.
            Defaults to `"channel_first"`.
        residual: bool, whether the map itself is added: `y = x + S(C(x))`.
            Defaults to `False`.
        kernel_initializer: str, dict or `Initializer`, of the bottleneck and of
            the convolution. Defaults to `"he_normal"`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the block starts as the identity; see
            `AttentionLayer2D`. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position is
            valid; elsewhere the gated map is 0.
        training: Whether batch statistics normalize the scores of `S`.
        return_attention_scores: Whether to return the weights of `S` too.

    Returns:
        The gated map in the shape of `features`; with
        `return_attention_scores=True` also the weights of `S`,
        `(batch, 1, height, width)`, float32, in `[0, 1]`.

    Raises:
        ValueError: For sizes that are no positive integers, an even kernel,
            and an unknown order or normalization.

    Example:

    >>> import keras, numpy as np
    >>> from keras_attention import AttentionExtractor
    >>> from keras_attention import layers
    >>> features = np.ones((2, 7, 9, 16), "float32")
    >>> block = layers.get("cbam", reduction_ratio=4, name="cbam")
    >>> outputs, weights = block(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 9, 16), (2, 1, 7, 9))
    >>> inputs = keras.Input((7, 9, 16))
    >>> model = keras.Model(inputs, block(inputs))
    >>> _, weights = AttentionExtractor(model)(features)
    >>> {name: tuple(w.shape) for name, w in sorted(weights.items())}
    {'cbam/channel': (2, 1, 1, 16), 'cbam/spatial': (2, 1, 7, 9)}

    Reference:
        Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module.
        ECCV 2018.

    Differs from the paper:
        In what its halves say. timm leaves the biases out
        (`use_bias=False`); other ports leave the normalization out
        (`normalization=None`) or add the map (`residual=True`).

    Cost:
        That of its halves: six passes over the map,
        `4 * channels * bottleneck` multiplications and
        `2 * kernel_size ** 2` a position.

    See also:
        `SqueezeAndExcite2D` and `EfficientChannelAttention2D`, which choose
        channels alone and cost less.
    """

    renamed_arguments = {"bottleneck_filters": "hidden_dim"}  # noqa: RUF012

    def __init__(
        self,
        reduction_ratio=16,
        hidden_dim=None,
        activation="relu",
        use_bias=True,
        kernel_size=7,
        normalization="batch",
        order="channel_first",
        residual=False,
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.order = arguments.one_of(
            "order", order, ("channel_first", "spatial_first")
        )
        self.residual = arguments.boolean("residual", residual)
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )
        self.channel = ChannelAttention2D(
            reduction_ratio,
            hidden_dim,
            activation,
            use_bias,
            **self._shared("channel"),
        )
        self.spatial = SpatialAttention2D(
            kernel_size, normalization, **self._shared("spatial")
        )

    def build_attention(self, features_shape, query_shape):
        """Builds both halves."""
        self.channel.build(features_shape)
        self.spatial.build(features_shape)

    def attend(self, features, query, mask, training):
        """Gates channels and positions in turn; the halves record."""
        outputs = features
        if self.order == "channel_first":
            outputs = self.channel(outputs, mask=mask)
        outputs, weights = self.spatial(
            outputs,
            mask=mask,
            training=training,
            return_attention_scores=True,
        )
        if self.order == "spatial_first":
            outputs = self.channel(outputs, mask=mask)
        if self.residual:
            outputs = hide_masked(features, mask)[0] + outputs
        return outputs, weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, height, width)`."""
        return self.spatial.attention_shapes(features_shape, query_shape)

    def get_config(self):
        """The constructor's arguments."""
        channel, spatial = self.channel.get_config(), self.spatial.get_config()
        return {
            **super().get_config(),
            "reduction_ratio": channel["reduction_ratio"],
            "hidden_dim": channel["hidden_dim"],
            "activation": channel["activation"],
            "use_bias": channel["use_bias"],
            "kernel_size": spatial["kernel_size"],
            "normalization": spatial["normalization"],
            "order": self.order,
            "residual": self.residual,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _shared(self, name):
        """What both halves are given; layout and gain are the block's own."""
        return {
            "kernel_initializer": self.kernel_initializer.clone(),
            "data_format": "channels_last",
            "name": name,
            "dtype": self.dtype_policy,
            "trainable": self.trainable,
        }
