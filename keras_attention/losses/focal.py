"""Focal loss: easy images count less, rare classes count more."""

import math
import numbers

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import precise_dtype

# Below this, a power of 1 - p has no slope: 0 ** (gamma - 1) is infinite.
_SMALLEST = 1e-30


@keras.saving.register_keras_serializable(package="keras_attention")
class FocalLoss(keras.losses.Loss):
    """Focal loss, for one class an image or for several.

    With the probabilities `p = softmax(z)` and the labels `y`, one-hot or
    made so, a single-label image costs

    `sum_k -alpha_k y_k (1 - p_k)^gamma log(p_k)`

    With `multi_label=True` and `p = sigmoid(z)` it costs

    `mean_k -alpha_k y_k (1 - p_k)^gamma log(p_k)
    - (1 - alpha_k) (1 - y_k) p_k^gamma log(1 - p_k)`

    Without `alpha` there are no such factors, and with `gamma=0` too it is
    the categorical, or the binary, cross-entropy.

    Args:
        gamma: float, exponent, at least 0: how little easy images count.
            Defaults to `2.0`.
        alpha: float, list or `None`, weights against imbalance; `None` has
            none. A list has one number a class: for a single label its weight,
            at least 0; with `multi_label=True` that of its positive labels, in
            `[0, 1]`, or a pair of weights, at least 0, that of labels 0 and
            that of labels 1. A single number is the same for all classes of a
            multi-label problem, and in a single-label problem of two classes
            the weight of class 1 beside `1 - alpha` for class 0. From counts:
            `balanced_alpha`. Defaults to `None`.
        multi_label: bool, whether an image may have any number of classes.
            Defaults to `False`.
        from_logits: bool, whether predictions are logits. Probabilities are
            divided by their sum (single label) and clipped by
            `keras.config.epsilon()` as in Keras, so that their gradient ends
            there. Defaults to `True`.
        label_smoothing: float, share in `[0, 1)` of each label that is spread
            evenly over all classes, with `multi_label=True` over 0 and 1.
            Defaults to `0.0`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"focal_loss"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to float32,
            where a label above 2,048 is still itself. Defaults to `None`.
        ignore_class: int or `None`, an integer label of which nothing is known,
            such as that of some pixels; it costs nothing. Defaults to `None`.

    Call arguments:
        y_true: Integer labels `(batch,)` or `(batch, 1)`, or one-hot or soft
            labels `(batch, classes)`; with `multi_label=True` 0 or 1
            `(batch, classes)`.
        y_pred: `(batch, classes)`. Further axes in front of the classes are
            kept.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar; `(batch,)` with `reduction=None`. An integer label that is
        no class gives NaN.

    Raises:
        ValueError: For arguments out of range, for shapes that do not fit,
            and for an `alpha` whose length is not the number of classes.

    Example:

    >>> from keras_attention import losses
    >>> loss = losses.FocalLoss(gamma=2.0, from_logits=False)
    >>> round(float(loss([0], [[0.9, 0.1]])), 6)  # 0.1 ** 2 * -log(0.9)
    0.001054
    >>> round(float(loss([1], [[0.9, 0.1]])), 6)  # 0.9 ** 2 * -log(0.1)
    1.865094

    Reference:
        Lin, Goyal, Girshick, He, Dollar: Focal Loss for Dense Object
        Detection. ICCV 2017. Used for melanoma by Yan, Kawahara, Hamarneh:
        Melanoma Recognition via Visual Attention. IPMI 2019.

    Differs from the paper:
        It is binary, summed over anchors and divided by the number of
        objects; here it is averaged over classes and over the batch. The
        official melanoma code multiplies `log p` by the class weight before
        it takes `p = exp(log p)`, which bends `p`; here the weight stays
        outside.

    Cost:
        A few elementwise passes over the logits.

    See also:
        `keras.losses.CategoricalFocalCrossentropy` and
        `BinaryFocalCrossentropy`. They clip probabilities that came from
        logits (the second not on TensorFlow), so that an image that is wrong
        by more than 16 has no gradient. The first accepts integer labels
        without a word and takes them for one-hot; the second has one `alpha`
        for all classes.
    """

    def __init__(
        self,
        gamma=2.0,
        alpha=None,
        multi_label=False,
        from_logits=True,
        label_smoothing=0.0,
        reduction="sum_over_batch_size",
        name="focal_loss",
        dtype=None,
        ignore_class=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        if gamma != 0:
            arguments.positive_float("gamma", gamma)
        self.gamma = gamma
        self.multi_label = arguments.boolean("multi_label", multi_label)
        self.alpha = _checked_alpha(alpha, multi_label)
        self.from_logits = arguments.boolean("from_logits", from_logits)
        self.label_smoothing = arguments.fraction(
            "label_smoothing", label_smoothing
        )
        if ignore_class is not None:
            arguments.non_negative_int("ignore_class", ignore_class)
        self.ignore_class = ignore_class

    def call(self, y_true, y_pred):
        """One number an image."""
        # Keras hands lists over as lists of scalars.
        y_true, y_pred = map(ops.convert_to_tensor, (y_true, y_pred))
        y_true, known = without(self.ignore_class, y_true, y_pred)
        of_kind = self._multi_label if self.multi_label else self._single_label
        loss = of_kind(y_true, y_pred)
        return loss if known is None else ops.where(known, loss, 0.0)

    def _single_label(self, y_true, y_pred):
        classes = y_pred.shape[-1]
        if classes < 2:
            raise ValueError(
                "FocalLoss needs at least two classes; for a single logit use "
                f"multi_label=True. Received: y_pred of shape {y_pred.shape}"
            )
        labels, is_class = one_hot(y_true, y_pred)
        smoothing = self.label_smoothing
        labels = labels * (1.0 - smoothing) + smoothing / classes
        if self.from_logits:
            log_p = ops.log_softmax(y_pred, axis=-1)
        else:
            p = y_pred / ops.sum(y_pred, axis=-1, keepdims=True)
            log_p = ops.log(_clipped(p))
        terms = -labels * log_p
        if self.gamma:
            rest = ops.maximum(-ops.expm1(log_p), _SMALLEST)  # 1 - p
            terms = terms * ops.power(rest, self.gamma)
        if self.alpha is not None:
            terms = terms * self._alpha(classes, y_pred.dtype)
        loss = ops.sum(terms, axis=-1)
        if is_class is not None:
            # A row of zeros would cost nothing and hide the wrong label.
            loss = ops.where(is_class, loss, float("nan"))
        return loss

    def _multi_label(self, labels, y_pred):
        if len(labels.shape) + 1 == len(y_pred.shape) and y_pred.shape[-1] == 1:
            labels = ops.expand_dims(labels, -1)
        if len(labels.shape) != len(y_pred.shape) or (
            labels.shape[-1] != y_pred.shape[-1]
        ):
            raise invalid_labels("0 or 1 for every class", labels, y_pred)
        check_leading(labels.shape[:-1], labels, y_pred)
        labels = labels * (1.0 - self.label_smoothing)
        labels = labels + 0.5 * self.label_smoothing
        if self.from_logits:
            log_p, log_q = -ops.softplus(-y_pred), -ops.softplus(y_pred)
        else:
            p = _clipped(y_pred)
            log_p, log_q = ops.log(p), ops.log(1.0 - p)
        # Powers of probabilities as exponentials: no slope is infinite.
        positive = -labels * log_p * ops.exp(self.gamma * log_q)
        negative = -(1.0 - labels) * log_q * ops.exp(self.gamma * log_p)
        if self.alpha is not None:
            alpha = self._alpha(y_pred.shape[-1], y_pred.dtype)
            pairs = len(np.shape(self.alpha)) == 2
            of_0, of_1 = (
                ops.unstack(alpha, 2, -1) if pairs else (1 - alpha, alpha)
            )
            positive, negative = of_1 * positive, of_0 * negative
        return ops.mean(positive + negative, axis=-1)

    def _alpha(self, classes, dtype):
        alpha = self.alpha
        if isinstance(alpha, float):
            if self.multi_label:
                return alpha
            alpha = [1.0 - alpha, alpha]
        if len(alpha) != classes:
            expected = f"one number for each of the {classes} classes"
            raise ValueError(arguments.invalid("alpha", self.alpha, expected))
        return ops.convert_to_tensor(alpha, dtype)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "alpha": self.alpha,
            "multi_label": self.multi_label,
            "from_logits": self.from_logits,
            "label_smoothing": self.label_smoothing,
            "dtype": self.dtype,
            "ignore_class": self.ignore_class,
        }


def one_hot(y_true, y_pred):
    """Labels like predictions, and where integer labels are classes."""
    classes, rank = y_pred.shape[-1], len(y_pred.shape)
    if len(y_true.shape) == rank and y_true.shape[-1] == classes:
        check_leading(y_true.shape[:-1], y_true, y_pred)
        return y_true, None
    if len(y_true.shape) == rank and y_true.shape[-1] == 1:
        y_true = ops.squeeze(y_true, -1)
    if len(y_true.shape) != rank - 1:
        raise invalid_labels("integers, or one-hot", y_true, y_pred)
    check_leading(y_true.shape, y_true, y_pred)
    is_class = ops.logical_and(y_true >= 0, y_true < classes)
    labels = ops.cast(ops.where(is_class, y_true, 0.0), "int32")
    return ops.one_hot(labels, classes, dtype=y_pred.dtype), is_class


def without(ignore_class, y_true, y_pred):
    """Labels with class 0 where they are ignored, and where they are not."""
    if ignore_class is None:
        return y_true, None
    known = ops.not_equal(y_true, ignore_class)
    labels = ops.where(known, y_true, ops.zeros_like(y_true))
    if len(known.shape) == len(y_pred.shape):
        if known.shape[-1] != 1:
            raise ValueError(
                f"ignore_class={ignore_class} needs integer labels. Received: "
                f"y_true of shape {tuple(known.shape)}"
            )
        known = ops.squeeze(known, -1)
    return labels, known


def _clipped(p):
    epsilon = keras.config.epsilon()
    return ops.clip(p, epsilon, 1.0 - epsilon)


def check_leading(axes, y_true, y_pred):
    """Raises if the axes of labels in front of the classes are others."""
    pairs = zip(axes, y_pred.shape[:-1], strict=True)
    if any(a != b and None not in (a, b) for a, b in pairs):
        expected = f"labels {(*y_pred.shape[:-1],)}"
        raise invalid_labels(expected, y_true, y_pred)


def invalid_labels(expected, y_true, y_pred):
    """The error of labels that are not what is expected."""
    several = (
        ". If y_pred is attention, the model has several outputs: give each "
        "its own loss, and None to a map without one, "
        "loss=[FocalLoss(), None, None]"
    )
    return ValueError(
        f"Invalid value for argument y_true: expected {expected}, for y_pred "
        f"of shape {tuple(y_pred.shape)}. Received: y_true of shape "
        f"{tuple(y_true.shape)}{several * (len(y_pred.shape) > 2)}"
    )


def _checked_alpha(alpha, multi_label):
    if alpha is None:
        return None
    single = isinstance(alpha, numbers.Real)
    values = [alpha] if single else np.asarray(alpha).tolist()
    pairs = multi_label and np.ndim(alpha) == 2 and np.shape(alpha)[1] == 2
    flat = np.ravel(alpha).tolist() if pairs else values
    highest = 1.0 if single or (multi_label and not pairs) else math.inf
    valid = isinstance(flat, list) and all(
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
        and 0 <= value <= highest
        for value in flat
    )
    if not valid or not any(flat):
        bound = (
            "in [0, 1], or one pair of at least 0,"
            if multi_label
            else "of at least 0"
        )
        expected = (
            f"None, a number in [0, 1] or one number {bound} a class, not all 0"
        )
        raise ValueError(arguments.invalid("alpha", alpha, expected))
    return np.asarray(alpha, "float64").tolist()
