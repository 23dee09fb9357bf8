"""Dot product of query and key."""

from keras_attention.ops import products
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry


@registry.register("dot", aliases=("dot_product",))
class DotScore(Score):
    """Dot-product score.

    `score(q, k) = q . k`, with `q` and `k` the slice of a head. With
    `key_dim`, `q = W_q query` and `k = W_k features` without biases.

    Args:
        num_heads: int, number of heads; must divide the channels if `key_dim`
            is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` compares
            the channels as they are. Defaults to `None`.
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
    >>> query = np.array([[[1.0, 2.0]]])
    >>> features = np.array([[[3.0, 4.0], [-1.0, 0.5]]])
    >>> print(np.array(scores.get("dot")(query, features)))
    [[[[11.  0.]]]]

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        Luong has one head and no projection, which is the default here.

    Cost:
        `N * C` multiplications a query; with `key_dim`, `N * C * key_dim`
        a head for the keys.
    """

    def compare(self, queries, keys):
        """Products `(batch, heads, queries, positions)`."""
        return products(queries, keys)
