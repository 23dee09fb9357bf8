"""Distance between query and key, with its sign turned: near is high."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import squared_distances
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry


@registry.register("euclidean")
class EuclideanScore(Score):
    """Euclidean score: the negative distance.

    `score(q, k) = -|q - k|`, or `-|q - k|^2` with `squared=True`, with `q` and
    `k` the slice of a head: 0 at most. With `key_dim`, `q = W_q query` and
    `k = W_k features` without biases.

    Distances come from lengths and products. With several queries, one far
    below the length of the vectors (in float32, 3e-4 of it) is rounding. The
    distance has no gradient where it is 0; there 0 is taken.

    Args:
        num_heads: int, number of heads; must divide the channels if `key_dim`
            is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` compares
            the channels as they are. Defaults to `None`.
        squared: bool, whether distances are squared. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: As in `DotScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> query = np.array([[[0.0, 0.0]]])
    >>> features = np.array([[[3.0, 4.0], [0.0, -1.0]]])
    >>> print(np.array(scores.get("euclidean")(query, features)))
    [[[[-5. -1.]]]]

    Reference:
        Brauwers, Frasincar: A General Survey on Attention Mechanisms in Deep
        Learning. TKDE 2023, as a similarity. Squared: Kim, Papamakarios,
        Mnih: The Lipschitz Constant of Self-Attention. ICML 2021.

    Differs from the paper:
        Kim et al. divide by `sqrt(d)`, which is the temperature of a softmax
        here, and have one projection for query and key.

    Cost:
        As `DotScore`, and `N * C` multiplications for the lengths.

    See also:
        `GaussianScore`, the exponential of the squared distance;
        `CosineScore`, the same order for vectors of one length.
    """

    def __init__(self, num_heads=1, key_dim=None, squared=False, **kwargs):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        self.squared = arguments.boolean("squared", squared)

    def compare(self, queries, keys):
        """Negative distances `(batch, heads, queries, positions)`."""
        squares = squared_distances(queries, keys)
        if self.squared:
            return -squares
        # The root of 0 would have an infinite gradient.
        apart = squares > 0
        roots = ops.sqrt(ops.where(apart, squares, ops.ones_like(squares)))
        return -ops.where(apart, roots, ops.zeros_like(squares))

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "squared": self.squared}
