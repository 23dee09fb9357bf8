"""1.5-entmax over all positions: between softmax and sparsemax."""

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.ops import entmax15


@registry.register("entmax15")
class Entmax15Alignment(TemperedAlignment):
    """1.5-entmax alignment: sparse like sparsemax, smooth like softmax.

    `w_i = max(e_i / 2t - tau, 0)^2` with the threshold `tau` that makes a row
    sum to 1. The power of 2 is `1 / (alpha - 1)` for `alpha` = 1.5; softmax
    is `alpha` = 1 and sparsemax `alpha` = 2.

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
    >>> print(np.array(alignments.get("entmax15")(scores)).round(4))
    [[[[0.    0.326 0.674]]]]

    Reference:
        Peters, Niculae, Martins: Sparse Sequence-to-Sequence Models.
        ACL 2019.

    Differs from the paper:
        The temperature; 1 is the paper's form. The paper, and the `entmax`
        package, sort the scores; Newton's method gives the same weights and
        gradients.

    Cost:
        About 25 sums over the positions and no sorting. A position with weight
        0 gets no gradient.

    See also:
        `SoftmaxAlignment` and `SparsemaxAlignment`, on either side of it.
    """

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Normalises; see the class."""
        return entmax15(self.cooled(scores, mask), mask)
