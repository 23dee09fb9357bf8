"""Entmax over all positions: as sparse as `alpha` says, or as it learns."""

import math

import keras
from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.internals import arguments
from keras_attention.ops import at_least_float32
from keras_attention.ops import entmax

# Below it a float32 gradient by alpha would be noise, and entmax is softmax.
_LEAST_EXCESS = 1e-3


@registry.register("entmax")
class EntmaxAlignment(TemperedAlignment):
    """Alpha-entmax alignment: from softmax (1) to sparsemax (2) and beyond.

    `w_i = max((alpha - 1) e_i / t - tau, 0)^(1 / (alpha - 1))` with the
    threshold `tau` that makes a row sum to 1. The higher `alpha`, the fewer
    positions have any weight.

    Args:
        alpha: float, above 1 and at most 4, where the scores of a float32 are
            too coarse for anything else; below 2 if it is learned. Defaults to
            `1.5`.
        learnable_alpha: bool, whether `alpha` is trained, one for every head,
            from `alpha` on: `alpha = 1 + sigmoid(a)`, but at least 1.001.
            Defaults to `False`.
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
        ValueError: If `alpha` is not a number above 1 and at most 4, or not
            below 2 when it is learned, if `temperature` is not a finite
            number above 0, or if `learnable_alpha` or
            `learnable_temperature` is not a boolean.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-1.0, 0.0, 0.5]]]])
    >>> print(np.array(alignments.get("entmax", alpha=1.33)(scores)).round(4))
    [[[[0.046  0.3276 0.6264]]]]

    Reference:
        Peters, Niculae, Martins: Sparse Sequence-to-Sequence Models.
        ACL 2019. Learned: Correia, Niculae, Martins: Adaptively Sparse
        Transformers. EMNLP 2019.

    Differs from the paper:
        The temperature; 1 is the papers' form. The papers, and the `entmax`
        package, halve an interval for the threshold 50 times; Newton's method
        gives the same weights and gradients, the one by `alpha` included.
        Above `alpha` = 2 it would not be safe, and halving is used here too:
        there the gradient of a weight near 0 is without bound.

    Cost:
        10 times a logarithm, an exponential and 2 sums over the positions;
        `alpha` = 1.5 and 2, not learned, are `entmax15` and `sparsemax`.

    See also:
        `SoftmaxAlignment`, `Entmax15Alignment` and `SparsemaxAlignment`, for
        `alpha` = 1, 1.5 and 2.
    """

    renamed_arguments = {"learnable": "learnable_alpha"}  # noqa: RUF012

    def __init__(
        self, alpha=1.5, learnable_alpha=False, temperature=1.0, **kwargs
    ):
        super().__init__(temperature, **kwargs)
        self.learnable_alpha = arguments.boolean(
            "learnable_alpha", learnable_alpha
        )
        arguments.positive_float("alpha", alpha)
        if not 1 < alpha <= 4 or (learnable_alpha and alpha >= 2):
            expected = "a number above 1 and at most 4"
            if learnable_alpha:
                expected = (
                    "a number above 1 and, with learnable_alpha=True, below 2"
                )
            raise ValueError(arguments.invalid("alpha", alpha, expected))
        self.alpha = alpha
        self.alpha_logit = None

    def build(self, scores_shape, query_shape=None):
        """Creates what `alpha` and the temperature are learned by."""
        super().build(scores_shape, query_shape)
        if self.learnable_alpha:
            excess = max(self.alpha - 1.0, _LEAST_EXCESS)
            self.alpha_logit = self.add_weight(
                shape=(scores_shape[1], 1, 1),
                initializer=keras.initializers.Constant(
                    math.log(excess / (1.0 - excess))
                ),
                name="alpha_logit",
            )

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Normalises; see the class."""
        scores = self.cooled(scores, mask)
        if self.alpha_logit is None:
            return entmax(scores, self.alpha, mask)
        excess = ops.sigmoid(at_least_float32(self.alpha_logit))
        alpha = 1.0 + ops.maximum(excess, _LEAST_EXCESS)
        return entmax(scores, alpha, mask)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "alpha": self.alpha,
            "learnable_alpha": self.learnable_alpha,
        }
