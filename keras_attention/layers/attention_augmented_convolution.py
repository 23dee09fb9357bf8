"""Attention-augmented convolution: some of its channels look everywhere."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.multi_head_self_attention import (
    MultiHeadSelfAttention2D,
)
from keras_attention.ops import finite
from keras_attention.ops import hide_masked


@registry.register(
    "aa_conv",
    family="self",
    aliases=("attention_augmented_convolution", "augmented_convolution"),
)
class AttentionAugmentedConv2D(MultiHeadSelfAttention2D):
    """Attention-augmented convolution: self-attention beside a convolution.

    `y = [conv(x), W_o [sum_j w_ij v_j]_heads + b_o]`: of the `filters` channels
    of the output the last `num_heads * value_dim` are those of multi-head
    self-attention with relative positions, `MultiHeadSelfAttention2D`, and the
    others those of a convolution, which sees its neighbourhood alone.

    Args:
        filters: int or `None`, channels of the output; `None` keeps those of
            the map. Defaults to `None`.
        kernel_size: int, of the convolution, odd. Defaults to `3`.
        score: str, class, dict or `Score`, as for `MultiHeadSelfAttention2D`.
            Defaults to `"scaled_dot"`.
        alignment: str, class, dict or `Alignment`, as there. Defaults to
            `"softmax"`.
        num_heads: int, number of heads. Defaults to `2`.
        key_dim: int or `None`, channels of a head's queries and keys; `None` is
            a fifth of `filters` divided among the heads, at least 20. Defaults
            to `None`.
        value_dim: int or `None`, channels that a head has of the output;
            `None` is a tenth of `filters` divided among the heads, at least 1.
            Defaults to `None`.
        dropout: float, share of weights that are dropped in training. Defaults
            to `0.0`.
        relative_positions: bool, whether scores depend on the distance too. The
            map's size must then be known, and stay the same. Defaults to
            `True`.
        scale_positions: bool, whether the product with the positions' vectors
            is divided by the root of `key_dim` too; `False` only with
            `relative_positions`. Defaults to `True`.
        use_bias: bool, whether the convolution and the linear maps have a
            bias, but for the keys. Defaults to `True`.
        output_projection: bool, whether `W_o` and `b_o` exist. Defaults to
            `True`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        seed: int or `None`, of the dropout. Defaults to `None`.
        max_positions: int or `None`, the largest `height * width` to accept;
            `None` sets no limit. Defaults to `16384`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity; see
            `AttentionLayer2D`. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position may be
            attended to; elsewhere the outputs are 0.
        training: Whether dropout is active.
        return_attention_scores: Whether to return the weights too.

    Returns:
        A map `(batch, height, width, filters)`; with
        `return_attention_scores=True` also the weights before dropout,
        `(batch, heads, positions, positions)`, float32: `[b, h, i, j]` is how
        much position `i` attends to `j`.

    Raises:
        ValueError: For an even kernel, for heads that leave no channel to the
            convolution, for parts that cannot work together, for a map with
            more than `max_positions`, and for one of unknown or different
            size with `relative_positions`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("aa_conv", filters=40)
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 7, 40), (2, 2, 49, 49))

    Reference:
        Bello, Zoph, Vaswani, Shlens, Le: Attention Augmented Convolutional
        Networks. ICCV 2019.

    Differs from the paper:
        There are 8 heads, of wide maps, no stride and no pooling of large
        maps before the attention. The keys have no bias, which a softmax does
        not see.

    Cost:
        With `F` filters, `V = num_heads * value_dim` and `K = num_heads *
        key_dim`: `9 N C (F - V)` multiplications for the convolution,
        `N C (2 K + V) + N V^2` for the linear maps, `N^2 (K + V)` for the
        attention, `N K (height + width)` for relative positions; memory for
        `heads * N^2` weights.

    See also:
        `MultiHeadSelfAttention2D`, attention alone.
    """

    def __init__(
        self,
        filters=None,
        kernel_size=3,
        score="scaled_dot",
        alignment="softmax",
        num_heads=2,
        key_dim=None,
        value_dim=None,
        dropout=0.0,
        relative_positions=True,
        scale_positions=True,
        use_bias=True,
        output_projection=True,
        kernel_initializer="glorot_uniform",
        seed=None,
        max_positions=16384,
        **kwargs,
    ):
        super().__init__(
            score,
            alignment,
            num_heads=num_heads,
            key_dim=key_dim,
            value_dim=value_dim,
            dropout=dropout,
            relative_positions=relative_positions,
            scale_positions=scale_positions,
            use_bias=use_bias,
            output_projection=output_projection,
            kernel_initializer=kernel_initializer,
            seed=seed,
            max_positions=max_positions,
            **kwargs,
        )
        self.filters = arguments.size("filters", filters, optional=True)
        self.kernel_size = arguments.odd_int("kernel_size", kernel_size)
        self.set_shape_preserving(filters is None)

    def head_dims(self, channels):
        """The paper's shares of the output's channels."""
        filters = self.filters or channels
        key_dim = self.key_dim or max(20, filters // (5 * self.num_heads))
        value_dim = self.value_dim or max(1, filters // (10 * self.num_heads))
        return key_dim, value_dim

    def attended_channels(self, channels):
        """Those of all heads."""
        return self.num_heads * self.head_dims(channels)[1]

    def build_attention(self, features_shape, query_shape):
        """Creates the convolution, the projections and the vectors."""
        channels = features_shape[-1]
        filters = self.filters or channels
        convolved = filters - self.attended_channels(channels)
        if convolved < 1:
            raise ValueError(
                "AttentionAugmentedConv2D needs channels for the convolution, "
                "num_heads * value_dim below the number of filters "
                '(attention alone is "mhsa"). Received: '
                f"num_heads={self.num_heads}, value_dim={self.value_dim}, "
                f"filters={filters}"
            )
        super().build_attention(features_shape, query_shape)
        self.convolution = keras.layers.Conv2D(
            convolved,
            self.kernel_size,
            padding="same",
            data_format="channels_last",
            use_bias=self.use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            dtype=self.dtype_policy,
            name="convolution",
        )
        self.convolution.build(features_shape)

    def attend(self, features, query, mask, training):
        """Convolves, attends, and puts both side by side."""
        attended, weights = super().attend(features, query, mask, training)
        hidden, _ = hide_masked(features, mask)
        if features.shape[0] == 0:
            # TensorFlow's convolution of no image has the input's channels.
            shape = (*attended.shape[:3], self.convolution.filters)
            convolved = ops.zeros(shape, attended.dtype)
        else:
            convolved = finite(self.convolution(hidden))
        outputs = ops.concatenate([convolved, attended], axis=-1)
        outputs, _ = hide_masked(outputs, mask)
        return outputs, weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's with `filters`, and all pairs of positions."""
        shape, weights = super().attention_shapes(features_shape, query_shape)
        return (*shape[:3], self.filters or shape[3]), weights

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
        }
