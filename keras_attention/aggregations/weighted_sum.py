"""The weighted sum of the features: one context vector a query."""

from keras import ops

from keras_attention.aggregations.aggregation import Aggregation
from keras_attention.aggregations.aggregation import registry
from keras_attention.ops import at_least_float32


@registry.register("weighted_sum")
class WeightedSum(Aggregation):
    """Sums the features under the weights.

    `c = sum_i w_i f_i`. With weights that sum to 1 it is an average, with
    uniform weights it is global average pooling.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        weights: `(batch, heads, queries, positions)`.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, queries, channels)` in the compute dtype; head `h` of `H`
        fills the `h`-th of `H` slices of the channels.

    Raises:
        ValueError: If the channels are not divisible by the heads.

    Example:

    >>> import numpy as np
    >>> from keras_attention import aggregations
    >>> weights = np.array([[[[0.25, 0.75]]]])
    >>> features = np.array([[[4.0, 0.0], [8.0, 4.0]]])
    >>> print(np.array(aggregations.get("weighted_sum")(weights, features)))
    [[[7. 3.]]]

    Reference:
        Bahdanau, Cho, Bengio: Neural Machine Translation by Jointly Learning
        to Align and Translate. ICLR 2015.

    Cost:
        `N * C` multiplications a query.
    """

    def combine(self, weights, values):
        """`(b, h, q, n) x (b, h, n, c / h)`."""
        # In float16 the weights of a large map would be rounded to 0.
        return ops.matmul(weights, at_least_float32(values))
