"""How well predicted classes of pixels cover the true ones."""

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments


def dice_per_class(
    labels, predictions, classes, over="image", ignore_class=None
):
    """Dice of each class: `2 |A and B| / (|A| + |B|)`, `F1` of the pixels.

    `A` are the pixels of which a class is true, `B` those of which it is
    predicted.

    Args:
        labels: array of integers `(batch, height, width)`, any axes behind the
            first.
        predictions: array of integers of that shape, such as
            `np.argmax(model.predict(images), -1)`.
        classes: int, number of classes.
        over: str, `"image"`, one Dice an image, or `"set"`, one Dice over the
            pixels of all images. Defaults to `"image"`.
        ignore_class: int or `None`, a label of pixels of which nothing is
            known, which count nowhere. Defaults to `None`.

    Returns:
        `(batch, classes)` in `[0, 1]`, float64; `(classes,)` over the set. NaN
        where a class is neither there nor predicted, which nobody could do
        better; 0 where it is one of both. Average with `np.nanmean` and say
        how many were left out.

    Raises:
        ValueError: For shapes that differ and for labels that are no classes.

    Example: the second image has no object, and none is predicted.

    >>> labels = np.array([[[0, 1], [0, 1]], [[0, 0], [0, 0]]])
    >>> predictions = np.array([[[0, 1], [0, 0]], [[0, 0], [0, 0]]])
    >>> print(dice_per_class(labels, predictions, classes=2).round(3))
    [[0.8   0.667]
     [1.      nan]]

    See also:
        `MeanDice`, the same in `fit`; `losses.DiceLoss`, to train for it.
    """
    return _score(
        _dice, _confusion(labels, predictions, classes, ignore_class), over
    )


def iou_per_class(
    labels, predictions, classes, over="image", ignore_class=None
):
    """Intersection over union of each class: `|A and B| / |A or B|`.

    Of one image it is `dice / (2 - dice)`, so that it ranks images alike; their
    averages may rank models differently.

    Args:
        labels: array of integers, as in `dice_per_class`.
        predictions: array of integers of that shape.
        classes: int, number of classes.
        over: str, `"image"` or `"set"`. Defaults to `"image"`.
        ignore_class: int or `None`, as in `dice_per_class`. Defaults to `None`.

    Returns:
        As `dice_per_class`.

    Raises:
        ValueError: As `dice_per_class`.

    Example:

    >>> labels, predictions = np.array([[0, 1, 1, 0]]), np.array([[0, 1, 0, 0]])
    >>> print(iou_per_class(labels, predictions, classes=2).round(3))
    [[0.667 0.5  ]]

    See also:
        `MeanIoU`, the same in `fit`.
    """
    return _score(
        _iou, _confusion(labels, predictions, classes, ignore_class), over
    )


@keras.saving.register_keras_serializable(package="keras_attention")
class MeanDice(keras.metrics.Metric):
    """Dice in `fit`, over the pixels of all images, averaged over classes.

    Classes that are neither there nor predicted are left out of the average.

    Args:
        classes: int, number of classes; 2 of a model with a single output.
        class_ids: list of int or `None`, the classes averaged, such as `[1]`
            for the object alone; `None` has all. Defaults to `None`.
        threshold: float, above which a single output is class 1; `0` for
            logits. Defaults to `0.5`.
        ignore_class: int or `None`, a label of pixels of which nothing is
            known. Defaults to `None`.
        name: str or `None`, of the metric; `None` is `"mean_dice"`. Defaults to
            `None`.
        dtype: str or `None`, of the counts; `None` takes
            `keras.config.floatx()`. Defaults to `None`.

    Call arguments:
        y_true: Integer labels `(batch, height, width)`, or with an axis of 1
            behind.
        y_pred: `(batch, height, width, classes)`, probabilities or logits; or
            with a single output.
        sample_weight: Optional `(batch,)`: how often an image counts.

    Returns:
        A scalar in `[0, 1]`; 0 before the first image, NaN after a label that
        is no class.

    Raises:
        ValueError: For arguments out of range and shapes that do not fit.

    Example:

    >>> from keras_attention import metrics
    >>> metric = metrics.MeanDice(2, class_ids=[1])
    >>> metric.update_state([[0, 1, 1]], [[[0.1], [0.9], [0.2]]])
    >>> round(float(metric.result()), 3)
    0.667

    See also:
        `dice_per_class`, for arrays.
    """

    def __init__(
        self,
        classes,
        class_ids=None,
        threshold=0.5,
        ignore_class=None,
        name=None,
        dtype=None,
    ):
        default = {MeanDice: "mean_dice", MeanIoU: "mean_iou"}
        super().__init__(name=name or default.get(type(self)), dtype=dtype)
        self.classes = arguments.size("classes", classes)
        self.class_ids = class_ids
        for index in class_ids or ():
            arguments.one_of("class_ids", index, range(classes))
        self.threshold = threshold
        self.ignore_class = ignore_class
        self.counts = self.add_variable(
            (classes, classes), "zeros", name="counts"
        )

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds one batch to the counts of pairs of classes."""
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        if len(y_true.shape) == len(y_pred.shape):
            y_true = ops.squeeze(y_true, -1)
        outputs = 1 if self.classes == 2 else self.classes
        if y_pred.shape[-1] not in (self.classes, outputs):
            raise ValueError(
                f"{type(self).__name__} of {self.classes} classes takes y_pred "
                f"of (batch, height, width, {self.classes}). Received: y_pred "
                f"of shape {tuple(y_pred.shape)}"
            )
        if y_pred.shape[-1] == 1:
            predicted = ops.squeeze(y_pred > self.threshold, -1)
        else:
            predicted = ops.argmax(y_pred, axis=-1)
        weights = ops.ones_like(ops.cast(y_true, self.dtype))
        if sample_weight is not None:
            sample_weight = ops.cast(
                ops.convert_to_tensor(sample_weight), self.dtype
            )
            while len(sample_weight.shape) < len(weights.shape):
                sample_weight = ops.expand_dims(sample_weight, -1)
            weights = weights * sample_weight
        if self.ignore_class is not None:
            known = ops.not_equal(y_true, self.ignore_class)
            weights = weights * ops.cast(known, self.dtype)
            y_true = ops.where(known, y_true, ops.zeros_like(y_true))
        valid = ops.logical_and(y_true >= 0, y_true < self.classes)
        # A row of zeros would count nowhere and hide the wrong label.
        weights = ops.where(valid, weights, float("nan"))
        y_true = ops.where(valid, y_true, ops.zeros_like(y_true))
        true, predicted = (
            ops.one_hot(
                ops.reshape(ops.cast(x, "int32"), (-1,)),
                self.classes,
                dtype=self.dtype,
            )
            for x in (y_true, predicted)
        )
        true = true * ops.reshape(weights, (-1, 1))
        self.counts.assign_add(ops.matmul(ops.transpose(true), predicted))

    def result(self):
        """The average over all batches since the last reset."""
        both = ops.diagonal(self.counts)
        true = ops.sum(self.counts, axis=1)
        predicted = ops.sum(self.counts, axis=0)
        scores = ops.divide_no_nan(*self._ratio(both, true, predicted))
        there = ops.cast(ops.not_equal(true + predicted, 0), self.dtype)
        if self.class_ids is not None:
            chosen = np.isin(np.arange(self.classes), self.class_ids)
            there = there * ops.convert_to_tensor(chosen, self.dtype)
        return ops.divide_no_nan(ops.sum(scores * there), ops.sum(there))

    def _ratio(self, both, true, predicted):
        return _dice(both, true, predicted)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "classes": self.classes,
            "class_ids": self.class_ids,
            "threshold": self.threshold,
            "ignore_class": self.ignore_class,
        }


@keras.saving.register_keras_serializable(package="keras_attention")
class MeanIoU(MeanDice):
    """Intersection over union in `fit`, otherwise as `MeanDice`.

    Args:
        classes: int, number of classes.
        class_ids: list of int or `None`, those averaged. Defaults to `None`.
        threshold: float, of a single output. Defaults to `0.5`.
        ignore_class: int or `None`, a label that is unknown. Defaults to
            `None`.
        name: str or `None`; `None` is `"mean_iou"`. Defaults to `None`.
        dtype: str or `None`, of the counts. Defaults to `None`.

    Example:

    >>> from keras_attention import metrics
    >>> metric = metrics.MeanIoU(2, class_ids=[1])
    >>> metric.update_state([[0, 1, 1]], [[[0.1], [0.9], [0.2]]])
    >>> round(float(metric.result()), 3)
    0.5

    See also:
        `iou_per_class`, for arrays; `keras.metrics.MeanIoU`, which takes
        predicted classes and no probabilities.
    """

    def _ratio(self, both, true, predicted):
        return _iou(both, true, predicted)


def _dice(both, true, predicted):
    return 2 * both, true + predicted


def _iou(both, true, predicted):
    return both, true + predicted - both


def _score(ratio, counts, over):
    """`(batch, classes, classes)` of counts to `(batch, classes)`."""
    arguments.one_of("over", over, ("image", "set"))
    if over == "set":
        counts = counts.sum(0)
    both = np.diagonal(counts, axis1=-2, axis2=-1)
    above, below = ratio(both, counts.sum(-1), counts.sum(-2))
    return np.where(below > 0, above / np.maximum(below, 1), np.nan)


def _confusion(labels, predictions, classes, ignore_class):
    """`(batch, classes, classes)`: how often an image has [true, predicted]."""
    arguments.size("classes", classes)
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    if labels.shape != predictions.shape or labels.ndim < 2:
        raise ValueError(
            "Arguments labels and predictions must have one class for each "
            "pixel of each image, (batch, height, width). Received: labels of "
            f"shape {labels.shape}, predictions of {predictions.shape}"
        )
    known = np.ones(labels.shape, bool)
    if ignore_class is not None:
        known = labels != ignore_class
    for name, array in (("labels", labels), ("predictions", predictions)):
        found = array[known]
        if not np.isin(found, range(classes)).all():
            expected = f"integers from 0 to {classes - 1}"
            received = np.setdiff1d(found, range(classes))[:5].tolist()
            raise ValueError(arguments.invalid(name, received, expected))
    image = np.nonzero(known)[0]
    pairs = labels[known].astype(int) * classes + predictions[known].astype(int)
    counts = np.bincount(
        image * classes**2 + pairs, minlength=len(labels) * classes**2
    )
    return counts.reshape(len(labels), classes, classes)
