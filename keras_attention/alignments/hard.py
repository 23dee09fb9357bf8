"""Hard attention without sampling: all weight on the best position."""

from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.internals import arguments
from keras_attention.ops import at_least_float32
from keras_attention.ops import first_highest
from keras_attention.ops import masked_softmax


@registry.register("hard")
class HardAlignment(TemperedAlignment):
    """Hard alignment: weight 1 at the highest score, 0 elsewhere.

    `w = one_hot(argmax_i e_i)`; of equal scores the first one counts. A step
    function has no gradient, so it borrows that of a softmax:
    `dw / de = d softmax(e / t) / de` (straight-through).

    Args:
        temperature: float, `t` > 0 of the softmax behind the gradient; the
            weights do not depend on it. Defaults to `1.0`.
        straight_through: bool, whether there is a gradient. Without it the
            scores, and all that leads to nothing else, do not train. Defaults
            to `True`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any gives zeros.

    Returns:
        Weights in the shape of `scores`, float32, each row summing to 1.

    Raises:
        ValueError: If `temperature` is not a finite number above 0, or
            `straight_through` or `learnable_temperature` is not a boolean.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-2.0, 0.5, 0.0, 0.5]]]])
    >>> print(np.array(alignments.get("hard")(scores)))
    [[[[0. 1. 0. 0.]]]]

    Reference:
        Xu et al.: Show, Attend and Tell. ICML 2015, for hard attention.
        Bengio, Leonard, Courville: Estimating or Propagating Gradients
        Through Stochastic Neurons. 2013, for the straight-through gradient.

    Differs from the paper:
        Xu et al. draw the position from the softmax in training and learn by
        REINFORCE; here the best one is taken, always, and the gradient is
        biased but has no variance.

    Cost:
        A maximum over the positions, and a softmax for the gradient.

    See also:
        `SoftmaxAlignment`, which this is as its temperature goes to 0.
    """

    def __init__(self, temperature=1.0, straight_through=True, **kwargs):
        super().__init__(temperature, **kwargs)
        self.straight_through = arguments.boolean(
            "straight_through", straight_through
        )

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Picks; see the class."""
        scores = at_least_float32(scores)
        weights = first_highest(ops.stop_gradient(scores), mask)
        if not self.straight_through:
            return weights
        soft = masked_softmax(self.cooled(scores, mask), mask)
        return weights + (soft - ops.stop_gradient(soft))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "straight_through": self.straight_through,
        }
