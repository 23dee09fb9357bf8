"""`fit(class_weight=)`, checked: Keras takes what it cannot mean in silence.

A key that is no class weighs nothing, and of labels that are not one class an
image Keras takes the largest for the class.
"""

import keras
import keras_tuner
import numpy as np

from keras_attention.internals import arguments


def check_class_weight(class_weight, data, kind, classes):
    """Ends a search whose class weights would be wrong or without effect.

    Args:
        class_weight: dict of the index of a class to its weight, or `None`.
        data: what `supervised` returns.
        kind: str, `labels` of the `Task`.
        classes: int, the number of classes, or `None`.

    Raises:
        ValueError: One that ends a search.

    Example:

    >>> data = np.zeros((2, 8, 8, 1)), np.array([0, 1])
    >>> check_class_weight({0: 1.0, 2: 5.0}, data, "index", 2)
    Traceback (most recent call last):
    ...
    keras_tuner...FatalValueError: Invalid value for argument class_weight: ...
    """
    if class_weight is None:
        return
    try:
        _check(class_weight, data, kind, classes)
    except ValueError as error:
        raise keras_tuner.errors.FatalValueError(str(error)) from error


def _check(class_weight, data, kind, classes):
    if kind in ("multi_label", "number") or classes is None:
        expected = (
            "None, for outputs that are not one class an image. Pass weights "
            "of the images, (x, y, weights), or a loss with weights"
        )
        raise ValueError(_invalid(class_weight, expected))
    expected = (
        f"a dictionary from some of 0 to {classes - 1} to numbers above 0"
    )
    if not isinstance(class_weight, dict) or not class_weight:
        raise ValueError(_invalid(class_weight, expected))
    for key, weight in class_weight.items():
        try:
            index = arguments.non_negative_int("class_weight", key)
            arguments.positive_float("class_weight", weight)
        except ValueError as error:
            raise ValueError(_invalid(class_weight, expected)) from error
        if index >= classes:
            raise ValueError(_invalid(class_weight, expected))
    element = _first_of(data)
    if element is None:
        expected = (
            "None for data that are neither arrays nor tf.data nor a "
            "PyDataset, which Keras does not weigh by class"
        )
        raise ValueError(_invalid(class_weight, expected))
    if len(element) > 2 and element[2] is not None:
        expected = "None beside the weights that the data have already"
        raise ValueError(_invalid(class_weight, expected))
    if kind == "any" and not _is_one_class(element[1]):
        expected = (
            "None for labels that are not one class an image, as an index or "
            "one-hot"
        )
        raise ValueError(_invalid(class_weight, expected))


def _first_of(data):
    """Arrays, the first batch or what a pipeline says of it."""
    if isinstance(data, tuple):
        return data
    if isinstance(data, keras.utils.PyDataset):
        return data[0]
    return getattr(data, "element_spec", None)


def _is_one_class(labels):
    """Of arrays by their values, of a pipeline by the shape alone."""
    shape = getattr(labels, "shape", None)
    if shape is None:
        return False
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return True
    if len(shape) != 2 or not hasattr(labels, "__array__"):
        return False
    labels = np.asarray(labels)
    return bool(
        ((labels == 0) | (labels == 1)).all() and (labels.sum(1) == 1).all()
    )


def _invalid(class_weight, expected):
    return arguments.invalid("class_weight", class_weight, expected)
