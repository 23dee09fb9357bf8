"""The bilinear score behind an activation, which bounds or rectifies it."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import ACTIVATIONS
from keras_attention.ops import NON_NEGATIVE_ACTIVATIONS
from keras_attention.ops import activate
from keras_attention.scores.general import GeneralScore
from keras_attention.scores.score import registry


@registry.register("activated_general")
class ActivatedGeneralScore(GeneralScore):
    """Activated general score.

    `score(q, k) = act(k^T W q + b)`, with a matrix and a number `b` a head and
    `k` the head's slice of the channels.

    With `"tanh"` a softmax can prefer one position to another by `e^2` at
    most. With `"relu"`, `"sigmoid"` or `"softplus"` no score is negative, as
    some alignments ask.

    Args:
        num_heads: int, number of heads; must divide the channels of the
            features if `key_dim` is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection, as in
            `GeneralScore`; `None` compares the query with the channels as they
            are. Defaults to `None`.
        activation: str, `act`: `"tanh"`, `"relu"`, `"leaky_relu"`, `"sigmoid"`,
            `"softplus"` or `"linear"`. Defaults to `"tanh"`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: For an unknown activation, and as in `GeneralScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("activated_general", activation="sigmoid")
    >>> score.positive_scores
    True
    >>> score(np.ones((2, 1, 5)), np.ones((2, 49, 6))).shape == (2, 1, 1, 49)
    True

    Reference:
        Ma, Li, Zhang, Wang: Interactive Attention Networks for Aspect-Level
        Sentiment Classification. IJCAI 2017. The name: Brauwers, Frasincar: A
        General Survey on Attention Mechanisms in Deep Learning. TKDE 2023.

    Differs from the paper:
        The paper has tanh, one head and no `key_dim`, which are the defaults
        here; `b` starts at 0 in place of U(-0.1, 0.1).

    Cost:
        As `GeneralScore`, and an activation a score.

    See also:
        `GeneralScore`, which is this score with `"linear"` and `b = 0`.
    """

    def __init__(self, num_heads=1, key_dim=None, activation="tanh", **kwargs):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        self.activation = arguments.one_of(
            "activation", activation, ACTIVATIONS
        )

    @property
    def positive_scores(self):
        """Whether the activation never gives a number below 0."""
        return self.activation in NON_NEGATIVE_ACTIVATIONS

    def build(self, query_shape, features_shape):
        """Creates `b` beside what `GeneralScore` has."""
        super().build(query_shape, features_shape)
        self.score_bias = self.add_weight(
            shape=(self.num_heads,), initializer="zeros", name="score_bias"
        )

    def compare(self, queries, keys):
        """Activated products `(batch, heads, queries, positions)`."""
        products = super().compare(queries, keys)
        # (h,) to (h, 1, 1)
        bias = ops.expand_dims(ops.cast(self.score_bias, keys.dtype), (1, 2))
        return activate(self.activation, products + bias)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "activation": self.activation}
