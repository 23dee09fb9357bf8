"""Whether a network is right as often as it says."""

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments


def expected_calibration_error(labels, probabilities, bins=15):
    """Expected calibration error of the most probable class.

    `sum_b n_b / n * |accuracy_b - confidence_b|` over bins of equal width:
    an image whose highest probability, its confidence, is `c` belongs to bin
    `b` of `B` when `(b - 1) / B < c <= b / B`; `accuracy_b` is the share of
    right answers in the bin, `confidence_b` its mean confidence.

    Args:
        labels: array `(count,)`, integer labels.
        probabilities: array `(count, classes)`, rows that sum to 1.
        bins: int, `B`. Defaults to `15`.

    Returns:
        A float in `[0, 1]`.

    Raises:
        ValueError: For other shapes, labels that are no classes, numbers that
            are no probabilities, and a number of bins below 1.

    Example: four answers at 90 %, three of them right.

    >>> probabilities = np.array([[0.9, 0.1]] * 4)
    >>> round(expected_calibration_error([0, 0, 0, 1], probabilities), 4)
    0.15

    Reference:
        Naeini, Cooper, Hauskrecht: Obtaining Well Calibrated Probabilities
        Using Bayesian Binning. AAAI 2015. Guo, Pleiss, Sun, Weinberger: On
        Calibration of Modern Neural Networks. ICML 2017 (15 bins).

    Differs from the paper:
        In nothing. Confidences are compared with the edges in float32, so
        that 0.2 lies on its edge in either precision.

    See also:
        `ExpectedCalibrationError`, the same in `fit`.
    """
    arguments.positive_int("bins", bins)
    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    check_probabilities(labels, probabilities)
    confidence = probabilities.max(-1)
    bin_of = np.searchsorted(_edges(bins), confidence.astype("float32"))
    right = probabilities.argmax(-1) == labels
    gaps = np.bincount(bin_of, right - confidence.astype("float64"), bins)
    return float(np.abs(gaps).sum() / len(labels))


@keras.saving.register_keras_serializable(package="keras_attention")
class ExpectedCalibrationError(keras.metrics.Metric):
    """Expected calibration error in `fit`; exact, not a mean over batches.

    The sums of every bin are the metric's weights; see
    `expected_calibration_error` for the formula.

    Args:
        bins: int, number of bins. Defaults to `15`.
        from_logits: bool, whether predictions are logits. Defaults to `False`.
        name: str, of the metric. Defaults to `"expected_calibration_error"`.
        dtype: str or `None`, of the sums; `None` takes `keras.config.floatx()`.
            Defaults to `None`.

    Call arguments:
        y_true: Integer labels `(batch,)` or `(batch, 1)`, or one-hot
            `(batch, classes)`.
        y_pred: `(batch, classes)`.
        sample_weight: Optional `(batch,)`: how often an image counts.

    Returns:
        A scalar in `[0, 1]`; 0 before the first image.

    Raises:
        ValueError: For a number of bins below 1, and shapes that do not fit.

    Example:

    >>> from keras_attention import metrics
    >>> metric = metrics.ExpectedCalibrationError()
    >>> metric.update_state([0, 0], [[0.9, 0.1], [0.9, 0.1]])
    >>> metric.update_state([0, 1], [[0.9, 0.1], [0.9, 0.1]])
    >>> round(float(metric.result()), 4)
    0.15

    See also:
        `expected_calibration_error`, for arrays.
    """

    def __init__(
        self,
        bins=15,
        from_logits=False,
        name="expected_calibration_error",
        dtype=None,
    ):
        super().__init__(name=name, dtype=dtype)
        self.bins = arguments.positive_int("bins", bins)
        self.from_logits = arguments.boolean("from_logits", from_logits)
        self.counts = self.add_variable((bins,), "zeros", name="counts")
        # Right answers less confidences.
        self.gaps = self.add_variable((bins,), "zeros", name="gaps")

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Adds one batch to the bins."""
        y_pred = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        y_true = ops.convert_to_tensor(y_true)
        if self.from_logits:
            y_pred = ops.softmax(y_pred, axis=-1)
        labels = _class_indices(y_true, y_pred)
        confidence = ops.max(y_pred, axis=-1)
        right = ops.equal(ops.argmax(y_pred, axis=-1), labels)
        edges = ops.convert_to_tensor(_edges(self.bins))
        above = ops.expand_dims(confidence, -1) > edges  # (b, bins - 1)
        bin_of = ops.sum(ops.cast(above, "int32"), axis=-1)
        weights = ops.one_hot(bin_of, self.bins, dtype=self.dtype)  # (b, bins)
        if sample_weight is not None:
            sample_weight = ops.cast(
                ops.convert_to_tensor(sample_weight), self.dtype
            )
            weights *= ops.reshape(sample_weight, (-1, 1))
        gap = ops.cast(right, self.dtype) - ops.cast(confidence, self.dtype)
        self.counts.assign_add(ops.sum(weights, axis=0))
        self.gaps.assign_add(
            ops.sum(weights * ops.expand_dims(gap, -1), axis=0)
        )

    def result(self):
        """The error over all batches since the last reset."""
        gaps = ops.sum(ops.abs(self.gaps))
        return ops.divide_no_nan(gaps, ops.sum(self.counts))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "bins": self.bins,
            "from_logits": self.from_logits,
        }


def log_probabilities(outputs):
    """Log-probabilities of a classifier's outputs, whichever they are.

    Rows that are all non-negative and sum to 1 are probabilities, anything
    else is logits.

    Args:
        outputs: array `(count, classes)`, finite.

    Returns:
        The same shape, float64, finite.

    Example:

    >>> print(np.exp(log_probabilities(np.array([[0.25, 0.75]]))))
    [[0.25 0.75]]
    >>> print(np.exp(log_probabilities(np.array([[2.0, 2.0]]))))
    [[0.5 0.5]]
    """
    outputs = outputs.astype("float64")
    if (outputs >= 0).all() and _sum_to_one(outputs).all():
        return np.log(np.maximum(outputs, np.finfo("float64").tiny))
    outputs = outputs - outputs.max(-1, keepdims=True)
    return outputs - np.log(np.exp(outputs).sum(-1, keepdims=True))


def _edges(bins):
    """The `bins - 1` inner edges."""
    return np.linspace(0, 1, bins + 1)[1:-1].astype("float32")


def _class_indices(y_true, y_pred):
    if len(y_pred.shape) == 2 and y_pred.shape[-1] > 1:
        if len(y_true.shape) == 1:
            return ops.cast(y_true, "int32")
        if len(y_true.shape) == 2 and y_true.shape[-1] == 1:
            return ops.cast(ops.squeeze(y_true, -1), "int32")
        if len(y_true.shape) == 2 and y_true.shape[-1] == y_pred.shape[-1]:
            return ops.cast(ops.argmax(y_true, axis=-1), "int32")
    raise ValueError(
        "ExpectedCalibrationError needs y_pred (batch, classes) of at least "
        "two classes and y_true (batch,), (batch, 1) or (batch, classes). "
        f"Received: y_pred of shape {tuple(y_pred.shape)} and y_true of shape "
        f"{tuple(y_true.shape)}"
    )


def check_probabilities(labels, probabilities):
    """Integer labels `(count,)`, and `(count, classes)` that sum to 1."""
    shape = probabilities.shape
    if len(shape) != 2 or 0 in shape or labels.shape != shape[:1]:
        raise ValueError(
            "labels must be (count,) and probabilities (count, classes), not "
            f"empty. Received: labels of shape {labels.shape} and "
            f"probabilities of shape {shape}"
        )
    if not np.isin(labels, np.arange(shape[1])).all():
        raise ValueError(
            "Invalid value for argument labels: expected integers from 0 to "
            f"{shape[1] - 1}. Received: {np.unique(labels)[:5]} ..."
        )
    if not (probabilities >= 0).all() or not _sum_to_one(probabilities).all():
        sums = probabilities.astype("float64").sum(-1)
        raise ValueError(
            "Invalid value for argument probabilities: expected rows of "
            "non-negative numbers that sum to 1. Received: a minimum of "
            f"{probabilities.min()} and sums from {sums.min()} to {sums.max()}"
        )


def _sum_to_one(rows):
    # Rows of float16 and bfloat16 do so within a hundredth.
    return abs(rows.astype("float64").sum(-1) - 1) < 1e-2
