"""Bahdanau's score: a small network over the sum of query and key."""

from keras import ops

from keras_attention.scores.score import Score
from keras_attention.scores.score import registry


@registry.register("additive")
class AdditiveScore(Score):
    """Additive score of Bahdanau.

    `score(q, k) = v . tanh(W_q q + W_k k + b)`

    `keras.layers.AdditiveAttention` has only `v`; this is the published form
    with both projections.

    Args:
        num_heads: Number of heads, each with its own `v`.
        key_dim: Hidden units a head. `None` takes the channels of the
            features divided by `num_heads`.
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
    >>> score = scores.get("additive", key_dim=8)
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Bahdanau, Cho, Bengio: Neural Machine Translation by Jointly Learning
        to Align and Translate. ICLR 2015.

    Differs from the paper:
        Glorot-uniform initialisation in place of N(0, 0.001^2). The bias `b`
        belongs to the query's projection. Luong's `concat` is the same
        function, written with one matrix over `[q; k]`.

    Cost:
        One product `N * C * key_dim` a head for the keys, and memory
        `queries * N * key_dim`: made for few queries.
    """

    def build(self, query_shape, features_shape):
        """Creates `W_q`, `b`, `W_k` and `v`."""
        channels = features_shape[-1]
        if self.key_dim is None and channels % self.num_heads:
            raise ValueError(
                "AdditiveScore needs channels divisible by num_heads when "
                f"key_dim is None. Received: {channels} channels and "
                f"num_heads={self.num_heads}"
            )
        units = self.key_dim or channels // self.num_heads
        self.add_projections(
            query_shape, features_shape, units, query_bias=True
        )
        self.vector = self.add_weight(
            shape=(self.num_heads, units),
            initializer="glorot_uniform",
            name="vector",
        )

    def compare(self, queries, keys):
        """Sums, squashes and contracts the hidden units."""
        # (b, h, q, 1, a) + (b, h, 1, n, a)
        hidden = ops.tanh(
            ops.expand_dims(queries, 3) + ops.expand_dims(keys, 2)
        )
        vector = ops.cast(self.vector, hidden.dtype)
        return ops.einsum("bhqna,ha->bhqn", hidden, vector)
