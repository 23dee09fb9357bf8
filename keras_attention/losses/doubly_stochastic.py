"""Doubly stochastic attention: every position is looked at sometime."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import precise_dtype


@keras.saving.register_keras_serializable(package="keras_attention")
class DoublyStochasticAttention(keras.losses.Loss):
    """A price on positions that the words of a caption pass over.

    `sum_i (1 - sum_t a_ti)^2` over positions `i`, where `a_t` is the attention
    of word `t`, averaged over heads: over the positions the weights of a word
    sum to 1 already, and so they are to do over the words.

    Args:
        over: str, `"sum"` over the positions, as in the paper, or their
            `"mean"`. On a map of 14 x 14 that is 196 times less, so that one
            and the same factor means very different things. Defaults to
            `"sum"`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"doubly_stochastic_attention"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: `(batch, words)`, 1 for the words that count and 0 for padding.
        y_pred: Weights `(batch, heads, words, height, width)`.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar of at least 0; `(batch,)` with `reduction=None`.

    Raises:
        ValueError: For another `over`, and for weights of another rank.

    Example:

    >>> import numpy as np
    >>> from keras_attention import losses
    >>> weights = np.full((1, 1, 2, 1, 2), 0.25)
    >>> float(losses.DoublyStochasticAttention()([[1, 1]], weights))
    0.5
    >>> float(losses.DoublyStochasticAttention("mean")([[1, 0]], weights))
    0.5625

    Reference:
        Xu et al.: Show, Attend and Tell. ICML 2015, with a factor of 1.

    Differs from the paper:
        Its code counts the attention of padding too, which it hardly has: the
        captions of a batch there are equally long. The much-used PyTorch
        tutorial of S. Vinodababu has the mean, with a factor of 1 too.

    Cost:
        An addition a weight.

    See also:
        `keras_attention.tasks.captioning.RecurrentDecoder`, which adds it.
    """

    def __init__(
        self,
        over="sum",
        reduction="sum_over_batch_size",
        name="doubly_stochastic_attention",
        dtype=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        self.over = arguments.one_of("over", over, ("sum", "mean"))

    def call(self, y_true, y_pred):
        """One number an image."""
        if len(y_pred.shape) != 5:
            raise ValueError(
                "Invalid value for argument y_pred: expected weights (batch, "
                "heads, words, height, width). Received: y_pred of shape "
                f"{tuple(y_pred.shape)}"
            )
        weights = ops.mean(y_pred, axis=1)  # (b, t, h, w)
        words = ops.cast(ops.expand_dims(y_true, (2, 3)), weights.dtype)
        missing = ops.square(1.0 - ops.sum(words * weights, axis=1))
        reduce = ops.sum if self.over == "sum" else ops.mean
        return reduce(missing, axis=(1, 2))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "over": self.over,
            "dtype": self.dtype,
        }
