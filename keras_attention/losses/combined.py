"""Several losses of the same answers, as one."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import precise_dtype


@keras.saving.register_keras_serializable(package="keras_attention")
class CombinedLoss(keras.losses.Loss):
    """A weighted sum of losses, each averaged over the pixels of an image.

    Dice sees an object as a whole and hardly moves where it is missed; the
    cross-entropy, or the focal loss, sees each pixel: together they train well.

    Args:
        losses: list of `keras.losses.Loss`, or of what `keras.losses.get`
            makes one of. Their own `reduction` is not used.
        weights: list of float above 0, one a loss; `None` is 1 each. Defaults
            to `None`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"combined_loss"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to
            float32. Defaults to `None`.

    Call arguments:
        y_true: What each of the losses takes.
        y_pred: `(batch, height, width, classes)`.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar; `(batch,)` with `reduction=None`.

    Raises:
        ValueError: For what is no loss, and other numbers of weights.

    Example:

    >>> import numpy as np
    >>> from keras_attention import losses
    >>> loss = losses.CombinedLoss([losses.DiceLoss(), losses.FocalLoss()])
    >>> logits = np.zeros((2, 4, 4, 3))
    >>> float(loss(np.zeros((2, 4, 4), int), logits)) > 1
    True

    See also:
        `DiceLoss`, `FocalLoss`.
    """

    def __init__(
        self,
        losses,
        weights=None,
        reduction="sum_over_batch_size",
        name="combined_loss",
        dtype=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        self.losses = [keras.losses.get(loss) for loss in losses]
        if not self.losses or not all(
            isinstance(loss, keras.losses.Loss) for loss in self.losses
        ):
            expected = "a list of instances of keras.losses.Loss"
            raise ValueError(arguments.invalid("losses", losses, expected))
        self.weights = weights
        if weights is not None:
            if len(weights) != len(self.losses):
                expected = f"one number for each of {len(self.losses)} losses"
                raise ValueError(
                    arguments.invalid("weights", weights, expected)
                )
            for weight in weights:
                arguments.positive_float("weights", weight)

    def call(self, y_true, y_pred):
        """One number an image."""
        total = 0.0
        weights = self.weights or [1.0] * len(self.losses)
        for weight, loss in zip(weights, self.losses, strict=True):
            values = ops.convert_to_tensor(loss.call(y_true, y_pred))
            axes = tuple(range(1, len(values.shape)))
            total = total + weight * ops.mean(values, axis=axes)
        return total

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "losses": [keras.losses.serialize(loss) for loss in self.losses],
            "weights": self.weights,
            "dtype": self.dtype,
        }
