"""The attention gate's score: additive, with ReLU, between vectors."""

import keras

from keras_attention.internals import arguments
from keras_attention.scores.feed_forward import FeedForwardScore
from keras_attention.scores.score import registry


@registry.register("gated_additive")
class GatedAdditiveScore(FeedForwardScore):
    """Gated additive score of Attention U-Net.

    `score(q, k) = psi . act(W_q q + W_k k + b) + b_psi`, with `act = ReLU`:
    `q` is the gating signal and `k` what is gated, by a sigmoid in the paper.

    `b_psi` is the same for all positions. An alignment in which positions
    compete (softmax, sparsemax, hard) does not see it.

    Args:
        num_heads: int, number of heads, each with its own `psi` and `b_psi`.
            Defaults to `1`.
        key_dim: int or `None`, hidden units a head; `None` takes the channels
            of the features divided by `num_heads`. Defaults to `None`.
        activation: str, `act`: `"tanh"`, `"relu"`, `"leaky_relu"`, `"sigmoid"`,
            `"softplus"` or `"linear"`. Defaults to `"relu"`.
        use_bias: bool, whether there is a `b`. Defaults to `True`.
        score_bias_initializer: str, dict or `keras.initializers.Initializer`,
            of `b_psi`. Defaults to `"zeros"`.
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
        ValueError: For an unknown initializer, and as in `AdditiveScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("gated_additive", key_dim=8)
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Oktay et al.: Attention U-Net: Learning Where to Look for the
        Pancreas. MIDL 2018.

    Differs from the paper:
        There the gating signal is a map, compared position by position, as
        in `AttentionGate2D`; here every query is compared with every
        position. One variant of the official code has
        `activation="softplus"`. That of its classification networks
        (Schlemper et al. 2019) has `use_bias=False` and a `b_psi` that
        starts at 3 for a sigmoid and at 10 for a softmax.

    Cost:
        As `AdditiveScore`.

    See also:
        `AttentionGate2D`, guided by a map; `AdditiveScore`.
    """

    def __init__(
        self,
        num_heads=1,
        key_dim=None,
        activation="relu",
        use_bias=True,
        score_bias_initializer="zeros",
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
        self.score_bias_initializer = arguments.initializer(
            "score_bias_initializer", score_bias_initializer
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "score_bias_initializer": keras.initializers.serialize(
                self.score_bias_initializer
            ),
        }
