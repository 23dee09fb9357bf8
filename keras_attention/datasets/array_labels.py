"""Labels in arrays: indices, words, columns, lists, or numbers to predict."""

import numpy as np

from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import column_labels
from keras_attention.datasets.labels import single_label
from keras_attention.datasets.measurements import targets
from keras_attention.datasets.several import are_lists
from keras_attention.datasets.several import list_labels
from keras_attention.internals.arguments import invalid


def check_labels(labels, where, problems, class_names=None, one_hot=False):
    """Labels of an array as `Examples` holds them.

    Args:
        labels: as for `from_arrays`.
        where: sequence of str, what messages call each image.
        problems: `Problems`.
        class_names: sequence of str, as for `from_arrays`. Defaults to `None`.
        one_hot: bool, as for `from_arrays`. Defaults to `False`.

    Returns:
        `(labels, class_names)`.

    Raises:
        ValueError: for labels of another rank, for floats, and for
            `one_hot` beside labels of rank 1.

    Example:

    >>> from keras_attention.datasets.problems import Problems
    >>> problems = Problems("pets")
    >>> check_labels([[0], [2]], ("1", "2"), problems)
    (array([0, 2]), ('0', '1', '2'))
    """
    try:
        listed = labels
        labels = np.asarray(labels)
    except ValueError:  # lists of several lengths
        return list_labels(listed, where, problems, class_names)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # as keras.datasets has them
    if labels.ndim not in (1, 2) or (one_hot and labels.ndim == 1):
        shapes = "(count, classes)" if one_hot else "(count,) or more columns"
        raise ValueError(invalid("labels", labels.shape, shapes))
    if labels.ndim == 2:
        if labels.dtype.kind == "U" and not np.isin(labels, ["0", "1"]).any():
            return list_labels(labels, where, problems, class_names)
        if class_names is None:
            class_names = [str(index) for index in range(labels.shape[1])]
        if len(class_names) != labels.shape[1]:
            expected = f"{labels.shape[1]} names, one for each column of labels"
            raise ValueError(invalid("class_names", class_names, expected))
        return column_labels(labels, where, problems, class_names, one_hot)
    if labels.dtype.kind in "OUS":
        if are_lists(labels, class_names):
            return list_labels(labels, where, problems, class_names)
        return single_label(labels.tolist(), where, problems, class_names)
    return _indices(labels, where, problems, class_names)


def check_numbers(labels, where, problems):
    """Numbers of an array as `Examples` of a regression holds them.

    Args:
        labels: as for `from_arrays`.
        where: sequence of str, what messages call each image.
        problems: `Problems`.

    Returns:
        `(labels, class_names)`, the latter empty.

    Raises:
        ValueError: for numbers of another rank.
    """
    try:
        labels = np.asarray(labels)
    except ValueError:
        labels = np.zeros((0, 0, 0))
    if labels.ndim not in (1, 2):
        expected = "(count,) or (count, targets) where regression=True"
        raise ValueError(invalid("labels", labels.shape, expected))
    names = "label"
    if labels.ndim == 2:
        names = [f"label {column}" for column in range(labels.shape[1])]
    return targets(labels.tolist(), where, problems, names)


def check_dense(labels, where, problems):
    """Raises for an index far above what occurs, whose classes are no classes.

    A number of a patient or a year for a label would else make millions.

    Args:
        labels: int array `(count,)`.
        where: sequence of str, what messages call each.
        problems: `Problems`.
    """
    most = max(1000, 10 * len(np.unique(labels)))
    for row in np.flatnonzero(labels >= most):
        problems.add(
            f"{where[row]}: the label {labels[row]} would make more classes "
            f"than the {len(np.unique(labels))} that occur; pass class_names, "
            "or names as labels"
        )
    problems.raise_any()


def _indices(labels, where, problems, class_names):
    if labels.dtype.kind not in "iub":
        for row in np.flatnonzero(np.isnan(labels)):
            problems.add(f"{where[row]}: the label is missing (nan)")
        problems.raise_any()
        expected = "whole numbers; labels.astype('int64') if that is meant"
        raise ValueError(invalid("labels", labels.dtype.name, expected))
    if class_names is None:
        check_dense(labels, where, problems)
    labels = labels.astype("int64")
    if class_names is None:
        least = max(2, int(labels.max()) + 1)
        class_names = [str(index) for index in range(least)]
    class_names = check_class_names(class_names, least=2)
    for row in np.flatnonzero(labels < 0):
        problems.add(f"{where[row]}: the label {labels[row]} is negative")
    for row in np.flatnonzero(labels >= len(class_names)):
        problems.add(
            f"{where[row]}: the label {labels[row]} is none of 0 to "
            f"{len(class_names) - 1}, the {len(class_names)} classes"
        )
    return labels, class_names
