"""Softmax over the best few positions."""

from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.internals import arguments
from keras_attention.ops import at_least_float32
from keras_attention.ops import masked_softmax
from keras_attention.ops import not_below_best


@registry.register("top_k")
class TopKAlignment(TemperedAlignment):
    """Top-k alignment: a softmax over the `k` positions of highest score.

    `w_i = exp(e_i / t) / sum_{j in T} exp(e_j / t)` for `i` in `T`, the `k`
    best positions of the row, otherwise 0. Positions that tie with the last
    of the `k` are in `T` too.

    Args:
        k: int, how many positions. A row of which fewer are valid takes all.
            Defaults to `4`.
        temperature: float, `t` > 0 of the softmax; the choice does not depend
            on it. Defaults to `1.0`.
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
        ValueError: If `k` is not a positive integer, or above the number of
            positions, where that is known when the layer is built (where it
            is not, such a map takes all its positions); if `temperature` is
            not a finite number above 0 or `learnable_temperature` is not a
            boolean.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-2.0, 0.0, 0.5]]]])
    >>> print(np.array(alignments.get("top_k", k=2)(scores)).round(4))
    [[[[0.     0.3775 0.6225]]]]

    Reference:
        Gupta et al.: Memory-efficient Transformers via Top-k Attention.
        SustaiNLP 2021.

    Differs from the paper:
        The temperature, and that ties are kept: then the weights do not
        depend on the order of the positions.

    Cost:
        The `k` highest of a row, and an exponential a score. A position with
        weight 0 gets no gradient.

    See also:
        `SparsemaxAlignment`, where the scores decide how many positions count.
    """

    def __init__(self, k=4, temperature=1.0, **kwargs):
        super().__init__(temperature, **kwargs)
        self.k = arguments.size("k", k)

    def build(self, scores_shape, query_shape=None):
        """Checks that there are `k` positions."""
        super().build(scores_shape, query_shape)
        positions = scores_shape[-1]
        if positions is not None and self.k > positions:
            expected = f"at most {positions}, the number of positions"
            raise ValueError(arguments.invalid("k", self.k, expected))

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Chooses and normalises; see the class."""
        fixed = ops.stop_gradient(at_least_float32(scores))
        taken = not_below_best(fixed, self.k, mask)
        return masked_softmax(self.cooled(scores, mask), taken)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "k": self.k}
