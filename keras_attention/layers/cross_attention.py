"""Cross-attention: vectors from elsewhere attend to a map."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.multi_head import MultiHeadAttention2D
from keras_attention.layers.parts import count_positions
from keras_attention.ops import grid_of
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import tokens_to_map


@registry.register("cross", family="cross", aliases=("cross_attention",))
class CrossAttention2D(MultiHeadAttention2D):
    """Multi-head attention from given vectors to the positions of a map.

    For a query vector `z` (the state of a decoder, the embedding of a word,
    a global feature), the features `x_i` at position `i` and every head of
    size `d`: `w_i = softmax_i(q . k_i / sqrt(d))` with `q = W_q z + b_q` and
    `k_i = W_k x_i`, and `c = W_o [sum_i w_i v_i]_heads + b_o` with
    `v_i = W_v x_i + b_v`. Another `score` of `q` and `k_i`, or another
    `alignment`, takes the place of the scaled product and of the softmax.

    Args:
        score: str, class, dict or `Score`, what compares `q` and `k_i` of a
            head: a key of `keras_attention.scores`, a class, a configuration or
            a layer, which is copied. Its own `key_dim`, if it has one, projects
            once more. Defaults to `"scaled_dot"`.
        alignment: str, class, dict or `Alignment`, the same of
            `keras_attention.alignments`, unless it has a map for every channel.
            Defaults to `"softmax"`.
        num_heads: int, number of heads. Defaults to `4`.
        key_dim: int or `None`, `d`; `None` is the query's channels divided by
            `num_heads`. Defaults to `None`.
        value_dim: int or `None`, size of a head's values; `None` takes
            `key_dim`. Defaults to `None`.
        output_dim: int or `None`, size of the context; `None` takes the query's
            channels. Defaults to `None`.
        dropout: float, share of weights that are dropped in training. Defaults
            to `0.0`.
        use_bias: bool, whether `b_q`, `b_v` and `b_o` exist. Defaults to
            `True`.
        kernel_initializer: str, dict or `Initializer`, of the four kernels.
            Defaults to `"glorot_uniform"`.
        seed: int or `None`, of the dropout. Defaults to `None`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        query: `(batch, query_channels)` or
            `(batch, queries, query_channels)`; it must be given.
        mask: Optional `(batch, height, width)`, true where a position may be
            attended to. The context of an image without any is `b_o`.
        training: Whether dropout is active.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The context: `(batch, output_dim)` for a query of rank 2, otherwise
        `(batch, queries, output_dim)`. With `return_attention_scores=True`
        also the weights before dropout, in float32:
        `(batch, heads, height, width)`, or
        `(batch, heads, queries, height, width)`.

    Raises:
        ValueError: Without a query, for a query whose channels are not
            divisible by the heads when `key_dim` is `None`, for parts that
            cannot work together, and for a map of unknown or different size
            with a score (`location`) made for one size.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("cross", num_heads=2, output_dim=12)
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> words = np.ones((2, 5, 8), "float32")
    >>> context, weights = layer(features, words, return_attention_scores=True)
    >>> tuple(context.shape), tuple(weights.shape)
    ((2, 5, 12), (2, 2, 5, 7, 7))

    Reference:
        Vaswani et al.: Attention Is All You Need. NeurIPS 2017 (there:
        encoder-decoder attention).

    Differs from the paper:
        The paper has no biases (`use_bias=False`). PyTorch and Keras have one
        of the keys too, which a softmax does not see, so it is left out here.

    Cost:
        `2 N C D + 2 M N D + M (Z D + D O)` multiplications for `M` queries of
        `Z` channels, `N = height * width` positions of `C`, `D` channels in
        all heads and outputs of `O`; memory for `heads * M * N` weights.
        Another score or alignment has its own.

    See also:
        `AttentionPooling2D`, with learned queries, and without projections
        unless asked for. `MultiHeadSelfAttention2D`, where positions ask.
    """

    query_kind = "vector"
    shape_preserving = False

    def __init__(
        self,
        score="scaled_dot",
        alignment="softmax",
        num_heads=4,
        key_dim=None,
        value_dim=None,
        output_dim=None,
        dropout=0.0,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        seed=None,
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
        self.output_dim = arguments.size(
            "output_dim", output_dim, optional=True
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the projections."""
        if query_shape is None:
            raise ValueError(
                "CrossAttention2D needs to be told who asks: "
                "layer(features, query), with a query of shape (batch, "
                "channels) or (batch, queries, channels). Received: no query"
            )
        batch, height, width, channels = features_shape
        if len(query_shape) == 2:
            query_shape = (query_shape[0], 1, query_shape[1])
        positions = count_positions(self.score, height, width)
        self.build_heads(
            query_shape,
            (batch, positions, channels),
            self.output_dim or query_shape[-1],
        )

    def attend(self, features, query, mask, training):
        """Compares the queries with all positions."""
        grid = grid_of(features)
        features, scores_mask = hide_masked(features, mask)
        tokens = map_to_tokens(features)
        is_single = len(query.shape) == 2
        queries = ops.expand_dims(query, 1) if is_single else query
        weights = self.compare(queries, tokens, scores_mask, grid, training)
        maps = tokens_to_map(weights, grid)  # (b, h, q, height, width)
        if is_single:
            maps = ops.squeeze(maps, 2)
        maps = record_attention(self, maps)
        weights = ops.reshape(maps, ops.shape(weights))
        context = self.combine(weights, tokens, training)
        return ops.squeeze(context, 1) if is_single else context, maps

    def attention_shapes(self, features_shape, query_shape):
        """The shapes of the context and of the weights."""
        batch, height, width, _ = features_shape
        *queries, channels = query_shape[1:]
        return (
            (batch, *queries, self.output_dim or channels),
            (batch, self.num_heads, *queries, height, width),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "output_dim": self.output_dim}
