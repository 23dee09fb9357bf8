"""Several classes in a cell, as people write them."""

import ast
import re

import numpy as np

from keras_attention.datasets.labels import check_class_names
from keras_attention.datasets.labels import derive
from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import text_of
from keras_attention.datasets.labels import unknown
from keras_attention.datasets.labels import words_of
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


def cell_labels(values, where, problems, separator, class_names=None):
    """Several classes in a cell, such as `"cat;dog"`.

    An empty cell is a missing label; that an image shows no class at all is
    said in columns of 0 and 1.

    Args:
        values: sequence of cells.
        where: as for `single_label`.
        problems: as for `single_label`.
        separator: str, between the classes of a cell.
        class_names: sequence of str, as for `single_label`. Defaults to `None`.

    Returns:
        `(labels, class_names)`: float32 `(count, classes)` of 0 and 1, and a
        tuple of str.

    Raises:
        ValueError: if `separator` is no text.

    Example:

    >>> from keras_attention.datasets.problems import Problems
    >>> problems = Problems("pets")
    >>> cell_labels(["cat;dog", "dog"], "12", problems, ";")[0].tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    if not isinstance(separator, str) or not separator:
        raise ValueError(invalid("separator", separator, "some text"))
    cells = []
    for row, value in enumerate(values):
        parts = [text_of(part) for part in text_of(value).split(separator)]
        cells.append([part for part in parts if part])
        if is_missing(value) or not cells[-1]:
            problems.add(
                f"{where[row]}: the label is missing ({text_of(value)!r})"
            )
            cells[-1] = []
    return _several(cells, where, problems, class_names)


def list_labels(values, where, problems, class_names=None):
    """A list of classes in every cell, such as `["cat", "dog"]`.

    An empty list is an image that shows no class.

    Args:
        values: sequence of lists, or of texts such as `"['cat', 'dog']"`.
        where: as for `single_label`.
        problems: as for `single_label`.
        class_names: sequence of str, as for `single_label`. Defaults to `None`.

    Returns:
        As `cell_labels`.

    Example:

    >>> from keras_attention.datasets.problems import Problems
    >>> problems = Problems("pets")
    >>> list_labels([["cat", "dog"], "['dog']"], "12", problems)[0].tolist()
    [[1.0, 1.0], [0.0, 1.0]]
    """
    cells = []
    for row, value in enumerate(values):
        found = list_in(value)
        if found is None:
            text = text_of(value)
            fault = f"the label {text!r} is no list, as those of other rows are"
            fault = "the label is missing" if is_missing(value) else fault
            problems.add(f"{where[row]}: {fault}")
        cells.append(found or [])
    return _several(cells, where, problems, class_names)


def _several(cells, where, problems, class_names):
    """Labels of lists of words."""
    cells = [
        words_of(cell, [where[row]] * len(cell), problems, class_names)
        for row, cell in enumerate(cells)
    ]
    cells = [[part for part in cell if part is not None] for cell in cells]
    if class_names is None:
        flat = [part for cell in cells for part in cell]
        rows = [w for w, cell in zip(where, cells, strict=True) for _ in cell]
        class_names = derive(flat, rows, problems, least=1)
    else:
        class_names = check_class_names(class_names, least=1)
    labels = np.zeros((len(cells), len(class_names)), "float32")
    for row, cell in enumerate(cells):
        for part in cell:
            if part in class_names:
                labels[row, class_names.index(part)] = 1
            else:
                problems.add(f"{where[row]}: {unknown(part, class_names)}")
    return labels, class_names
