"""Self-attention: every position of a map attends to all of them."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.multi_head import MultiHeadAttention2D
from keras_attention.layers.pairwise import refuse_large_map
from keras_attention.layers.parts import count_positions
from keras_attention.ops import at_least_float32
from keras_attention.ops import grid_of
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import split_heads
from keras_attention.ops.relative_positions import relative_position_scores


@registry.register(
    "mhsa",
    family="self",
    aliases=("self_attention", "multi_head_self_attention"),
)
class MultiHeadSelfAttention2D(MultiHeadAttention2D):
    """Multi-head self-attention over the positions of a map.

    For the features `x_i` at position `i` and every head of size `d`:
    `w_ij = softmax_j(q_i . k_j / sqrt(d))` with `q = W_q x + b_q` and
    `k = W_k x`, and `y_i = W_o [sum_j w_ij v_j]_heads + b_o` with
    `v = W_v x + b_v`. Without `relative_positions` the layer does not know
    where a position is: permuted positions give permuted outputs.

    With `relative_positions=True` there are learned vectors for distances
    between rows and between columns, shared by the heads:
    `w_ij = softmax_j(q_i . (k_j + r_row(y_j - y_i) + r_col(x_j - x_i)) /
    sqrt(d))`, the self-attention of BoTNet. To another `score` they add the
    same products.

    Args:
        score: str, class, dict or `Score`, what compares `q_i` and `k_j` of a
            head: a key of `keras_attention.scores`, a class, a configuration or
            a layer, which is copied. Its own `key_dim`, if it has one, projects
            once more. Defaults to `"scaled_dot"`.
        alignment: str, class, dict or `Alignment`, the same of
            `keras_attention.alignments`, unless it has a map for every channel.
            One that needs the queries gets the features. Defaults to
            `"softmax"`.
        num_heads: int, number of heads. Defaults to `4`.
        key_dim: int or `None`, `d`; `None` is `channels / num_heads`. Defaults
            to `None`.
        value_dim: int or `None`, size of a head's values; `None` takes
            `key_dim`. Defaults to `None`.
        dropout: float, share of weights that are dropped in training. Defaults
            to `0.0`.
        relative_positions: bool, whether scores depend on the distance too. The
            map's size must then be known, and stay the same. Defaults to
            `False`.
        scale_positions: bool, whether `1 / sqrt(d)` scales the product with the
            positions' vectors too; `False` only with `relative_positions`.
            Defaults to `True`.
        use_bias: bool, whether `b_q`, `b_v` and `b_o` exist. Defaults to
            `True`.
        output_projection: bool, whether `W_o` and `b_o` exist. Without them,
            `num_heads * value_dim` must be the channels. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of the four kernels.
            Defaults to `"glorot_uniform"`.
        seed: int or `None`, of the dropout. Defaults to `None`.
        max_positions: int or `None`, the largest `height * width` to accept,
            against running out of memory; `None` sets no limit. Defaults to
            `16384`.
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
        A map in the shape of `features`, without a residual connection; with
        `return_attention_scores=True` also the weights before dropout,
        `(batch, heads, positions, positions)`, float32: `[b, h, i, j]` is how
        much position `i` attends to `j`.

    Raises:
        ValueError: For channels that are not divisible by the heads, for
            parts that cannot work together, for a map with more than
            `max_positions`, and for a map of unknown or different size with
            `relative_positions` or a score (`location`) made for one size.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("mhsa", num_heads=2, relative_positions=True)
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 7, 16), (2, 2, 49, 49))

    Reference:
        Vaswani et al.: Attention Is All You Need. NeurIPS 2017. Relative
        positions: Srinivas et al.: Bottleneck Transformers for Visual
        Recognition. CVPR 2021.

    Differs from the paper:
        The first has no biases (`use_bias=False`). PyTorch and Keras have one
        of the keys too, which a softmax does not see, so it is left out here.
        BoTNet has neither biases nor an output projection and does not say
        whether positions are scaled; common ports scale the query before
        both products, as here. timm's `BottleneckAttn` is `use_bias=False`,
        `output_projection=False`, `scale_positions=False`.

    Cost:
        `4 N C^2 + 2 N^2 C` multiplications with `N = height * width`,
        `4 C^2 + 3 C` parameters and `(2 height + 2 width - 2) * key_dim` for
        positions; memory for `heads * N^2` weights, which is
        what limits the map. Another score or alignment has its own; one
        that draws on the neighbourhood does so for every query.

    See also:
        `NonLocal2D`, with one head and a residual connection.
        `CrossAttention2D`, where vectors attend to the map.
    """

    weights_kind = "pairwise"

    def __init__(
        self,
        score="scaled_dot",
        alignment="softmax",
        num_heads=4,
        key_dim=None,
        value_dim=None,
        dropout=0.0,
        relative_positions=False,
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
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            seed=seed,
            **kwargs,
        )
        self.relative_positions = arguments.boolean(
            "relative_positions", relative_positions
        )
        self.scale_positions = arguments.boolean(
            "scale_positions", scale_positions
        )
        if not (relative_positions or scale_positions):
            raise ValueError(
                "There are no positions to scale without "
                "relative_positions=True. Received: relative_positions=False, "
                "scale_positions=False"
            )
        self.output_projection = arguments.boolean(
            "output_projection", output_projection
        )
        if relative_positions and self.alignment.positive_scores:
            raise ValueError(
                f"{type(self.alignment).__name__} needs non-negative scores, "
                "and relative_positions=True adds numbers of both signs."
            )
        self.max_positions = arguments.positive_int(
            "max_positions", max_positions, optional=True
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the projections and the vectors of positions."""
        refuse_large_map(self, features_shape, self.num_heads)
        batch, height, width, channels = features_shape
        self.grid = (height, width)
        positions = count_positions(self.score, height, width)
        if self.relative_positions and positions is None:
            raise ValueError(
                "relative_positions=True needs a map of known size, for there "
                "is a vector for every distance. Received: features of shape "
                f"{tuple(features_shape)}"
            )
        shape = (batch, positions, channels)
        attended = self.attended_channels(channels)
        key_dim, values = self.build_heads(
            shape, shape, attended if self.output_projection else None
        )
        if not self.output_projection and values != attended:
            raise ValueError(
                "output_projection=False keeps the map only if num_heads * "
                f"value_dim is its number of channels. Received: "
                f"{channels} channels, num_heads={self.num_heads} and values "
                f"of size {values // self.num_heads}"
            )
        if self.relative_positions:
            self.row_vectors = self._add_vectors("rows", height, key_dim)
            self.column_vectors = self._add_vectors("columns", width, key_dim)

    def attended_channels(self, channels):
        """How many channels of the output are attention's."""
        return channels

    def attend(self, features, query, mask, training):
        """Compares all positions and gives each its context."""
        refuse_large_map(self, features.shape, self.num_heads)
        hidden, scores_mask = hide_masked(features, mask)
        tokens = map_to_tokens(hidden)
        if self.relative_positions and features.shape[1:3] != self.grid:
            raise ValueError(
                "With relative_positions=True the layer was built for maps of "
                f"{self.grid}. Received: features of shape "
                f"{tuple(features.shape)}"
            )
        grid = grid_of(features)
        weights = self.compare(tokens, tokens, scores_mask, grid, training)
        weights = record_attention(self, weights)
        context = self.combine(weights, tokens, training)
        shape = (*ops.shape(features)[:3], context.shape[-1])
        outputs = ops.reshape(context, shape)
        outputs, _ = hide_masked(outputs, mask)
        return outputs, weights

    def add_to_scores(self, scores, queries):
        """Adds the products of queries and positions."""
        if not self.relative_positions:
            return scores
        queries = split_heads(at_least_float32(queries), self.num_heads)
        if self.scale_positions:
            queries = queries * queries.shape[-1] ** -0.5
        return scores + relative_position_scores(
            queries,
            ops.convert_to_tensor(self.row_vectors),
            ops.convert_to_tensor(self.column_vectors),
        )

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, heads, positions, positions)`."""
        batch, height, width, _ = features_shape
        positions = None if None in (height, width) else height * width
        return features_shape, (batch, self.num_heads, positions, positions)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "relative_positions": self.relative_positions,
            "scale_positions": self.scale_positions,
            "output_projection": self.output_projection,
            "max_positions": self.max_positions,
        }

    def _add_vectors(self, name, size, key_dim):
        return self.add_weight(
            shape=(2 * size - 1, key_dim),
            initializer=keras.initializers.RandomNormal(stddev=key_dim**-0.5),
            name=name,
            autocast=False,  # scores stay in float32
        )
