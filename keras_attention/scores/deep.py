"""The additive score with more layers: a deep network compares."""

from keras_attention.internals import arguments
from keras_attention.scores.feed_forward import FeedForwardScore
from keras_attention.scores.score import registry


@registry.register("deep")
class DeepScore(FeedForwardScore):
    """Deep score: a multi-layer perceptron over query and key.

    `h_1 = act(W_q q + W_k k + b_1)`, `h_l = act(W_l h_(l-1) + b_l)` and
    `score(q, k) = v . h_(L-1) + c`, for `L` layers, every head with its own.

    `c` is the same for all positions. An alignment in which positions compete
    (softmax, sparsemax, hard) does not see it; `sigmoid` does.

    Args:
        num_heads: int, number of heads, each with a network of its own.
            Defaults to `1`.
        key_dim: int or `None`, hidden units a head; `None` takes the channels
            of the features divided by `num_heads`. Defaults to `None`.
        num_layers: int, `L`, at least 2. Defaults to `3`.
        activation: str, `act`: `"tanh"`, `"relu"`, `"leaky_relu"`, `"sigmoid"`,
            `"softplus"` or `"linear"`. Defaults to `"relu"`.
        use_bias: bool, whether there is a `b_1`. Defaults to `True`.
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
        ValueError: If `num_layers` is no integer of at least 2, and as in
            `AdditiveScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("deep", key_dim=8)
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Pavlopoulos, Malakasiotis, Androutsopoulos: Deeper Attention to
        Abusive User Content Moderation. EMNLP 2017. With a query: Chaudhari,
        Mithal, Polatkan, Ramanath: An Attentive Survey of Attention Models.
        TIST 2021.

    Differs from the paper:
        Neither says how wide the layers are; here all are equally wide. The
        first has no query.

    Cost:
        As `AdditiveScore`, and `queries * N * key_dim^2` multiplications a
        head for every layer but the first and the last: made for few queries
        and a small `key_dim`.

    See also:
        `AdditiveScore`, which has two layers.
    """

    score_bias_initializer = "zeros"

    def __init__(
        self,
        num_heads=1,
        key_dim=None,
        num_layers=3,
        activation="relu",
        use_bias=True,
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
        self.num_layers = arguments.size("num_layers", num_layers)
        if num_layers < 2:
            raise ValueError(
                arguments.invalid(
                    "num_layers", num_layers, "an integer of at least 2"
                )
            )

    def build(self, query_shape, features_shape):
        """Creates the weights of all layers."""
        super().build(query_shape, features_shape)
        units = self.head_dim(features_shape)
        self.hidden_weights = [
            (
                self.add_weight(
                    shape=(self.num_heads, units, units),
                    initializer="glorot_uniform",
                    name=f"matrix_{number}",
                ),
                self.add_weight(
                    shape=(self.num_heads, units),
                    initializer="zeros",
                    name=f"bias_{number}",
                ),
            )
            for number in range(2, self.num_layers)
        ]

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "num_layers": self.num_layers}
