"""Group normalization of maps in fewer passes than Keras' own layer takes.

No kept library has it for three backends: Keras' layer reshapes the map to rank
5, and normalises every number of it by four operations.
"""

import keras
from keras import ops

from keras_attention.ops import at_least_float32


@keras.saving.register_keras_serializable(package="keras_attention")
class MapGroupNormalization(keras.layers.GroupNormalization):
    """`keras.layers.GroupNormalization` of `(batch, height, width, channels)`.

    The same numbers and weights. The moments are those of each channel, put
    together to those of a group, whose variance is the mean of its channels'
    variances and the variance of their means; the map is then multiplied by
    one number a channel, and another is added.

    Args:
        groups: int, of which each has as many channels.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.

    Returns:
        A map of the same shape.
    """

    def __init__(self, groups, **kwargs):
        super().__init__(groups, **kwargs)

    def call(self, features):
        """Normalises; see the class."""
        x = at_least_float32(features)
        means, variances = ops.moments(x, axes=(1, 2))  # (batch, channels)
        size = x.shape[-1] // self.groups
        means, variances = (
            ops.reshape(values, (-1, self.groups, size))
            for values in (means, variances)
        )
        mean = ops.mean(means, axis=-1, keepdims=True)
        apart = ops.mean(ops.square(means - mean), axis=-1, keepdims=True)
        variance = ops.mean(variances, axis=-1, keepdims=True) + apart
        inverse = ops.rsqrt(variance + self.epsilon)  # (batch, groups, 1)
        gamma, beta = (
            ops.reshape(ops.cast(values, x.dtype), (self.groups, size))
            for values in (self.gamma, self.beta)
        )
        scale = inverse * gamma
        scale, offset = (
            ops.reshape(values, (-1, 1, 1, x.shape[-1]))
            for values in (scale, beta - mean * scale)
        )
        return ops.cast(x * scale + offset, self.compute_dtype)
