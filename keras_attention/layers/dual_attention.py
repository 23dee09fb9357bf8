"""Dual attention: positions gather from positions, channels from channels."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.pairwise import refuse_large_map
from keras_attention.layers.pairwise import weigh
from keras_attention.layers.query_key_value import QueryKeyValue2D
from keras_attention.ops import at_least_float32
from keras_attention.ops import finite
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import masked_softmax
from keras_attention.ops import products


@registry.register(
    "dual",
    family="self",
    aliases=("dual_attention", "danet"),
    search_space={"reduction_ratio": [8, 4, 16]},
)
class DualAttention2D(QueryKeyValue2D):
    """Dual attention: a position takes from all, and a channel from all.

    `y = x + gamma_p P + gamma_c C`

    - positions: `P_i = sum_j softmax_j(q_i . k_j) v_j`, with linear maps `q`
      and `k` to fewer channels and `v` to as many;
    - channels: `C_a = sum_b softmax_b(-x_a . x_b) x_b`, where `x_a` is what a
      channel has at all positions: one takes from those least like it.

    `gamma_p` and `gamma_c` are scalars that start at 0: the layer starts as the
    identity.

    Args:
        max_positions: int or `None`, the largest `height * width` to accept,
            against running out of memory; `None` sets no limit. Defaults to
            `16384`.
        reduction_ratio: int; queries and keys have `channels /
            reduction_ratio` channels, rounded down, at least 1. Defaults to
            `8`.
        key_dim: int or `None`, this number itself; overrides
            `reduction_ratio`. Defaults to `None`.
        use_bias: bool, whether `q` and `v` have a bias; that of `k` would be
            cancelled by the softmax. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the gain of `AttentionLayer2D` is what
            starts at 0; both `gamma` then start at 1. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position may be
            gathered from; elsewhere the outputs are 0.
        return_attention_scores: Whether to return the weights too.

    Returns:
        A map in the shape of `features`; with `return_attention_scores=True`
        also the weights of the positions `(batch, 1, positions, positions)`,
        float32. Those of the channels are no map, and are not returned.

    Raises:
        ValueError: For arguments out of range, and for a map with more than
            `max_positions`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("dual")
    >>> features = np.ones((2, 6, 5, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 6, 5, 16), (2, 1, 30, 30))

    Reference:
        Fu, Liu, Tian, Li, Bao, Fang, Lu: Dual Attention Network for Scene
        Segmentation. CVPR 2019.

    Differs from the paper:
        There each half has convolutions of its own in front and behind, and
        both results are added; here both halves read the same map, and `x` is
        added once. Keys have no bias.

    Cost:
        `2 N C D + N C^2` multiplications for the linear maps with a `key_dim`
        of `D`, `N^2 (C + D)` for the positions, `2 N C^2` for the channels;
        `C^2 + 2 C D + C + D + 2` parameters; memory for `N^2 + C^2` weights.

    See also:
        `NonLocal2D`, of positions alone; `CrissCrossAttention2D`.
    """

    gammas = ("position_gamma", "channel_gamma")

    def __init__(self, max_positions=16384, **kwargs):
        super().__init__(**kwargs)
        self.max_positions = arguments.positive_int(
            "max_positions", max_positions, optional=True
        )

    def build_attention(self, features_shape, query_shape):
        """As the base class, if the map is not too large."""
        refuse_large_map(self, features_shape)
        super().build_attention(features_shape, query_shape)

    def attend(self, features, query, mask, training):
        """Adds what positions and channels gather."""
        refuse_large_map(self, features.shape)
        features, scores_mask = hide_masked(features, mask)
        queries, keys, values = map(map_to_tokens, self.projected(features))
        if scores_mask is not None:  # the bias of what is masked
            values = ops.where(
                ops.transpose(scores_mask[:, 0], (0, 2, 1)), values, 0.0
            )
        scores = products(at_least_float32(queries), at_least_float32(keys))
        weights = masked_softmax(ops.expand_dims(scores, 1), scores_mask)
        weights = record_attention(self, weights)
        positions = weigh(weights, ops.expand_dims(values, 1))[:, 0]

        tokens = at_least_float32(map_to_tokens(features))
        channels = ops.transpose(tokens, (0, 2, 1))  # (b, c, n)
        alike = products(channels, channels)
        channels = ops.matmul(masked_softmax(-alike), channels)

        change = at_least_float32(self.position_gamma) * positions
        change = change + at_least_float32(self.channel_gamma) * ops.transpose(
            channels, (0, 2, 1)
        )
        change = ops.reshape(change, ops.shape(features))
        outputs = features + finite(change, self.compute_dtype)
        outputs, _ = hide_masked(outputs, mask)
        return outputs, weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, positions, positions)`."""
        batch, height, width, _ = features_shape
        known = None not in (height, width)
        positions = height * width if known else None
        return features_shape, (batch, 1, positions, positions)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "max_positions": self.max_positions}
