"""Luong's location score: the query names positions, unseen."""

import keras
from keras import ops

from keras_attention.ops import precise_dtype
from keras_attention.ops import split_heads
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry


@registry.register("location")
class LocationScore(Score):
    """Location-based score of Luong: one row of a matrix a position.

    `score(q, i) = (W q)_i`. What the features hold has no influence; a
    learned query makes it a learned prior over positions. With `key_dim`,
    `W` is a product of two matrices of that rank.

    Every position of the map has its parameters, so the number of positions
    is fixed when the layer is built.

    Args:
        num_heads: int, number of heads, each with its own `W`. Defaults to `1`.
        key_dim: int or `None`, rank of a head's `W`; `None` does not factorise
            it. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: If the number of positions is unknown when the layer is
            built, or another one when it is called.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("location")
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        A sentence shorter than `W` uses its first rows; a map has one size.
        The paper has one head and no `key_dim`, which is the default here.

    Cost:
        `heads * query_channels * N` multiplications a query, and as many
        parameters.

    See also:
        `AdditiveScore`, which sees the features and takes maps of any size.
    """

    needs_static_size = True
    looks_at_features = False

    def build(self, query_shape, features_shape):
        """Creates `W`, for all heads at once."""
        self.positions = features_shape[1]
        if self.positions is None:
            raise ValueError(
                "LocationScore has parameters for every position, so their "
                "number must be known when it is built. Received: features "
                f"{tuple(features_shape)}"
            )
        self.query_dense = keras.layers.Dense(
            self.num_heads * (self.key_dim or self.positions),
            use_bias=False,
            name="query",
            dtype=self.dtype_policy,
        )
        self.query_dense.build(query_shape)
        if self.key_dim is not None:
            self.matrix = self.add_weight(
                shape=(self.num_heads, self.key_dim, self.positions),
                initializer="glorot_uniform",
                name="matrix",
            )

    def keys(self, features):
        """The features, whose positions are counted."""
        return features

    def ask(self, query, keys):
        """Reads off the score of each position."""
        self._check_positions(keys.shape)
        dtype = precise_dtype(self.compute_dtype)
        rows = ops.cast(self.query_dense(query), dtype)
        rows = split_heads(rows, self.num_heads)  # (b, h, q, n)
        if self.key_dim is not None:
            matrix = ops.cast(self.matrix, dtype)
            rows = ops.einsum("bhqa,han->bhqn", rows, matrix)
        # A shared query has batch 1. Where the positions are only counted
        # at run time, another number of them fails here.
        batch, positions = ops.shape(keys)[:2]
        shape = (batch, self.num_heads, ops.shape(query)[1], positions)
        return ops.broadcast_to(rows, shape)

    def compute_output_shape(self, query_shape, features_shape):
        """`(batch, heads, queries, positions)`."""
        if self.built:
            self._check_positions(features_shape)
        return super().compute_output_shape(query_shape, features_shape)

    def _check_positions(self, features_shape):
        if features_shape[1] not in (None, self.positions):
            raise ValueError(
                f"LocationScore was built for {self.positions} positions. "
                f"Received: features of shape {tuple(features_shape)}"
            )
