"""What the columns of a table say of each image."""

import numpy as np

from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import column_labels
from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import nearest
from keras_attention.datasets.labels import text_of
from keras_attention.datasets.measurements import targets
from keras_attention.datasets.several import cell_labels
from keras_attention.datasets.several import word_labels
from keras_attention.internals.arguments import invalid


def check_columns(columns, rows, source):
    """Raises if a table lacks a column."""
    there = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        if name not in there:
            listed = ", ".join(map(repr, there))
            hint = nearest(name, map(str, there))
            if len(there) == 1:
                hint = " Is the delimiter another one?"
            raise ValueError(
                f"{source} has no column {name!r}.{hint} It has {listed}."
            )


def name_in(row, column):
    """The name of a file in a cell, empty if it says that nothing is known."""
    value = row.get(column)
    # Names are taken as they are written: `1.0` is not `1` here.
    return "" if is_missing(value) else str(value).strip()


def labels_of(
    cells, label, problems, regression, separator, one_hot, class_names
):
    """Labels of the rows' cells, and the classes, as the options say."""
    alone = isinstance(label, str)
    values = [row[0] for row in cells] if alone else cells
    if regression:
        _check_regression(separator, one_hot, class_names)
        what = [f"label {name!r}" for name in ([label] if alone else label)]
        return targets(values, problems, what[0] if alone else what)
    if alone:
        if one_hot:
            expected = "False for a label in one column"
            raise ValueError(invalid("one_hot", one_hot, expected))
        if separator is not None:
            return cell_labels(values, problems, separator, class_names)
        return word_labels(values, problems, class_names)
    if separator is not None:
        expected = "None for labels in several columns"
        raise ValueError(invalid("separator", separator, expected))
    names = check_class_names(
        list(label) if class_names is None else class_names
    )
    if len(names) != len(label):
        expected = f"{len(label)} names, one for each column of label"
        raise ValueError(invalid("class_names", class_names, expected))
    return column_labels(cells, problems, names, one_hot)


def _check_regression(separator, one_hot, class_names):
    options = dict(separator=separator, class_names=class_names)
    for name, value in (options | dict(one_hot=one_hot or None)).items():
        if value is not None:
            expected = "None where regression=True"
            raise ValueError(invalid(name, value, expected))


def groups_of(cells, problems, group):
    """The groups of a column as text, none of which may be missing."""
    for row, value in enumerate(cells):
        if is_missing(value):
            problems.at(row, f"the group {group!r} is missing")
    return np.array(list(map(text_of, cells)))
