"""The bilinear score with a bias: some keys are sought by every query."""

from keras_attention.scores.general import GeneralScore
from keras_attention.scores.score import registry


@registry.register("biased_general")
class BiasedGeneralScore(GeneralScore):
    """Biased general score.

    `score(q, k) = k^T (W q + b)`, with a matrix and a vector a head and `k`
    the head's slice of the channels. `b . k` is what a position has to offer
    whatever the query asks.

    Args:
        num_heads: int, number of heads; must divide the channels of the
            features if `key_dim` is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection, as in
            `GeneralScore`; `None` compares the query with the channels as they
            are. Defaults to `None`.
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
    >>> score = scores.get("biased_general")
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Sordoni, Bachman, Trischler, Bengio: Iterative Alternating Neural
        Attention for Machine Reading. 2016. The name: Brauwers, Frasincar: A
        General Survey on Attention Mechanisms in Deep Learning. TKDE 2023.

    Differs from the paper:
        The paper has one head and no `key_dim`, which is the default here.

    Cost:
        As `GeneralScore`, and `C` parameters for `b`.

    See also:
        `GeneralScore`, which is this score with `b = 0`.
    """

    has_bias = True
