"""What the scores share in which a small network sees query and key."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import ACTIVATIONS
from keras_attention.ops import pair_network
from keras_attention.scores.score import Score


class FeedForwardScore(Score):
    """A small network over the sum of the projected query and key.

    `score(q, k) = v . h_L` with `h_1 = act(W_q q + W_k k + b)` and
    `h_l = act(W_l h_(l-1) + b_l)`. A subclass with more layers than one adds
    them to `hidden_weights`.

    With one query no more than its hidden units are held: `N * key_dim` a
    head and image. With many, blocks of queries are compared one after
    another, and once more for the gradient.

    Args:
        num_heads: int, number of heads, each with a network of its own.
            Defaults to `1`.
        key_dim: int or `None`, hidden units a head; `None` takes the channels
            of the features divided by `num_heads`. Defaults to `None`.
        activation: str, `act`: `"tanh"`, `"relu"`, `"leaky_relu"`, `"sigmoid"`,
            `"softplus"` or `"linear"`. Defaults to `"tanh"`.
        use_bias: bool, whether there is a `b`. Defaults to `True`.
        chunk_size: int or `None`, number of queries that are compared at a
            time; `None` takes as many as need 8 MiB an image. Defaults to
            `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).
    """

    #: Of a number that is added to every score; `None` adds none.
    score_bias_initializer = None

    def __init__(
        self,
        num_heads=1,
        key_dim=None,
        activation="tanh",
        use_bias=True,
        chunk_size=None,
        **kwargs,
    ):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        self.activation = arguments.one_of(
            "activation", activation, ACTIVATIONS
        )
        self.use_bias = arguments.boolean("use_bias", use_bias)
        self.chunk_size = arguments.positive_int(
            "chunk_size", chunk_size, optional=True
        )
        self.hidden_weights = []

    def build(self, query_shape, features_shape):
        """Creates `W_q`, `b`, `W_k` and `v`."""
        units = self.head_dim(features_shape)
        self.add_projections(
            query_shape, features_shape, units, query_bias=self.use_bias
        )
        self.vector = self.add_weight(
            shape=(self.num_heads, units),
            initializer="glorot_uniform",
            name="vector",
        )
        if self.score_bias_initializer is not None:
            self.score_bias = self.add_weight(
                shape=(self.num_heads,),
                initializer=self.score_bias_initializer,
                name="score_bias",
            )

    def compare(self, queries, keys):
        """Sums, activates and contracts the hidden units."""
        scores = pair_network(
            queries,
            keys,
            ops.cast(self.vector, keys.dtype),
            [
                [ops.cast(weight, keys.dtype) for weight in layer]
                for layer in self.hidden_weights
            ],
            self.activation,
            self.chunk_size,
        )
        if self.score_bias_initializer is None:
            return scores
        # (h,) to (h, 1, 1)
        bias = ops.cast(self.score_bias, scores.dtype)
        return scores + ops.expand_dims(bias, (1, 2))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "activation": self.activation,
            "use_bias": self.use_bias,
            "chunk_size": self.chunk_size,
        }
