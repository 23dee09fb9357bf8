"""Cosine of the angle between query and key: direction, not length."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import largest
from keras_attention.scores.score import Score
from keras_attention.scores.score import registry

# Smallest normal number of float32: below it a reciprocal overflows.
_SMALLEST = 2.0**-126


@registry.register("cosine")
class CosineScore(Score):
    """Cosine score, the content-based addressing of Graves.

    `score(q, k) = scale * q . k / (|q| |k|)`, with `q` and `k` the slice of a
    head: from `-scale` to `scale`, and 0 if one of the vectors is 0. With
    `key_dim`, `q = W_q query` and `k = W_k features` without biases.

    Args:
        num_heads: int, number of heads; must divide the channels if `key_dim`
            is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` compares
            the channels as they are. Defaults to `None`.
        scale: float, factor above 0. At 1 a softmax can prefer one position to
            another by `e^2` at most, so that its weights are nearly uniform; a
            sharp map needs about 10. Defaults to `1.0`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: If `scale` is not a finite number above 0, and as in
            `DotScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> query = np.array([[[3.0, 4.0]]])
    >>> features = np.array([[[6.0, 8.0], [4.0, 3.0], [-3.0, -4.0]]])
    >>> print(np.array(scores.get("cosine")(query, features)).round(4))
    [[[[ 1.    0.96 -1.  ]]]]

    Reference:
        Graves, Wayne, Danihelka: Neural Turing Machines. 2014.

    Differs from the paper:
        There the network emits a scale, the key strength, at every step;
        here it is a constant.

    Cost:
        As `DotScore`, and `N * C` multiplications for the lengths.
    """

    def __init__(self, num_heads=1, key_dim=None, scale=1.0, **kwargs):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        self.scale = arguments.positive_float("scale", scale)

    def compare(self, queries, keys):
        """Cosines `(batch, heads, queries, positions)`."""
        keys = ops.transpose(_unit_vectors(keys), (0, 1, 3, 2))
        return ops.matmul(_unit_vectors(queries) * self.scale, keys)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}


def _unit_vectors(x):
    """`x / |x|` over the last axis; 0 stays 0, with finite gradients."""
    # With the largest entry at 1, no square overflows and none that counts
    # vanishes. A length does not change the direction, nor its gradient.
    highest = ops.stop_gradient(largest(ops.abs(x), axis=-1, keepdims=True))
    x = x / ops.where(highest > _SMALLEST, highest, 1.0)
    squares = ops.sum(ops.square(x), axis=-1, keepdims=True)
    return x / ops.sqrt(ops.where(squares > 0, squares, 1.0))
