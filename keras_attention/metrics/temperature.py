"""Probabilities that are too sure of themselves, put right with one number."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.metrics.calibration import check_probabilities

_SMALLEST = 1e-12
# Of the logarithm of the temperature: from a hundredth to a hundred.
_BOUNDS = (-4.6, 4.6)


def fit_temperature(labels, probabilities):
    """The temperature that makes probabilities most likely to be true.

    Minimises the mean of `-log softmax(log(p) / T)_label` over `T`, which has
    one minimum. Above 1 the network was too sure, below 1 not sure enough.
    Fitted on validation images, used on test images.

    Args:
        labels: array `(count,)`, integer labels.
        probabilities: array `(count, classes)`, rows that sum to 1.

    Returns:
        A float in `[0.01, 100]`.

    Raises:
        ValueError: For other shapes, labels that are no classes, and numbers
            that are no probabilities.

    Example: answers at 90 %, of which three of four are right.

    >>> probabilities = np.array([[0.9, 0.1]] * 4)
    >>> temperature = fit_temperature([0, 0, 0, 1], probabilities)
    >>> print(at_temperature(probabilities, temperature)[0].round(3))
    [0.75 0.25]

    Reference:
        Guo, Pleiss, Sun, Weinberger: On Calibration of Modern Neural Networks.
        ICML 2017. Minimised by `scipy.optimize.minimize_scalar`.

    See also:
        `at_temperature`, `expected_calibration_error`.
    """
    with explained("keras_attention.metrics"):
        from scipy import optimize

    labels, probabilities = np.asarray(labels), np.asarray(probabilities)
    check_probabilities(labels, probabilities)
    chosen = np.arange(len(labels)), labels.astype(int)

    def surprise(logarithm):
        scaled = at_temperature(probabilities, np.exp(logarithm))
        return -np.log(np.maximum(scaled[chosen], _SMALLEST)).mean()

    found = optimize.minimize_scalar(surprise, bounds=_BOUNDS, method="bounded")
    return float(np.exp(found.x))


def at_temperature(probabilities, temperature):
    """`softmax(log(p) / T)`: probabilities, flatter for a `T` above 1.

    Args:
        probabilities: array `(count, classes)`, rows that sum to 1.
        temperature: float, `T`, above 0. With 1 nothing changes.

    Returns:
        array `(count, classes)`, float64, rows that sum to 1.

    Raises:
        ValueError: For a temperature that is not positive.

    Example:

    >>> print(at_temperature([[0.8, 0.2]], 2.0).round(3))
    [[0.667 0.333]]
    """
    arguments.positive_float("temperature", temperature)
    logits = np.log(np.maximum(np.asarray(probabilities, float), _SMALLEST))
    logits = logits / temperature
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
