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

    Takes what `supervised` returned, and `labels` and `classes` of the `Task`.

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
