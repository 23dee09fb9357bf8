"""Luong's concat score: one matrix sees query and key side by side."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import ACTIVATIONS
from keras_attention.ops import NON_NEGATIVE_ACTIVATIONS
from keras_attention.ops import activate
from keras_attention.scores.feed_forward import FeedForwardScore
from keras_attention.scores.score import registry


@registry.register("concat")
class ConcatScore(FeedForwardScore):
    """Concat score of Luong.

    `score(q, k) = v . act(W [q; k] + b)`, with one matrix a head, `act = tanh`
    and no `b`. With `output_activation`, that of the result.

    Pairs are never put side by side: `W [q; k]` is the sum of two products,
    one a query and one a position.

    Args:
        num_heads: int, number of heads, each with its own `v`. Defaults to `1`.
        key_dim: int or `None`, hidden units a head; `None` takes the channels
            of the features divided by `num_heads`. Defaults to `None`.
        activation: str, `act`: `"tanh"`, `"relu"`, `"leaky_relu"`, `"sigmoid"`,
            `"softplus"` or `"linear"`. Defaults to `"tanh"`.
        use_bias: bool, whether there is a `b`. Defaults to `False`.
        output_activation: str or `None`, one of the same; `None` has none.
            Defaults to `None`.
        chunk_size: int or `None`, number of queries that are compared at a
            time; `None` takes as many as need 8 MiB an image. Defaults to
            `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: For an unknown `output_activation`, and as in
            `AdditiveScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("concat", key_dim=8)
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        In nothing but the initialisation, Glorot-uniform in place of U(-0.1,
        0.1). Other papers call their own forms a concatenation: with
        `activation="linear"`, non-local networks have `use_bias=True` and
        `output_activation="relu"`, graph attention networks
        `"leaky_relu"`; the gate of Yan et al. (IPMI 2019) has
        `activation="relu"`. `keras.layers.Attention(score_mode="concat")` has
        neither `W` nor `v`.

    Cost:
        As `AdditiveScore`; with `activation="linear"`, `N` numbers in place
        of `N * key_dim` a query.

    See also:
        `AdditiveScore`, the same function with a matrix for the query and one
        for the key, which quantize to int8.
    """

    def __init__(
        self,
        num_heads=1,
        key_dim=None,
        activation="tanh",
        use_bias=False,
        output_activation=None,
        chunk_size=None,
        **kwargs,
    ):
        super().__init__(
            num_heads=num_heads,
            key_dim=key_dim,
            activation=activation,
            use_bias=use_bias,
            chunk_size=chunk_size,
            **kwargs,
        )
        self.output_activation = arguments.one_of(
            "output_activation", output_activation, (None, *ACTIVATIONS)
        )

    @property
    def positive_scores(self):
        """Whether the last activation never gives a number below 0."""
        return self.output_activation in NON_NEGATIVE_ACTIVATIONS

    def add_projections(
        self, query_shape, features_shape, key_dim, query_bias=False
    ):
        """Creates `W` and `b`, for all heads at once."""
        units = self.num_heads * key_dim
        self.query_channels = query_shape[-1]
        self.matrix = self.add_weight(
            shape=(query_shape[-1] + features_shape[-1], units),
            initializer="glorot_uniform",
            name="matrix",
        )
        self.bias = None
        if query_bias:
            self.bias = self.add_weight(
                shape=(units,), initializer="zeros", name="bias"
            )

    def project_query(self, query):
        """The query's half of `W [q; k] + b`."""
        query = self._half(query, slice(None, self.query_channels))
        if self.bias is None:
            return query
        return query + ops.cast(self.bias, self.compute_dtype)

    def project_features(self, features):
        """The other half."""
        return self._half(features, slice(self.query_channels, None))

    def compare(self, queries, keys):
        """The network's results, activated."""
        scores = super().compare(queries, keys)
        if self.output_activation is None:
            return scores
        return activate(self.output_activation, scores)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "output_activation": self.output_activation,
        }

    def _half(self, x, rows):
        matrix = ops.cast(self.matrix, self.compute_dtype)[rows]
        return ops.einsum("bnc,cd->bnd", ops.cast(x, matrix.dtype), matrix)
