"""Weights applied in place: the map stays a map."""

from keras import ops

from keras_attention.aggregations.aggregation import Aggregation
from keras_attention.aggregations.aggregation import registry


@registry.register("gate")
class Gate(Aggregation):
    """Scales the features at each position by its weight.

    `c_i = w_i f_i`. The context keeps the shape of the features.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        weights: `(batch, heads, 1, positions)`.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, positions, channels)` in the compute dtype.

    Raises:
        ValueError: If the channels are not divisible by the heads, or if the
            weights belong to more than one query.

    Example:

    >>> import numpy as np
    >>> from keras_attention import aggregations
    >>> weights = np.array([[[[1.0, 0.5]]]])
    >>> features = np.array([[[4.0, 0.0], [8.0, 4.0]]])
    >>> print(np.array(aggregations.get("gate")(weights, features)))
    [[[4. 0.]
      [4. 2.]]]

    Reference:
        Oktay et al.: Attention U-Net: Learning Where to Look for the
        Pancreas. MIDL 2018.

    Cost:
        `N * C` multiplications.
    """

    keeps_positions = True

    def combine(self, weights, values):
        """`(b, h, n, 1) * (b, h, n, c / h)`."""
        weights = ops.cast(weights, values.dtype)
        return ops.transpose(weights, (0, 1, 3, 2)) * values
