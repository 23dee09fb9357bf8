"""Shares of a sum: scores that are weights already, but for their scale."""

from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.ops import at_least_float32
from keras_attention.ops import bounded
from keras_attention.ops import shares


@registry.register("l1")
class L1Alignment(Alignment):
    """L1 alignment: each score's share of the sum of all.

    `w_i = e_i / sum_j e_j`, for scores that are not negative, such as those
    of a kernel.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`, not negative; a negative
            one counts as 0.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any gives zeros.

    Returns:
        Weights in the shape of `scores`, float32, each row summing to 1; a
        row of scores that are all 0 gives zeros.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[1.0, 0.0, 3.0]]]])
    >>> print(np.array(alignments.get("l1")(scores)))
    [[[[0.25 0.   0.75]]]]

    Reference:
        Katharopoulos et al.: Transformers are RNNs. ICML 2020, where the
        scores are products of positive features.

    Differs from the paper:
        The scores are there, so nothing is saved by not computing them.

    Cost:
        A sum and a division.

    See also:
        `MeanFlowAlignment`, for scores of any sign.
    """

    positive_scores = True

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Divides; see the class."""
        scores = ops.relu(bounded(at_least_float32(scores), mask, fill=0.0))
        return shares(scores)
