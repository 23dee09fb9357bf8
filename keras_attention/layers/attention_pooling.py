"""Attention pooling: the whole walk from a map to a context vector."""

import keras
from keras import ops

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores
from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.parts import count_positions
from keras_attention.layers.parts import get_score
from keras_attention.layers.parts import refuse_negative_scores
from keras_attention.ops import grid_of
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import precise_dtype
from keras_attention.ops import tokens_to_map


@registry.register(
    "attn_pool", family="pooling", aliases=("attention_pooling",)
)
class AttentionPooling2D(AttentionLayer2D):
    """Pools a feature map by attention, with any score and any alignment.

    For a query `q` and the features `f_i` at position `i`:
    `e_i = score(q, f_i)`, `w = alignment(e)`, `c = aggregation(w, f)`.
    The query comes from elsewhere in the network (a global feature, the
    state of a decoder) or is learned: then it asks every image the same.

    Args:
        score: str, class, dict or `Score`: a key of `keras_attention.scores`, a
            class, a configuration or a layer, which is copied. Defaults to
            `"additive"`.
        alignment: str, class, dict or `Alignment`, the same of
            `keras_attention.alignments`. One for non-negative scores needs a
            score that gives such. Defaults to `"softmax"`.
        aggregation: str, class, dict or `Aggregation`, the same of
            `keras_attention.aggregations`; one that gives a vector a query.
            Defaults to `"weighted_sum"`.
        num_heads: int, number of heads, each with its own weights over its own
            slice of the channels (`multi_map`: over all of them). A score given
            as a layer brings its own. Defaults to `1`.
        num_queries: int or `None`, number of learned queries. `None` learns a
            single one, or takes the query of the call. `num_queries=classes`
            gives every class a map of its own. Defaults to `None`.
        key_dim: int or `None`, size of a head's projected key, passed to the
            score; `None` is the score's default. Defaults to `None`.
        dropout: float, share of weights that are dropped in training. Defaults
            to `0.0`.
        query_initializer: str, dict or `Initializer`, of the learned queries.
            Defaults to `"glorot_uniform"`.
        seed: int or `None`, of the dropout. Defaults to `None`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        query: Optional `(batch, query_channels)` or
            `(batch, queries, query_channels)`; not with `num_queries`.
        mask: Optional `(batch, height, width)`, true where a position may be
            attended to. An image without any has weights of 0, and the
            context that the aggregation makes of those: zeros, unless it has
            a bias or looks at the query.
        training: Whether dropout is active.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The context: `(batch, channels)` for a query of rank 2 or a single
        learned one, otherwise `(batch, queries, channels)`, with as many
        channels as the features, unless the aggregation has another size.
        With `return_attention_scores=True` also the weights before dropout,
        in float32: `(batch, heads, height, width)`, or
        `(batch, heads, queries, height, width)`. An alignment with a map for
        every channel (`per_channel`) has the channels in place of the heads.

    Raises:
        ValueError: For unknown keys, for parts that cannot work together,
            for channels that are not divisible by the heads, for a query
            beside `num_queries`, and for a map of unknown size, or of another
            one than the first, if the score (`location`) is made for one.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> layer = layers.AttentionPooling2D(score="additive", key_dim=8)
    >>> context, weights = layer(features, return_attention_scores=True)
    >>> tuple(context.shape), tuple(weights.shape)
    ((2, 16), (2, 1, 7, 7))
    >>> layers.AttentionPooling2D(num_queries=5)(features).shape == (2, 5, 16)
    True

    Reference:
        Brauwers, Frasincar: A General Survey on Attention Mechanisms in Deep
        Learning. TKDE 2023. With a global feature as query: Jetley et al.:
        Learn to Pay Attention. ICLR 2018.

    Differs from the paper:
        Values are the features themselves, without a projection `W_V`: a
        dense layer after the pooling is the same function with fewer
        multiplications. For several heads `aggregation="merge_heads"` has
        one.

    Cost:
        That of the score, `N * C` multiplications a query for the sum, and
        `heads * queries * N` weights, with `N = height * width`.

    See also:
        `AttentionGate2D`, guided by a map instead of a vector.
        `CrossAttention2D`, with the projections of multi-head attention.
    """

    shape_preserving = False

    def __init__(
        self,
        score="additive",
        alignment="softmax",
        aggregation="weighted_sum",
        num_heads=1,
        num_queries=None,
        key_dim=None,
        dropout=0.0,
        query_initializer="glorot_uniform",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = arguments.size("num_heads", num_heads)
        self.num_queries = arguments.size(
            "num_queries", num_queries, optional=True
        )
        self.key_dim = arguments.size("key_dim", key_dim, optional=True)
        self.dropout = arguments.fraction("dropout", dropout)
        self.seed = arguments.seed(seed)
        self.query_initializer = arguments.initializer(
            "query_initializer", query_initializer
        )
        self.score = get_score(
            self,
            score,
            {"num_heads": self.num_heads, "key_dim": self.key_dim},
            defaults={"num_heads": 1, "key_dim": None},
        )
        self.alignment = self.get_part(alignments, alignment, "alignment")
        self.aggregation = self.get_part(
            aggregations, aggregation, "aggregation"
        )
        self._check_parts()
        self.dropout_layer = keras.layers.Dropout(
            dropout,
            seed=seed,
            name="dropout",
            # In float16 the weights of a large map would be rounded to 0.
            dtype=precise_dtype(self.compute_dtype),
        )

    @property
    def query_kind(self):
        """A vector, unless the queries are learned."""
        return "vector" if self.num_queries is None else None

    def build_attention(self, features_shape, query_shape):
        """Creates the learned queries, if any, and builds the parts."""
        batch, height, width, channels = features_shape
        positions = count_positions(self.score, height, width)
        self.learned_query = None
        vectors_shape = self._vectors_shape(query_shape, channels)
        if query_shape is None:
            self.learned_query = self.add_weight(
                shape=vectors_shape[1:],
                initializer=self.query_initializer,
                name="query",
            )
        tokens_shape = (batch, positions, channels)
        self.score.build(vectors_shape, tokens_shape)
        scores_shape = self.score.compute_output_shape(
            vectors_shape, tokens_shape
        )
        self.alignment.build_inside(scores_shape, vectors_shape, tokens_shape)
        weights_shape = self._weights_shape(vectors_shape, tokens_shape)
        self.dropout_layer.build(weights_shape)
        self.aggregation.build(weights_shape, tokens_shape, vectors_shape)

    def attend(self, features, query, mask, training):
        """Scores, aligns and aggregates."""
        grid = grid_of(features)
        keeps_query_axis = self._keeps_query_axis(
            None if query is None else query.shape
        )
        features, mask = hide_masked(features, mask)
        tokens = map_to_tokens(features)
        queries = self._queries(query)
        scores = self.score(queries, tokens)  # (b, h, q, n)
        weights = self.alignment(
            scores,
            mask=mask,
            grid_shape=grid,
            query=queries,
            training=training,
        )
        maps = tokens_to_map(weights, grid)  # (b, h or c, q, height, width)
        if not keeps_query_axis:
            maps = ops.squeeze(maps, 2)
        maps = record_attention(self, maps)
        weights = ops.reshape(maps, ops.shape(weights))
        weights = self.dropout_layer(weights, training=training)
        context = self.aggregation(weights, tokens, query=queries)
        if not keeps_query_axis:
            context = ops.squeeze(context, 1)
        return ops.cast(context, self.compute_dtype), maps

    def attention_shapes(self, features_shape, query_shape):
        """The shapes of the context and of the weights."""
        batch, height, width, channels = features_shape
        positions = count_positions(self.score, height, width)
        tokens_shape = (batch, positions, channels)
        vectors_shape = self._vectors_shape(query_shape, channels)
        weights_shape = self._weights_shape(vectors_shape, tokens_shape)
        maps, queries = weights_shape[1:3]
        *_, dim = self.aggregation.compute_output_shape(
            weights_shape, tokens_shape, vectors_shape
        )
        queries = (queries,) if self._keeps_query_axis(query_shape) else ()
        return (
            (batch, *queries, dim),
            (batch, maps, *queries, height, width),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "score": scores.serialize(self.score),
            "alignment": alignments.serialize(self.alignment),
            "aggregation": aggregations.serialize(self.aggregation),
            "num_heads": self.num_heads,
            "num_queries": self.num_queries,
            "key_dim": self.key_dim,
            "dropout": self.dropout,
            "query_initializer": keras.initializers.serialize(
                self.query_initializer
            ),
            "seed": self.seed,
        }

    def _vectors_shape(self, query_shape, channels):
        """`(batch, queries, query_channels)`; batch 1 is shared by all."""
        if query_shape is None:
            return (1, self.num_queries or 1, channels)
        if len(query_shape) == 2:
            return (query_shape[0], 1, query_shape[1])
        return query_shape

    def _weights_shape(self, vectors_shape, tokens_shape):
        """`(batch, heads or channels, queries, positions)`."""
        batch, heads, *others = self.score.compute_output_shape(
            vectors_shape, tokens_shape
        )
        maps = tokens_shape[-1] if self.alignment.per_channel else heads
        return (batch, maps, *others)

    def _queries(self, query):
        if self.learned_query is not None:
            return ops.expand_dims(self.learned_query, 0)  # shared by all
        return query if len(query.shape) == 3 else ops.expand_dims(query, 1)

    def _keeps_query_axis(self, query_shape):
        if query_shape is None:
            return self.num_queries is not None
        return len(query_shape) == 3

    def _check_parts(self):
        if self.aggregation.keeps_positions:
            raise ValueError(
                f"{type(self.aggregation).__name__} keeps the map, so there "
                "is nothing to pool. Use an aggregation that gives a vector "
                "(weighted_sum, gated_mean), or AttentionGate2D for a gate."
            )
        if self.alignment.per_channel and self.aggregation.repeats_channels:
            raise ValueError(
                f"{type(self.aggregation).__name__} weighs all channels by "
                f"every map, and {type(self.alignment).__name__} has a map "
                "for every channel. Use an aggregation in which a map weighs "
                "its own (weighted_sum, gated_mean)."
            )
        refuse_negative_scores(self.score, self.alignment)
