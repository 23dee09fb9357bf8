"""Independent gates: every position is judged by itself."""

from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.distributions import IndependentDistribution
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.ops import masked_sigmoid


@registry.register("sigmoid")
class SigmoidAlignment(TemperedAlignment):
    """Sigmoid alignment: a gate in `[0, 1]` for each position by itself.

    `w_i = 1 / (1 + exp(-e_i / t))`. The weights do not sum to 1, so an
    aggregation usually averages what they let through (`gated_mean`).

    Args:
        temperature: float, `t` > 0. Towards 0 a gate is open or closed, towards
            infinity it is half open. Defaults to `1.0`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. Masked positions get 0.

    Returns:
        Weights in the shape of `scores`, float32, in `[0, 1]`.

    Raises:
        ValueError: If `temperature` is not a finite number above 0 or
            `learnable_temperature` is not a boolean.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-1.0, 0.0, 1.0]]]])
    >>> print(np.array(alignments.get("sigmoid")(scores)).round(4))
    [[[[0.2689 0.5    0.7311]]]]

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019, whose default it is. Oktay et al.: Attention U-Net. 2018.

    Differs from the paper:
        The temperature; 1 is the papers' form.

    Cost:
        One exponential a score.

    See also:
        `SoftmaxAlignment`, where positions compete.
    """

    normalized = False
    shift_invariant = False

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Squashes; see the class."""
        return masked_sigmoid(self.cooled(scores, mask), mask)

    def distribution(self, scores, mask=None, grid_shape=None, query=None):
        """Every position on or off by itself.

        Args:
            scores: tensor, as for a call, like `mask`.
            mask: tensor or `None`, see the class. Defaults to `None`.
            grid_shape: tuple or `None`, not looked at. Defaults to `None`.
            query: tensor or `None`, not looked at. Defaults to `None`.

        Returns:
            An `IndependentDistribution`.
        """
        scores = ops.convert_to_tensor(scores)
        if not self.built:
            self.build(scores.shape)
        return IndependentDistribution(self.cooled(scores, mask), mask)
