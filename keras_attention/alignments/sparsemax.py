"""Sparsemax over all positions: most weights are exactly 0."""

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.ops import sparsemax


@registry.register("sparsemax")
class SparsemaxAlignment(TemperedAlignment):
    """Sparsemax alignment: a few positions share a total weight of 1.

    `w = argmin ||w - e / t||^2` over `w_i >= 0`, `sum_i w_i = 1`: scores are
    lowered by a common threshold, and negative ones are cut off.

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
    >>> print(np.array(alignments.get("sparsemax")(scores)).round(4))
    [[[[0.   0.25 0.75]]]]

    Reference:
        Martins, Astudillo: From Softmax to Sparsemax: A Sparse Model of
        Attention and Multi-Label Classification. ICML 2016.

    Differs from the paper:
        The temperature; 1 is the paper's form. The paper, and the `entmax`
        package, sort the scores; Newton's method gives the same weights and
        gradients. `keras.ops.sparsemax` of Keras 3.15 does not sum to 1.

    Cost:
        About 25 sums over the positions and no sorting. A position with weight
        0 gets no gradient.

    See also:
        `Entmax15Alignment`, less sparse and smooth.
    """

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Projects; see the class."""
        return sparsemax(self.cooled(scores, mask), mask)
