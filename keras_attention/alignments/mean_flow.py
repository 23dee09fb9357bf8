"""Shares of what is above the lowest score."""

from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.ops import above_lowest
from keras_attention.ops import at_least_float32
from keras_attention.ops import largest
from keras_attention.ops import shares


@registry.register("mean_flow")
class MeanFlowAlignment(Alignment):
    """Mean-flow alignment: each score's share of what is above the lowest.

    `w_i = (e_i - min_j e_j) / sum_k (e_k - min_j e_j)`. Unlike softmax it
    does not favour the highest scores: weights are as far apart as scores.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any gives zeros.

    Returns:
        Weights in the shape of `scores`, float32, each row summing to 1. The
        lowest score has weight 0, but a row of equal scores is uniform.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-1.0, 0.0, 2.0]]]])
    >>> print(np.array(alignments.get("mean_flow")(scores)))
    [[[[0.   0.25 0.75]]]]

    Reference:
        Schlemper et al.: Attention Gated Networks. MedIA 2019, as a mode of
        the gates for classification.

    Differs from the paper:
        The published form divides 0 by 0 where all scores are equal.

    Cost:
        A minimum, a maximum, a sum and a division.

    See also:
        `MinMaxAlignment`, with 1 at the highest score; `L1Alignment`, where 0
        is not moved.
    """

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Divides; see the class."""
        height = above_lowest(at_least_float32(scores), mask)
        even = ops.ones_like(height)
        if mask is not None:
            even = ops.where(mask, even, ops.zeros_like(even))
        flat = ops.equal(largest(height, axis=-1, keepdims=True), 0.0)
        return ops.where(flat, shares(even), shares(height))
