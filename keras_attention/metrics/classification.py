"""How well scores rank the classes: areas under curves, and their spread.

These are exact and need all scores at once, after training. In `fit`, Keras'
own metrics follow them on a grid of thresholds: `keras.metrics.AUC()` for
`roc_auc`, `keras.metrics.AUC(curve="PR")` for `average_precision`, both with
`multi_label=True` for a mean over classes of 0 or 1, and
`keras.metrics.SensitivityAtSpecificity(0.9)`.
"""

import warnings

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained


def roc_auc(labels, scores, *, average="macro"):
    """Area under the receiver operating characteristic, class by class.

    The probability that an image of the class scores higher than one of
    another class, ties counting one half.

    Args:
        labels: array, 0 or 1 `(count,)` for scores `(count,)`. For scores
            `(count, classes)` integer labels `(count,)`, each class against the
            rest, or 0 or 1 `(count, classes)` where an image may have several
            classes.
        scores: array, higher for more likely. Scores `(count, classes)` beside
            integer labels are those of exclusive classes: probabilities, or
            else logits, whose images are ranked by their softmax.
        average: str or `None`, `"macro"`, the mean over the classes; `None` is
            one number a class. Defaults to `"macro"`.

    Returns:
        A float; with `average=None` an array `(classes,)`. NaN for a class of
        which there are no images, or no others, with a warning; the mean
        leaves it out and is NaN when nothing is left.

    Raises:
        ValueError: For shapes that do not fit, labels that are no classes,
            and scores that are not finite.

    Example:

    >>> roc_auc([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
    0.75
    >>> scores = [[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.1, 0.2, 0.7]]
    >>> print(roc_auc([0, 1, 2], scores, average=None))
    [1. 1. 1.]

    Reference:
        Fawcett: An introduction to ROC analysis. Pattern Recognition Letters
        27, 2006. Computed by scikit-learn.

    See also:
        `average_precision`, which a rare class tells more about.
    """
    with explained("keras_attention.metrics"):
        from sklearn.metrics import roc_auc_score

    return _by_class(labels, scores, roc_auc_score, True, average)


def average_precision(labels, scores, *, average="macro"):
    """Area under the steps of the precision-recall curve, class by class.

    `sum_n (recall_n - recall_(n-1)) precision_n` over falling thresholds. A
    ranking by chance reaches the share of the class.

    Args:
        labels: array, as for `roc_auc`.
        scores: array, as for `roc_auc`.
        average: str or `None`, `"macro"`, the mean over the classes; `None` is
            one number a class. Defaults to `"macro"`.

    Returns:
        A float; with `average=None` an array `(classes,)`. NaN for a class of
        which there are no images, with a warning; the mean leaves it out and
        is NaN when nothing is left.

    Raises:
        ValueError: As for `roc_auc`.

    Example:

    >>> round(average_precision([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8]), 4)
    0.8333

    Reference:
        Davis, Goadrich: The Relationship Between Precision-Recall and ROC
        Curves. ICML 2006. Computed by scikit-learn.

    See also:
        `roc_auc`. Average precision of detected boxes is another measure.
    """
    with explained("keras_attention.metrics"):
        from sklearn.metrics import average_precision_score

    return _by_class(labels, scores, average_precision_score, False, average)


def sensitivity_at_specificity(labels, scores, specificity):
    """The share of positives found while enough negatives stay negative.

    The highest sensitivity (true positive rate) of all thresholds whose
    specificity (1 - false positive rate) is at least the one given.

    Args:
        labels: array `(count,)`, 0 or 1.
        scores: array `(count,)`, higher for 1.
        specificity: float, in `[0, 1]`.

    Returns:
        A float in `[0, 1]`; NaN, with a warning, without both labels.

    Raises:
        ValueError: As for `roc_auc`, and for a specificity out of range.

    Example:

    >>> sensitivity_at_specificity([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 1.0)
    0.5
    >>> sensitivity_at_specificity([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.5)
    1.0

    See also:
        `keras.metrics.SensitivityAtSpecificity` in `fit`.
    """
    with explained("keras_attention.metrics"):
        from sklearn.metrics import roc_curve

    if not 0 <= specificity <= 1:
        raise ValueError(
            arguments.invalid("specificity", specificity, "a number in [0, 1]")
        )
    if np.ndim(scores) != 1:
        raise ValueError(
            "Invalid value for argument scores: expected (count,). Received: "
            f"scores of shape {np.shape(scores)}"
        )

    def sensitivity(positive, scores):
        # Intermediate thresholds lie on a straight line of the curve, but on
        # this one it matters where.
        false, true, _ = roc_curve(positive, scores, drop_intermediate=False)
        # 1 - 0.9 is a little less than 1 of 10.
        return true[false <= 1 - specificity + 1e-12].max()

    return _by_class(labels, scores, sensitivity, True, "macro")


def _by_class(labels, scores, metric, needs_others, average):
    """One binary problem a class, and their mean."""
    arguments.one_of("average", average, ("macro", None))
    positive, scores = _columns(np.asarray(labels), np.asarray(scores))
    missing = ~positive.any(0)
    if needs_others:
        missing |= positive.all(0)
    values = np.full(positive.shape[1], np.nan)
    for column in np.flatnonzero(~missing):
        values[column] = metric(positive[:, column], scores[:, column])
    if missing.any():
        names = np.flatnonzero(missing)
        others = " or no others" if needs_others else ""
        more = ", ..." if len(names) > 5 else ""
        which = (
            f" for {len(names)} of {len(values)} classes: "
            f"{', '.join(map(str, names[:5]))}{more}"
            if len(values) > 1
            else ""
        )
        warnings.warn(
            f"There are no positive images{others}{which}; the result is NaN "
            "there.",
            stacklevel=3,
        )
    if average is None:
        return values
    known = values[~missing]
    return float(known.mean()) if known.size else float("nan")


def _columns(labels, scores):
    """Labels and scores as boolean and float `(count, classes)`."""
    fits = scores.ndim in (1, 2) and scores.size and len(labels) == len(scores)
    if not fits or (labels.ndim != 1 and labels.shape != scores.shape):
        raise ValueError(
            "labels and scores must be (count,) both, (count,) and (count, "
            "classes), or (count, classes) both, not empty. Received: labels "
            f"of shape {labels.shape} and scores of shape {scores.shape}"
        )
    if not np.isfinite(scores).all():
        raise ValueError(
            "Invalid value for argument scores: expected finite numbers. "
            f"Received: {int((~np.isfinite(scores)).sum())} that are not"
        )
    exclusive = scores.ndim == 2 and labels.ndim == 1
    classes = scores.shape[1] if exclusive else 2
    if not np.isin(labels, np.arange(classes)).all():
        raise ValueError(
            "Invalid value for argument labels: expected integers from 0 to "
            f"{classes - 1}. Received: {np.unique(labels)[:5]} ..."
        )
    if exclusive:
        return labels[:, None] == np.arange(classes), _ranked(scores)
    positive = labels.astype(bool)
    return positive.reshape(len(labels), -1), scores.reshape(len(scores), -1)


def _ranked(scores):
    """Scores of exclusive classes, of which images can be compared.

    Logits of two images cannot: a number added to all of one image changes no
    probability. Their log-odds `z_c - log sum_(k != c) exp(z_k)` can, and keep
    apart what a softmax would round to 1.
    """
    if (scores >= 0).all() and np.allclose(scores.sum(1), 1, atol=1e-3):
        return scores
    scores = scores.astype("float64")
    others = [
        np.logaddexp.reduce(np.delete(scores, c, axis=1), axis=1)
        for c in range(scores.shape[1])
    ]
    return scores - np.stack(others, axis=1)
