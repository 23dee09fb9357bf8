"""Labels and weights of classes, checked before anything is trained on them."""

import keras
import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.internals import arguments
from keras_attention.tuning.trial.supervised import classes_of
from keras_attention.tuning.trial.supervised import supervised


def check_labels(name, data, kind, classes):
    """Ends a search whose labels no trial could learn.

    Looks at arrays and `Examples`; batches are not asked for. `name` is the
    argument of `search`, `kind` the `labels` of the `Task`.

    >>> data = np.ones((2, 8, 8, 1)), np.array([0, 2])
    >>> check_labels("train", data, "index", classes=2)
    Traceback (most recent call last):
    ...
    keras_tuner...FatalValueError: Invalid labels in train: ...
    """
    data = _arrays_of(data)
    if data is None:
        return
    if len(data) < 2 or data[1] is None:
        raise keras_tuner.errors.FatalValueError(
            f"There are no labels in {name}. Pass {name}=(x, y). Received: "
            f"{name}=x alone"
        )
    _check_weights(name, data, kind)
    labels = _labels_of(data)
    if labels is None:
        return
    problem = _problem(labels, kind, classes)
    if problem:
        raise keras_tuner.errors.FatalValueError(
            f"Invalid labels in {name}: {problem}. Received: labels of shape "
            f"{labels.shape} and dtype {labels.dtype}"
        )


def majority_share(data):
    """The accuracy of who always says the most frequent class.

    `None` for batches, which are not asked for, and for labels that are not one
    class an image: several, or numbers to predict.

    >>> majority_share((np.zeros((4, 8, 8, 1)), np.array([0, 1, 1, 1])))
    0.75
    """
    data = _arrays_of(data)
    labels = _labels_of(data) if data and len(data) > 1 else None
    classes = None if labels is None else classes_of(labels)
    if classes is None or not classes.size:
        return None
    _, counts = np.unique(classes, return_counts=True)
    return float(counts.max() / classes.size)


def _arrays_of(data):
    """`(x, y)` or `(x, y, w)` of what is in memory, else `None`."""
    if isinstance(data, Examples):
        found = data.images, data.labels, data.weights
        return found if found[2] is not None else found[:2]
    if isinstance(data, dict | list):
        data = supervised(data)
    if _is_array(data):
        data = (data,)
    return data if isinstance(data, tuple) else None


def _labels_of(data):
    """The labels of the only output, `None` where there are several."""
    labels = data[1]
    if isinstance(labels, list):
        several = labels and _is_array(labels[0]) and np.ndim(labels[0])
        return None if several else _as_numpy(labels)
    return _as_numpy(labels) if _is_array(labels) else None


def _check_weights(name, data, kind):
    if len(data) < 3 or not _is_array(data[2]):
        return
    weights, count = _as_numpy(data[2]), len(data[0])
    # Maps have weights of their pixels.
    fit = weights.shape == (count,) or (kind == "any" and len(weights) == count)
    if not (fit and np.isfinite(weights).all() and (weights >= 0).all()):
        raise keras_tuner.errors.FatalValueError(
            f"Invalid weights in {name}: expected a finite number of at least "
            f"0 for each of {count} images. Received: weights of shape "
            f"{weights.shape}"
        )


def _problem(labels, kind, classes):
    if labels.dtype.kind not in "biuf":
        return (
            "expected numbers, the index of a class each. Give names their "
            "index, as np.unique(y, return_inverse=True)[1] does"
        )
    if kind == "any" or not labels.size:
        return None
    low, high = labels.min(), labels.max()
    if kind == "multi_label":
        if labels.shape[1:] != (classes,):
            return (
                f"multi_label=True expects the shape (count, {classes}), for "
                f"classes={classes}"
            )
        if not (low >= 0 and high <= 1):
            return f"expected 0 or 1, but they go from {low} to {high}"
        return None
    if labels.shape[1:] not in ((), (1,)):
        if kind == "number":
            return "one output expects a number an image, of shape (count,)"
        return (
            "expected the index of a class for every image, of shape "
            "(count,). Pass y.argmax(-1) for one-hot labels, or multi_label="
            "True where an image has several"
        )
    if kind == "number":
        finite = np.isfinite(labels).all()
        return None if finite else "expected finite numbers"
    if not (low >= 0 and high <= classes - 1):
        return (
            f"classes={classes} expects 0 to {classes - 1}, but they go from "
            f"{low} to {high}. Count from 0, or raise classes"
        )
    if kind == "index" and (labels % 1).any():
        return "expected whole numbers, the index of a class each"
    return None


def _is_array(data):
    return hasattr(data, "__array__") or keras.ops.is_tensor(data)


def _as_numpy(labels):
    if keras.ops.is_tensor(labels):
        return keras.ops.convert_to_numpy(labels)
    return np.asarray(labels)


def check_class_weight(class_weight, data, kind, classes):
    """Ends a search whose class weights would be wrong or without effect.

    Keras takes them in silence: a key that is no class weighs nothing, and of
    labels that are not one class an image the largest is the class. Takes what
    `supervised` returned, and `labels` and `classes` of the `Task`.

    >>> data = np.zeros((2, 8, 8, 1)), np.array([0, 1])
    >>> check_class_weight({0: 1.0, 2: 5.0}, data, "index", 2)
    Traceback (most recent call last):
    ...
    keras_tuner...FatalValueError: Invalid value for argument class_weight: ...
    """
    if class_weight is None:
        return
    expected = _expected(class_weight, data, kind, classes)
    if expected:
        raise keras_tuner.errors.FatalValueError(
            arguments.invalid("class_weight", class_weight, expected)
        )


def _expected(class_weight, data, kind, classes):
    """What would have been right, `None` if it is."""
    if kind in ("multi_label", "number") or classes is None:
        return (
            "None, for outputs that are not one class an image. Pass weights "
            "of the images, (x, y, weights), or a loss with weights"
        )
    if not isinstance(class_weight, dict) or not class_weight:
        return _dictionary(classes)
    try:
        for key, weight in class_weight.items():
            arguments.non_negative_int("class_weight", key)
            arguments.positive_float("class_weight", weight)
    except ValueError:
        return _dictionary(classes)
    if max(class_weight) >= classes:
        return _dictionary(classes)
    # Arrays, the first batch, or what a pipeline says of all.
    element = data if isinstance(data, tuple) else None
    if isinstance(data, keras.utils.PyDataset):
        element = data[0]
    element = element or getattr(data, "element_spec", None)
    if element is None:
        return (
            "None for data that are neither arrays nor tf.data nor a "
            "PyDataset, which Keras does not weigh by class"
        )
    if len(element) > 2 and element[2] is not None:
        return "None beside the weights that the data have already"
    if kind == "any" and not _is_one_class(element[1]):
        return "None for labels that are neither an index nor one-hot"
    return None


def _dictionary(classes):
    return f"a dictionary from some of 0 to {classes - 1} to numbers above 0"


def _is_one_class(labels):
    """Of arrays by their values, of a pipeline by the shape alone."""
    shape = getattr(labels, "shape", ())
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return True
    if len(shape) != 2 or not hasattr(labels, "__array__"):
        return False
    labels = np.sort(labels, axis=1)
    return bool((labels[:, -1] == 1).all() and (labels[:, :-1] == 0).all())
