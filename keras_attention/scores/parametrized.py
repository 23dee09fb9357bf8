"""Jetley's parametrised compatibility: a learned direction, no product."""

from keras import ops

from keras_attention.ops import pair_network
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry


@registry.register("parametrized")
class ParametrizedScore(Score):
    """Parametrised compatibility of Jetley ("pc").

    `score(q, k) = u . (q + k)`, with `q` and `k` the slice of a head. With
    `key_dim`, `q = W_q query` and `k = W_k features` without biases.

    The query adds the same `u . q` to the score of every position. An
    alignment in which positions compete (softmax, sparsemax, hard) does not
    see it: its weights do not depend on the query, which gets no gradient
    from them. `sigmoid` sees it.

    Args:
        num_heads: int, number of heads, each with its own `u`; must divide the
            channels if `key_dim` is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` adds the
            channels as they are. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: If the channels of query and features differ or are not
            divisible by `num_heads`, and `key_dim` is `None`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("parametrized")
    >>> score(np.ones((2, 1, 6)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Jetley, Lord, Lee, Torr: Learn To Pay Attention. ICLR 2018.

    Differs from the paper:
        Where channels differ, the paper projects the features, and sums the
        projected ones; here `key_dim` projects both for the score alone. The
        paper has one head, which is the default here.

    Cost:
        `N * C` multiplications for all queries together; with `key_dim`,
        `N * C * key_dim` a head for the keys.

    See also:
        `AdditiveScore`, whose tanh lets the query change the order.
    """

    def build(self, query_shape, features_shape):
        """Creates `u` and any projections."""
        super().build(query_shape, features_shape)
        self.vector = self.add_weight(
            shape=(self.num_heads, self.head_dim(features_shape)),
            initializer="glorot_uniform",
            name="vector",
        )

    def compare(self, queries, keys):
        """Projects on `u` before the sum, which is then of numbers."""
        vector = ops.cast(self.vector, keys.dtype)
        return pair_network(queries, keys, vector, activation="linear")
