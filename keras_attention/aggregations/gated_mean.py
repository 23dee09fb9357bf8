"""The mean of what a gate lets through: one context vector a query."""

from keras import ops

from keras_attention.aggregations.aggregation import Aggregation
from keras_attention.aggregations.aggregation import registry
from keras_attention.ops import at_least_float32


@registry.register("gated_mean")
class GatedMean(Aggregation):
    """Averages the gated features over all positions.

    `c = 1 / N * sum_i w_i f_i`: a weighted sum that does not grow with the
    size of the map, made for gates whose weights do not sum to 1. Masked
    positions have weight 0 and still count in `N`.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        weights: `(batch, heads, queries, positions)`.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, queries, channels)` in the compute dtype.

    Raises:
        ValueError: If the channels are not divisible by the heads.

    Example:

    >>> import numpy as np
    >>> from keras_attention import aggregations
    >>> weights = np.array([[[[1.0, 0.5]]]])
    >>> features = np.array([[[4.0, 0.0], [8.0, 4.0]]])
    >>> print(np.array(aggregations.get("gated_mean")(weights, features)))
    [[[4. 1.]]]

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019: global average pooling of the gated map.

    Cost:
        `N * C` multiplications a query.
    """

    def combine(self, weights, values):
        """`(b, h, q, n) x (b, h, n, c / h) / n`."""
        positions = ops.cast(ops.shape(values)[2], weights.dtype)
        # In float16 the positions of a large map would be infinitely many.
        return ops.matmul(weights / positions, at_least_float32(values))
