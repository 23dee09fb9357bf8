"""The temperature that several alignments divide their scores by."""

import math

import keras
from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.internals import arguments
from keras_attention.ops import at_least_float32
from keras_attention.ops import bounded
from keras_attention.ops import largest


class TemperedAlignment(Alignment):
    """An alignment of `scores / temperature`.

    Args:
        temperature: float, `t` > 0. Towards 0 the scores pull further apart,
            towards infinity they become equal. Defaults to `1.0`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. It is the exponential of a weight, so that it
            stays above 0. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).
    """

    #: Whether a number added to all scores of a row changes nothing.
    shift_invariant = True

    def __init__(self, temperature=1.0, learnable_temperature=False, **kwargs):
        super().__init__(**kwargs)
        self.temperature = arguments.positive_float("temperature", temperature)
        self.learnable_temperature = arguments.boolean(
            "learnable_temperature", learnable_temperature
        )
        self.log_temperature = None

    def build(self, scores_shape, query_shape=None):
        """Creates the logarithm of the temperature, if it is learned."""
        if self.learnable_temperature:
            self.log_temperature = self.add_weight(
                shape=(scores_shape[1], 1, 1),
                initializer=keras.initializers.Constant(
                    math.log(self.temperature)
                ),
                name="log_temperature",
            )

    def cooled(self, scores, mask=None):
        """`scores / temperature`, in float32."""
        scores = at_least_float32(scores)
        if self.log_temperature is None:
            return self.divided(scores)
        # The gradient by the temperature is a sum over all scores: none of
        # them, masked or not, may be NaN or infinite, or large without need.
        if self.shift_invariant:
            scores = bounded(scores, mask)
            top = largest(scores, axis=-1, keepdims=True)
            scores = scores - ops.stop_gradient(top)
        else:
            scores = bounded(scores, mask, fill=0.0)
        return self.divided(scores)

    def divided(self, x):
        """`x / temperature`, for finite `x`."""
        if self.log_temperature is None:
            return x / self.temperature
        return x * ops.exp(-ops.cast(self.log_temperature, x.dtype))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "temperature": self.temperature,
            "learnable_temperature": self.learnable_temperature,
        }
