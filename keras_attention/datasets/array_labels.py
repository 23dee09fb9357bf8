"""Labels in arrays: indices, words, columns, lists, or numbers to predict."""

import contextlib

import numpy as np

from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import column_labels
from keras_attention.datasets.measurements import targets
from keras_attention.datasets.several import list_labels
from keras_attention.datasets.several import word_labels
from keras_attention.internals.arguments import invalid


def check_labels(labels, problems, class_names=None, one_hot=False):
    """Labels of an array as `Examples` holds them, and the classes."""
    array = _array(labels)
    if array is None:  # lists of several lengths
        return list_labels(labels, problems, class_names)
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]  # as keras.datasets has them
    if array.ndim not in (1, 2) or (one_hot and array.ndim == 1):
        shapes = "(count, classes)" if one_hot else "(count,) or more columns"
        raise ValueError(invalid("labels", array.shape, shapes))
    if array.ndim == 1:
        if array.dtype.kind in "OUS":
            return word_labels(array.tolist(), problems, class_names)
        return _indices(array, problems, class_names)
    if array.dtype.kind == "U" and not np.isin(array, ["0", "1"]).any():
        return list_labels(array, problems, class_names)
    columns = array.shape[1]
    if class_names is None:
        class_names = [str(index) for index in range(columns)]
    if len(class_names) != columns:
        expected = f"{columns} names, one for each column of labels"
        raise ValueError(invalid("class_names", class_names, expected))
    return column_labels(array, problems, class_names, one_hot)


def check_numbers(labels, problems):
    """Numbers of an array as `Examples` of a regression holds them."""
    array = _array(labels)
    shape = (0, 0, 0) if array is None else array.shape
    if len(shape) not in (1, 2):
        expected = "(count,) or (count, targets) where regression=True"
        raise ValueError(invalid("labels", shape, expected))
    names = "label"
    if array.ndim == 2:
        names = [f"label {column}" for column in range(shape[1])]
    return targets(array.tolist(), problems, names)


def _array(labels):
    """As an array, or `None` of lists of several lengths."""
    with contextlib.suppress(ValueError):
        return np.asarray(labels)


def check_dense(labels, problems, owners=None):
    """Raises for an index far above what occurs, whose classes are no classes.

    A number of a patient or a year for a label would else make millions.
    `owners` are the rows of boxes that the labels are of.
    """
    classes = len(np.unique(labels))
    for index in np.flatnonzero(labels >= max(1000, 10 * classes)):
        row, box = index, ""
        if owners is not None:
            row, box = owners[index], f"box {index}: "
        problems.at(
            row,
            f"{box}the label {labels[index]} would make more classes than the "
            f"{classes} that occur; pass class_names, or names as labels",
        )
    problems.raise_any()


def _indices(labels, problems, class_names):
    """Indices as int64, each of a class."""
    if labels.dtype.kind not in "iub":
        for row in np.flatnonzero(np.isnan(labels)):
            problems.at(row, "the label is missing (nan)")
        problems.raise_any()
        expected = "whole numbers; labels.astype('int64') if that is meant"
        raise ValueError(invalid("labels", labels.dtype.name, expected))
    if class_names is None:
        check_dense(labels, problems)
        most = max(1, int(labels.max()))
        class_names = [str(index) for index in range(most + 1)]
    class_names = check_class_names(class_names, least=2)
    labels = labels.astype("int64")
    classes = len(class_names)
    for row in np.flatnonzero((labels < 0) | (labels >= classes)):
        fault = f"none of 0 to {classes - 1}, the {classes} classes"
        fault = "negative" if labels[row] < 0 else fault
        problems.at(row, f"the label {labels[row]} is {fault}")
    return labels, class_names
