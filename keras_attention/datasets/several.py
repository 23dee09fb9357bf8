"""Several classes in a cell, as people write them."""

import ast
import re

import numpy as np

from keras_attention.datasets.labels import class_indices
from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import single_label
from keras_attention.datasets.labels import text_of
from keras_attention.internals.arguments import invalid

# A list of words in quotes or of numbers, as Python, pandas and JSON write it.
_ENTRY = r"""(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|-?[\w.]+)"""
LIST = re.compile(rf"\[\s*(?:{_ENTRY}\s*(?:,\s*{_ENTRY}\s*)*,?\s*)?\]")


def list_in(value):
    """The entries of a cell that holds a list, else `None`.

    >>> list_in("['cat', 'dog']"), list_in(["cat"]), list_in("[cat]")
    (['cat', 'dog'], ['cat'], None)
    """
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


def are_lists(values, class_names=None):
    """Whether cells hold lists: one does, and is no name of a class.

    >>> are_lists(["cat", "['dog']"]), are_lists(["a", "[1]"], ("a", "[1]"))
    (True, False)
    """
    return any(
        list_in(value) is not None and str(value) not in (class_names or ())
        for value in values
    )


def word_labels(values, problems, class_names=None):
    """A class in every cell, or a list of them if a cell holds one."""
    kind = list_labels if are_lists(values, class_names) else single_label
    return kind(values, problems, class_names)


def cell_labels(values, problems, separator, class_names=None):
    """Several classes in a cell, such as `"cat;dog"`; no empty cells.

    That an image shows no class at all is said in columns of 0 and 1.
    """
    if not isinstance(separator, str) or not separator:
        raise ValueError(invalid("separator", separator, "some text"))
    cells = []
    for row, value in enumerate(values):
        text = text_of(value)
        parts = [] if is_missing(value) else text.split(separator)
        cells.append([part for part in map(text_of, parts) if part])
        if not cells[-1]:
            problems.at(row, f"the label is missing ({text!r})")
    return _several(cells, problems, class_names)


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
    return _several(cells, problems, class_names)


def _several(cells, problems, class_names):
    """Float32 `(count, classes)` of 0 and 1, and the classes."""
    rows = [row for row, cell in enumerate(cells) for _ in cell]
    parts = [part for cell in cells for part in cell]
    found, class_names = class_indices(parts, problems, class_names, rows=rows)
    labels = np.zeros((len(cells), len(class_names)), "float32")
    for row, index in zip(rows, found, strict=True):
        if index is not None:
            labels[row, index] = 1
    return labels, class_names
