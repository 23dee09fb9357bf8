"""Softmax over all positions: soft, global attention."""

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.ops import masked_softmax


@registry.register("softmax")
class SoftmaxAlignment(TemperedAlignment):
    """Softmax alignment: positions compete for a total weight of 1.

    `w_i = exp(e_i / t) / sum_j exp(e_j / t)`

    Args:
        temperature: float, `t` > 0. Towards 0 all weight goes to the highest
            score, towards infinity it spreads evenly. Defaults to `1.0`.
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
        ValueError: If `temperature` is not a finite number above 0 or
            `learnable_temperature` is not a boolean.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-2.0, 0.0, 0.5]]]])
    >>> print(np.array(alignments.get("softmax")(scores)).round(4))
    [[[[0.0486 0.3592 0.5922]]]]

    Reference:
        Bahdanau, Cho, Bengio: Neural Machine Translation by Jointly Learning
        to Align and Translate. ICLR 2015. Soft attention of Xu et al.: Show,
        Attend and Tell. ICML 2015.

    Differs from the paper:
        The temperature; 1 is the papers' form.

    Cost:
        One exponential a score.

    See also:
        `SigmoidAlignment`, where positions do not compete.
    """

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Normalises; see the class."""
        return masked_softmax(self.cooled(scores, mask), mask)
