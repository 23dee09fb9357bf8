"""Columns of numbers: what a regression predicts, and weights."""

import math

import numpy as np

from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import text_of

# What float32 holds.
_MOST = float(np.finfo("float32").max)


def measurements(values, where, problems, name, least=-math.inf):
    """A column of finite numbers, as a loss takes them.

    Args:
        values: sequence of numbers, or cells with them.
        where: sequence of str, what messages call each row.
        problems: `Problems`, which what is missing, no number, not finite or
            too small is added to.
        name: str, what messages call the column.
        least: float, the smallest number that is allowed. Defaults to `-inf`.

    Returns:
        A float32 array `(count,)`.

    Example:

    >>> from keras_attention.datasets.problems import Problems
    >>> measurements(["0.5", 2], "12", Problems("pets"), "age").tolist()
    [0.5, 2.0]
    """
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
            problems.add(f"{where[row]}: the {name} {fault}")
        elif number < least:
            problems.add(f"{where[row]}: the {name} is {text}, below {least:g}")
        else:
            numbers[row] = number
    return numbers


def targets(values, where, problems, names):
    """What a regression predicts: a column of numbers, or several.

    Args:
        values: cells `(count,)`, or `(count, targets)`.
        where: as for `measurements`.
        problems: as for `measurements`.
        names: str, what messages call the column; or a sequence of them.

    Returns:
        `(labels, class_names)`: float32 `(count,)` or `(count, targets)`, and
        an empty tuple, for there are no classes.
    """
    if isinstance(names, str):
        return measurements(values, where, problems, names), ()
    columns = [
        measurements([row[column] for row in values], where, problems, name)
        for column, name in enumerate(names)
    ]
    return np.stack(columns, axis=-1), ()
