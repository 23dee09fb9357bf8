"""Luong's bilinear score: a matrix between query and key."""

import keras
from keras import ops

from keras_attention.ops import products
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry


@registry.register("general", aliases=("luong", "bilinear", "multiplicative"))
class GeneralScore(Score):
    """General (bilinear) score of Luong.

    `score(q, k) = q^T W k`, with a matrix a head and `k` the head's slice of
    the channels. Query and features may differ in their channels. With
    `key_dim`, `q = W_q query` and `k = W_k features` without biases, and `W`
    is `key_dim x key_dim`.

    Args:
        num_heads: int, number of heads; must divide the channels of the
            features if `key_dim` is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection, which bounds
            the rank of the comparison; `None` compares the query with the
            channels as they are. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: If `key_dim` is `None` and the channels are not divisible
            by `num_heads`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("general")
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        The paper has one head and no `key_dim`, which is the default here.
        Glorot-uniform initialisation in place of U(-0.1, 0.1).

    Cost:
        `query_channels * C` multiplications and parameters for the query,
        then `N * C` multiplications a query: the features are not projected.
        With `key_dim`, `N * C * key_dim` a head for the keys.

    See also:
        `DotScore`, which is this score with `W = I`; `BiasedGeneralScore` and
        `ActivatedGeneralScore`.
    """

    #: Whether `W q` has a bias, as in `BiasedGeneralScore`.
    has_bias = False

    def build(self, query_shape, features_shape):
        """Creates `W`, for all heads at once, and any projections."""
        size = self.head_dim(features_shape)
        if self.key_dim is None:
            self.query_dense = keras.layers.Dense(
                self.num_heads * size,
                use_bias=self.has_bias,
                name="query",
                dtype=self.dtype_policy,
            )
            self.query_dense.build(query_shape)
            return
        self.add_projections(query_shape, features_shape, size)
        self.matrix = self.add_weight(
            shape=(self.num_heads, size, size),
            initializer="glorot_uniform",
            name="matrix",
        )
        if self.has_bias:
            self.bias = self.add_weight(
                shape=(self.num_heads, size), initializer="zeros", name="bias"
            )

    def compare(self, queries, keys):
        """Products `(batch, heads, queries, positions)`."""
        if self.key_dim is not None:
            matrix = ops.cast(self.matrix, queries.dtype)
            queries = ops.einsum("bhqa,hac->bhqc", queries, matrix)
            if self.has_bias:
                bias = ops.cast(self.bias, queries.dtype)
                queries = queries + ops.expand_dims(bias, 1)
        return products(queries, keys)
