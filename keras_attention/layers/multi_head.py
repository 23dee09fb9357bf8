"""Multi-head attention to the positions of a map, whoever asks."""

import keras

from keras_attention import alignments
from keras_attention import scores
from keras_attention.internals import arguments
from keras_attention.internals.projection import projection
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.pairwise import weigh
from keras_attention.layers.parts import get_score
from keras_attention.layers.parts import refuse_negative_scores
from keras_attention.layers.parts import refuse_per_channel
from keras_attention.ops import finite
from keras_attention.ops import merge_heads
from keras_attention.ops import precise_dtype
from keras_attention.ops import split_heads


class MultiHeadAttention2D(AttentionLayer2D):
    """Base class of layers in which several heads attend to a map.

    `head_h = alignment(score(Q_h, K_h)) V_h`, by default
    `softmax(Q_h K_h^T / sqrt(d)) V_h`, with `Q` a linear map of the queries,
    `K` and `V` of the features at every position, and one more linear map of
    all heads side by side. A subclass says who asks: `build_heads` creates
    the maps and builds the parts, `compare` gives the weights, and `combine`
    the context.

    The bias of the keys is left out: to a product it adds the same number for
    all positions, which a softmax does not see.

    Args:
        score: str, class, dict or `Score`, what compares a head's queries and
            keys: a key of `keras_attention.scores`, a class, a configuration or
            a layer, which is copied. Defaults to `"scaled_dot"`.
        alignment: str, class, dict or `Alignment`, the same of
            `keras_attention.alignments`. Defaults to `"softmax"`.
        num_heads: int, number of heads. Defaults to `4`.
        key_dim: int or `None`, `d`, the size of a head's queries and keys.
            Defaults to `None`.
        value_dim: int or `None`, size of a head's values; `None` takes that of
            the keys. Defaults to `None`.
        dropout: float, share of weights that are dropped in training. Defaults
            to `0.0`.
        use_bias: bool, whether the maps of queries, values and outputs have a
            bias. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of all four maps.
            Defaults to `"glorot_uniform"`.
        seed: int or `None`, of the dropout. Defaults to `None`.
        **kwargs: As for `AttentionLayer2D`.
    """

    def __init__(
        self,
        score="scaled_dot",
        alignment="softmax",
        num_heads=4,
        key_dim=None,
        value_dim=None,
        dropout=0.0,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        seed=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.num_heads = arguments.size("num_heads", num_heads)
        self.key_dim = arguments.size("key_dim", key_dim, optional=True)
        self.value_dim = arguments.size("value_dim", value_dim, optional=True)
        self.dropout = arguments.fraction("dropout", dropout)
        self.use_bias = arguments.boolean("use_bias", use_bias)
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )
        self.seed = arguments.seed(seed)
        # The heads come projected: of a key_dim, the score is not told.
        self.score = get_score(self, score, {"num_heads": self.num_heads})
        self.alignment = self.get_part(alignments, alignment, "alignment")
        refuse_negative_scores(self.score, self.alignment)
        refuse_per_channel(self, self.alignment)
        self.dropout_layer = keras.layers.Dropout(
            dropout,
            seed=seed,
            name="dropout",
            # In float16 the weights of a large map would be rounded to 0.
            dtype=precise_dtype(self.compute_dtype),
        )

    def build_heads(self, query_shape, tokens_shape, output_dim=None):
        """Creates the linear maps.

        Args:
            query_shape: tuple `(batch, queries, query_channels)`; its channels,
                divided among the heads, are the default of `key_dim`.
            tokens_shape: tuple `(batch, positions, channels)`.
            output_dim: int or `None`, size of the last map; `None` leaves it
                out. Defaults to `None`.

        Returns:
            `(key_dim, heads * value_dim)`.
        """
        key_dim, value_dim = self.head_dims(query_shape[-1])
        keys, values = self.num_heads * key_dim, self.num_heads * value_dim
        self.query_dense = self._map("query", keys, query_shape)
        self.key_dense = None
        if self.score.looks_at_features:
            self.key_dense = self._map(
                "key", keys, tokens_shape, use_bias=False
            )
        self.value_dense = self._map("value", values, tokens_shape)
        self.output_dense = None
        if output_dim is not None:
            self.output_dense = self._map(
                "output", output_dim, (*query_shape[:2], values)
            )
        scores_shape = self._build_score(query_shape, tokens_shape, keys)
        self.alignment.build_inside(scores_shape, query_shape, tokens_shape)
        self.dropout_layer.build(scores_shape)
        return key_dim, values

    def head_dims(self, channels):
        """`(key_dim, value_dim)` of a head, for queries of `channels`."""
        key_dim = self.key_dim or self._divide_channels(channels)
        return key_dim, self.value_dim or key_dim

    def compare(self, queries, tokens, mask, grid, training):
        """The weights `(batch, heads, queries, positions)`, float32.

        Args:
            queries: tensor `(batch, queries, query_channels)`.
            tokens: tensor `(batch, positions, channels)`.
            mask: bool tensor that broadcasts to the weights, or `None`.
            grid: tuple, height and width of the map of tokens.
            training: bool, whether the layer is being trained.
        """
        projected = finite(self.query_dense(queries))
        keys = tokens
        if self.key_dense is not None:
            keys = finite(self.key_dense(tokens))
        scores = self.score(projected, keys)
        scores = self.add_to_scores(scores, projected)
        return self.alignment(
            scores,
            mask=mask,
            grid_shape=grid,
            query=queries,
            training=training,
        )

    def add_to_scores(self, scores, queries):
        """The scores with what a subclass knows beside the features.

        Args:
            scores: tensor `(batch, heads, queries, positions)`.
            queries: tensor `(batch, queries, heads * key_dim)`, the projected
                ones.
        """
        return scores

    def combine(self, weights, tokens, training):
        """The context `(batch, queries, channels)` in the compute dtype."""
        weights = self.dropout_layer(weights, training=training)
        values = finite(self.value_dense(tokens))
        values = split_heads(values, self.num_heads)
        context = merge_heads(weigh(weights, values))
        context = finite(context, self.compute_dtype)
        if self.output_dense is not None:
            context = self.output_dense(context)
        return context

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
            "value_dim": self.value_dim,
            "dropout": self.dropout,
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "seed": self.seed,
            "score": scores.serialize(self.score),
            "alignment": alignments.serialize(self.alignment),
        }

    def _build_score(self, query_shape, tokens_shape, channels):
        """Builds it for projected inputs, and returns what it returns."""
        shapes = [
            (*shape[:2], channels) for shape in (query_shape, tokens_shape)
        ]
        self.score.build(*shapes)
        return self.score.compute_output_shape(*shapes)

    def _map(self, name, units, shape, use_bias=True):
        layer = projection(
            "bn",
            units,
            name,
            self.dtype_policy,
            use_bias=use_bias and self.use_bias,
            initializer=self.kernel_initializer,
        )
        layer.build(shape)
        return layer

    def _divide_channels(self, channels):
        if channels % self.num_heads:
            raise ValueError(
                f"{type(self).__name__} divides the channels among its heads. "
                f"Received: {channels} channels and num_heads="
                f"{self.num_heads}. Set key_dim to project to another size."
            )
        return channels // self.num_heads
