"""Columns of numbers: what a regression predicts, and weights."""

import math

import numpy as np

from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import text_of

# What float32 holds.
_MOST = float(np.finfo("float32").max)


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
