"""The cross-entropy of captions, which are not equally long."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import precise_dtype


@keras.saving.register_keras_serializable(package="keras_attention")
class CaptionCrossentropy(keras.losses.Loss):
    """How surprising each word is, without the padding behind a caption.

    `-sum_t log p(w_t)` over the words `t` of a caption, its end included.

    Args:
        per: str, `"caption"`, the sum over the words of a caption, as in Show,
            Attend and Tell, or `"word"`, their mean over all words of the
            batch, long captions counting more. Defaults to `"caption"`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"caption_crossentropy"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: int `(batch, words)`, 0 for padding.
        y_pred: Logits `(batch, words, vocabulary)`.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar; `(batch,)` with `reduction=None`.

    Raises:
        ValueError: For another `per`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import losses
    >>> logits = np.zeros((1, 3, 8))
    >>> round(float(losses.CaptionCrossentropy()([[5, 2, 0]], logits)), 3)
    4.159
    >>> round(float(losses.CaptionCrossentropy("word")([[5, 2, 0]], logits)), 3)
    2.079

    Reference:
        Xu et al.: Show, Attend and Tell. ICML 2015.

    Cost:
        A logarithm and as many exponentials a word as there are words known.
    """

    def __init__(
        self,
        per="caption",
        reduction="sum_over_batch_size",
        name="caption_crossentropy",
        dtype=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        self.per = arguments.one_of("per", per, ("caption", "word"))

    def call(self, y_true, y_pred):
        """One number a caption."""
        y_true = ops.cast(y_true, "int32")  # Keras makes targets floats
        surprise = ops.sparse_categorical_crossentropy(
            y_true, y_pred, from_logits=True
        )
        counts = ops.cast(ops.not_equal(y_true, 0), surprise.dtype)
        surprise = ops.sum(counts * surprise, axis=-1)
        if self.per == "caption":
            return surprise
        # A mean over captions of this is the mean over words.
        words = ops.mean(ops.sum(counts, axis=-1))
        return surprise / ops.maximum(words, 1e-7)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "per": self.per, "dtype": self.dtype}
