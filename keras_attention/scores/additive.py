"""Bahdanau's score: a small network over the sum of query and key."""

from keras_attention.scores.feed_forward import FeedForwardScore
from keras_attention.scores.score import registry


@registry.register("additive", aliases=("bahdanau",))
class AdditiveScore(FeedForwardScore):
    """Additive score of Bahdanau.

    `score(q, k) = v . act(W_q q + W_k k + b)`, with `act = tanh`

    `keras.layers.AdditiveAttention` has only `v`; this is the published form
    with both projections.

    Args:
        num_heads: int, number of heads, each with its own `v`. Defaults to `1`.
        key_dim: int or `None`, hidden units a head; `None` takes the channels
            of the features divided by `num_heads`. Defaults to `None`.
        activation: str, `act`: `"tanh"`, `"relu"`, `"leaky_relu"`, `"sigmoid"`,
            `"softplus"` or `"linear"`. Defaults to `"tanh"`.
        use_bias: bool, whether there is a `b`. Defaults to `True`.
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
        ValueError: For an unknown activation and for a `chunk_size` below 1,
            and if `key_dim` is `None` and the channels are not divisible by
            `num_heads`.

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
        The paper has no `b` (`use_bias=False`); surveys (Brauwers, Frasincar)
        have one, which belongs to the query's projection here. Captioning
        networks after Show, Attend and Tell have `activation="relu"`, graph
        attention after Brody et al. (GATv2) `"leaky_relu"`. Glorot-uniform
        initialisation in place of N(0, 0.001^2).

    Cost:
        One product `N * C * key_dim` a head for the keys, then `queries * N *
        key_dim` activations, and as many more for the gradient if they do not
        fit in 8 MiB an image. Memory for what fits, at least for one query's
        `N * key_dim`, beside the scores.

    See also:
        `ConcatScore`, the same function with one matrix; `DeepScore`, with
        more layers; `GatedAdditiveScore`, the attention gate's.
    """
