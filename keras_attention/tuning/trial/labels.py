"""Labels, checked against the classes before anything is trained on them."""

import keras
import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.tuning.trial.supervised import supervised


def check_labels(name, data, classes, multi_label, own_loss=False):
    """Ends a search whose labels no trial could learn.

    Looks at arrays and `Examples`; batches are not asked for.

    Args:
        name: str, the argument of `search`, for the message.
        data: data set or arrays, what a trial takes.
        classes: int, number of classes.
        multi_label: bool, whether an image can have several classes.
        own_loss: bool, whether the loss was given, and with it the form of the
            labels. Defaults to `False`.

    Raises:
        ValueError: One that ends a search.

    Example:

    >>> check_labels("train", (np.ones((2, 8, 8, 1)), np.array([0, 2])), 2,
    ...     multi_label=False)
    Traceback (most recent call last):
    ...
    keras_tuner.src.errors.FatalValueError: Invalid labels in train: ...
    """
    if isinstance(data, Examples):
        data = (data.images, data.labels)
    elif isinstance(data, dict | list):
        data = supervised(data)
    if _is_array(data):
        data = (data,)
    if not isinstance(data, tuple):
        return
    if len(data) < 2 or data[1] is None:
        raise keras_tuner.errors.FatalValueError(
            f"There are no labels in {name}. Pass {name}=(x, y). Received: "
            f"{name}=x alone"
        )
    if not _is_array(data[1]) and not isinstance(data[1], list):
        return
    labels = _as_numpy(data[1])
    problem = _problem(labels, classes, multi_label, own_loss)
    if problem:
        raise keras_tuner.errors.FatalValueError(
            f"Invalid labels in {name}: {problem}. Received: labels of shape "
            f"{labels.shape} and dtype {labels.dtype}"
        )


def _problem(labels, classes, multi_label, own_loss):
    if labels.dtype.kind not in "biuf":
        return (
            "expected numbers, the index of a class each. Give names their "
            "index, as np.unique(y, return_inverse=True)[1] does"
        )
    if own_loss or not labels.size:
        return None
    low, high = labels.min(), labels.max()
    if multi_label:
        if labels.shape[1:] != (classes,):
            return (
                f"multi_label=True expects the shape (count, {classes}), for "
                f"classes={classes}"
            )
        if not (low >= 0 and high <= 1):
            return f"expected 0 or 1, but they go from {low} to {high}"
        return None
    if labels.shape[1:] not in ((), (1,)):
        return (
            "expected the index of a class for every image, of shape "
            "(count,). Pass y.argmax(-1) for one-hot labels, or multi_label="
            "True where an image has several"
        )
    if not (low >= 0 and high < classes):
        return (
            f"classes={classes} expects 0 to {classes - 1}, but they go from "
            f"{low} to {high}. Count from 0, or raise classes"
        )
    if (labels % 1).any():
        return "expected whole numbers, the index of a class each"
    return None


def _is_array(data):
    return hasattr(data, "__array__") or keras.ops.is_tensor(data)


def _as_numpy(labels):
    if keras.ops.is_tensor(labels):
        return keras.ops.convert_to_numpy(labels)
    return np.asarray(labels)
