"""Scores stretched to the whole range from 0 to 1."""

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.ops import above_lowest
from keras_attention.ops import at_least_float32
from keras_attention.ops import largest
from keras_attention.ops import or_one


@registry.register("min_max")
class MinMaxAlignment(Alignment):
    """Min-max alignment: 0 at the lowest score and 1 at the highest.

    `w_i = (e_i - min_j e_j) / (max_j e_j - min_j e_j)`. As a rule it is how a
    finished map is prepared for the eye; inside a network it is a gate that
    always opens somewhere.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. Masked positions get 0.

    Returns:
        Weights in the shape of `scores`, float32, in `[0, 1]`; a row of equal
        scores gives zeros.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-2.0, 0.0, 0.5]]]])
    >>> print(np.array(alignments.get("min_max")(scores)))
    [[[[0.  0.8 1. ]]]]

    Reference:
        Schlemper et al.: Attention Gated Networks. MedIA 2019, where it is
        called range normalisation.

    Cost:
        A minimum, a maximum and a division. The gradient by the lowest and
        the highest score is that of the formula.

    See also:
        `MeanFlowAlignment`, which sums to 1.
    """

    normalized = False

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Stretches; see the class."""
        height = above_lowest(at_least_float32(scores), mask)
        # All are 0 where all scores are equal, and stay it.
        return height / or_one(largest(height, axis=-1, keepdims=True))
