"""Soft Dice of predictions: classes count alike, however few their pixels."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.losses.focal import check_leading
from keras_attention.losses.focal import invalid_labels
from keras_attention.losses.focal import one_hot
from keras_attention.losses.focal import without
from keras_attention.ops import precise_dtype


@keras.saving.register_keras_serializable(package="keras_attention")
class DiceLoss(keras.losses.Loss):
    """Soft Dice loss of a class for every pixel, averaged over the classes.

    `1 - mean_k (2 sum(p_k y_k) + smooth) / (sum(p_k) + sum(y_k) + smooth)`

    over the pixels, with the labels `y`, one-hot or made so, and
    `p = softmax(z)`, or `p = sigmoid(z)` of a single class.

    Args:
        from_logits: bool, whether predictions are logits. Defaults to `True`.
        smooth: float, above 0, keeps the ratio defined. A class that an
            image has not costs `sum(p_k) / (sum(p_k) + smooth)`: with a small
            number a single pixel of it costs nearly all. Defaults to `0.01`.
        over: str, `"image"`, one Dice an image, or `"batch"`, one Dice over
            the sums of the whole batch. Defaults to `"image"`.
        ignore_class: int or `None`, a label of pixels of which nothing is
            known: they count nowhere. Only with integer labels. Defaults to
            `None`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"dice_loss"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to
            float32. Defaults to `None`.

    Call arguments:
        y_true: Integer labels `(batch, height, width)` or with an axis of 1
            behind, or one-hot or soft `(batch, height, width, classes)`. Of a
            single class, masks in `[0, 1]`. Any number of axes of pixels.
        y_pred: `(batch, height, width, classes)`.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar in `[0, 1]`; `(batch,)` with `reduction=None`. An image with an
        integer label that is no class gives NaN; one of unknown pixels only
        costs 0.

    Raises:
        ValueError: For arguments out of range and for labels that do not fit,
            such as masks of another size.

    Example:

    >>> import numpy as np
    >>> from keras_attention import losses
    >>> mask = np.array([[[1, 1], [0, 0]]])
    >>> p = np.array([[[[1.0], [0.0]], [[0.0], [0.0]]]])
    >>> loss = losses.DiceLoss(from_logits=False, smooth=1e-6)
    >>> round(float(loss(mask, p)), 4)  # 1 - 2 * 1 / (1 + 2)
    0.3333

    Reference:
        Milletari, Navab, Ahmadi: V-Net. 3DV 2016; with `smooth=0.01` as in
        Oktay et al.: Attention U-Net. MIDL 2018.

    Differs from the paper:
        V-Net squares `p` and `y` in the denominator, and has one object.

    Cost:
        A few elementwise passes over the predictions.

    See also:
        `CombinedLoss`; `metrics.dice_per_class`, of what is predicted;
        `keras.losses.Dice`, which takes neither logits nor integer labels.
    """

    def __init__(
        self,
        from_logits=True,
        smooth=0.01,
        over="image",
        ignore_class=None,
        reduction="sum_over_batch_size",
        name="dice_loss",
        dtype=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        self.from_logits = arguments.boolean("from_logits", from_logits)
        self.smooth = arguments.positive_float("smooth", smooth)
        self.over = arguments.one_of("over", over, ("image", "batch"))
        if ignore_class is not None:
            arguments.non_negative_int("ignore_class", ignore_class)
        self.ignore_class = ignore_class

    def call(self, y_true, y_pred):
        """One number an image, or one for all."""
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        y_true, known = without(self.ignore_class, y_true, y_pred)
        p, labels, valid = self._pairs(y_true, y_pred)
        if known is not None:
            known = ops.cast(ops.expand_dims(known, -1), p.dtype)
            p, labels = p * known, labels * known
        axes = tuple(range(1, len(p.shape) - 1))
        overlap = ops.sum(p * labels, axis=axes)  # (b, classes)
        total = ops.sum(p + labels, axis=axes)
        if self.over == "batch":
            overlap, total = (
                ops.sum(part, axis=0, keepdims=True)
                for part in (overlap, total)
            )
        dice = (2.0 * overlap + self.smooth) / (total + self.smooth)
        loss = 1.0 - ops.mean(dice, axis=-1)
        if valid is not None:
            everywhere = ops.all(valid, axis=axes)
            loss = ops.where(everywhere, loss, float("nan"))
        return loss

    def _pairs(self, y_true, y_pred):
        """Probabilities, labels like them, and where labels are classes."""
        if y_pred.shape[-1] > 1:
            labels, valid = one_hot(y_true, y_pred)
            p = ops.softmax(y_pred, axis=-1) if self.from_logits else y_pred
            return p, labels, valid
        labels = y_true
        if len(labels.shape) == len(y_pred.shape) - 1:
            labels = ops.expand_dims(labels, -1)
        if len(labels.shape) != len(y_pred.shape) or labels.shape[-1] != 1:
            raise invalid_labels("masks of one class", y_true, y_pred)
        check_leading(labels.shape[:-1], y_true, y_pred)
        valid = ops.logical_and(labels >= 0, labels <= 1)
        p = ops.sigmoid(y_pred) if self.from_logits else y_pred
        return p, labels, ops.squeeze(valid, -1)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "from_logits": self.from_logits,
            "smooth": self.smooth,
            "over": self.over,
            "ignore_class": self.ignore_class,
            "dtype": self.dtype,
        }
