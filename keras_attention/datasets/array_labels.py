"""Labels in arrays and cells: indices, words, lists, or numbers to predict."""

import ast
import contextlib
import math
import re

import numpy as np

from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import class_indices
from keras_attention.datasets.labels import column_labels
from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import single_label
from keras_attention.datasets.labels import text_of
from keras_attention.internals.arguments import invalid

# What float32 holds.
_MOST = float(np.finfo("float32").max)
# A list of words in quotes or of numbers, as Python, pandas and JSON write it.
_ENTRY = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[\w.]+)"""
LIST = re.compile(rf"\[\s*(?:{_ENTRY}\s*(?:,\s*{_ENTRY}\s*)*,?\s*)?\]")


def measurements(values, problems, name, least=-math.inf):
    """A column of finite numbers, as a loss takes them."""
    numbers = np.zeros(len(values), "float32")
    for row, value in enumerate(values):
        text = text_of(value)
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not abs(number) <= _MOST:
            fault = f"is {text[:40]!r}, no finite number"
            fault = "is missing" if is_missing(value) else fault
            problems.at(row, f"the {name} {fault}")
        elif number < least:
            problems.at(row, f"the {name} is {text}, below {least:g}")
        else:
            numbers[row] = number
    return numbers


def targets(values, problems, names):
    """What a regression predicts: a column of numbers, or several."""
    if isinstance(names, str):
        return measurements(values, problems, names), ()
    columns = [
        measurements([row[column] for row in values], problems, name)
        for column, name in enumerate(names)
    ]
    return np.stack(columns, axis=-1), ()


def list_in(value):
    """The entries of a cell that holds a list, else `None`."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (list, tuple, set, frozenset)):
        return list(value)
    if isinstance(value, str) and LIST.fullmatch(value.strip()):
        try:
            return ast.literal_eval(value.strip())
        except (ValueError, SyntaxError):
            pass  # words without quotes
    return None


def word_labels(values, problems, class_names=None):
    """A class in every cell, or lists where one holds one that is no class."""
    known = class_names or ()
    lists = any(list_in(v) is not None and str(v) not in known for v in values)
    kind = list_labels if lists else single_label
    return kind(values, problems, class_names)


def cell_labels(values, problems, separator, class_names=None):
    """Several classes in a cell, such as `"cat;dog"`; no empty cells.

    That an image shows no class at all is said in columns of 0 and 1.
    """
    if not isinstance(separator, str) or not separator:
        raise ValueError(invalid("separator", separator, "some text"))
    cells = [text_of(value).split(separator) for value in values]
    cells = [[p for p in map(text_of, parts) if p] or "" for parts in cells]
    return list_labels(cells, problems, class_names)


def list_labels(values, problems, class_names=None):
    """A list of classes in every cell; an empty one shows no class."""
    cells = []
    for row, value in enumerate(values):
        found = list_in(value)
        if found is None:
            text = text_of(value)
            fault = f"the label {text!r} is no list, as those of other rows are"
            fault = "the label is missing" if is_missing(value) else fault
            problems.at(row, fault)
        cells.append(found or [])
    rows = [row for row, cell in enumerate(cells) for _ in cell]
    parts = [part for cell in cells for part in cell]
    found, class_names = class_indices(parts, problems, class_names, rows=rows)
    labels = np.zeros((len(cells), len(class_names)), "float32")
    for row, index in zip(rows, found, strict=True):
        if index is not None:
            labels[row, index] = 1
    return labels, class_names


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
        return check_indices(array, problems, class_names)
    if array.dtype.kind == "U" and not np.isin(array, ["0", "1"]).any():
        return list_labels(array, problems, class_names)
    if class_names is None:
        class_names = [str(index) for index in range(array.shape[1])]
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


def check_indices(labels, problems, class_names, boxes_of=None):
    """Indices as int64, each of a class; one an image, or one a box of it."""
    if labels.dtype.kind not in "iub":
        for row in np.flatnonzero(np.isnan(labels)):
            problems.at(row, "the label is missing (nan)")
        problems.raise_any()
        expected = "whole numbers; labels.astype('int64') if that is meant"
        raise ValueError(invalid("labels", labels.dtype.name, expected))

    def note(index, fault):
        box = "" if boxes_of is None else f"box {index}: "
        row = index if boxes_of is None else boxes_of[index]
        problems.at(row, f"{box}the label {labels[index]} {fault}")

    least = 2 if boxes_of is None else 1
    if class_names is None:
        count = len(np.unique(labels))
        # A number of a patient or a year for a label would make millions.
        for index in np.flatnonzero(labels >= max(1000, 10 * count)):
            note(
                index,
                f"would make more classes than the {count} that occur; pass "
                "class_names, or names as labels",
            )
        problems.raise_any()
        most = labels.max(initial=least - 1)
        class_names = [str(index) for index in range(most + 1)]
    class_names = check_class_names(class_names, least)
    classes = len(class_names)
    wrong = (labels < 0) | (labels >= classes)
    for index in np.flatnonzero(wrong):
        fault = f"is none of 0 to {classes - 1}, the {classes} classes"
        note(index, "is negative" if labels[index] < 0 else fault)
    return np.where(wrong, 0, labels).astype("int64"), class_names
