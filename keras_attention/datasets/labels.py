"""Labels as people write them, as the arrays a loss takes.

Words, numbers, or columns of 0 and 1. What is wrong is noted row by row, since
a GPU turns a label out of range into a silent NaN.
"""

import numbers
import re

import numpy as np

from keras_attention.internals.arguments import invalid
from keras_attention.internals.words import did_you_mean
from keras_attention.internals.words import few

# How tables write that nothing is known; lower case.
MISSING = {"", "nan", "na", "n/a", "<na>", "nat", "null", "none"}
# Of so many unknown labels the nearest class is told.
HINTS = 20
TRUE = {"1", "true"}
FALSE = {"0", "false"}


def text_of(value):
    """A cell as text: stripped, whole numbers without their `.0`."""
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    return re.sub(r"^([+-]?\d+)\.0+$", r"\1", str(value).strip())


def is_missing(value):
    """Whether a cell says that nothing is known."""
    return text_of(value).lower() in MISSING


def single_label(values, problems, class_names=None):
    """One class an image: int64 `(count,)`, and the classes."""
    found, class_names = class_indices(values, problems, class_names, one=True)
    return np.array([index or 0 for index in found], "int64"), class_names


def class_indices(values, problems, class_names=None, one=False, rows=None):
    """The class of each word or number, `None` where it is none; and the names.

    Without `class_names` the classes are the values that occur, sorted:
    as numbers if they all are numbers, else as text. With them, a value is
    one of the names; or, where an image has `one` class and no name is a
    number, an index: 0 and 1 are `("benign", "malignant")`. Spaces around a
    value do not count. `rows` are those of the values, each its own if `None`.
    """
    rows = range(len(values)) if rows is None else rows
    least = 2 if one else 1
    texts = _texts(values, rows, problems, class_names)
    if class_names is None:
        class_names = _derive(texts, rows, problems, least)
    else:
        class_names = check_class_names(class_names, least)
    known = {name: index for index, name in enumerate(class_names)}
    if one and all(_number(name) is None for name in class_names):
        known |= {str(i): i for i in range(len(class_names))}
    faults = {}
    for text, row in zip(texts, rows, strict=True):
        if text is None or text in known:
            continue
        if text.lower() in MISSING:
            hint = "; in class_names it would be a class" if text else ""
            problems.at(row, f"the label is missing ({text!r}{hint})")
        elif not _fractional(text):
            if text not in faults:
                # Milliseconds each.
                hint = len(faults) < HINTS
                faults[text] = unknown(text, class_names, hint)
            problems.at(row, faults[text])
        else:
            problems.at(row, f"{text} is a measurement, no class")
    return list(map(known.get, texts)), class_names


def column_labels(values, problems, class_names, one_hot=False):
    """A column of 0 and 1 for each class."""
    class_names = check_class_names(class_names, least=2 if one_hot else 1)
    columns = len(values[0])
    if len(class_names) != columns:
        expected = f"{columns} names, one for each column of labels"
        raise ValueError(invalid("class_names", class_names, expected))
    labels = np.zeros((len(values), len(class_names)), "float32")
    rows, bad = range(len(values)), np.zeros(len(values), bool)
    if isinstance(values, np.ndarray) and values.dtype.kind in "biuf":
        labels[:] = values == 1
        rows = np.flatnonzero((labels != values).any(axis=1)).tolist()
    for row in rows:
        for column, name in enumerate(class_names):
            text = text_of(values[row][column])
            labels[row, column] = text.lower() in TRUE
            if text.lower() not in TRUE | FALSE:
                fault = f"is {text!r}, neither 0 nor 1"
                fault = "is missing" if text.lower() in MISSING else fault
                problems.at(row, f"the label {name!r} {fault}")
                bad[row] = True
    if one_hot:
        ones = labels.sum(axis=1)
        for row in np.flatnonzero((ones != 1) & ~bad).tolist():
            problems.at(row, f"{ones[row]:g} classes are 1, not one")
        labels = labels.argmax(axis=1).astype("int64")
    return labels, class_names


def check_class_names(class_names, least=1):
    """A tuple of at least so many different, non-empty names, or raises."""
    given = class_names
    if isinstance(class_names, np.ndarray):
        class_names = class_names.tolist()
    valid = (
        isinstance(class_names, (list, tuple))
        and all(isinstance(n, str) and n.strip() for n in class_names)
        and len(set(class_names)) == len(class_names) >= least
    )
    if not valid:
        expected = f"at least {least} different names in a list or tuple"
        raise ValueError(invalid("class_names", given, expected))
    return tuple(str(name) for name in class_names)


def unknown(text, class_names, hint=True):
    """What to say of a value that is no class."""
    near = did_you_mean(text, class_names) if hint else ""
    listed = few(class_names, most=8)
    return f"{text!r} is none of the classes {listed}. {near}".rstrip()


def spelled_alike(names):
    """Pairs of names that differ in case alone, or in leading zeros."""
    first, pairs = {}, []
    for name in names:
        number = _number(name)
        key = name.casefold() if number is None else number
        pairs += [(first[key], name)] if key in first else []
        first.setdefault(key, name)
    return pairs


def _texts(values, rows, problems, class_names):
    """The values as text, `None` for what can be no class, which is noted."""
    texts = [text_of(value) for value in values]
    for index, value in enumerate(values):
        fault = _no_word(value)
        if fault and texts[index] not in (class_names or ()):
            problems.at(rows[index], fault)
            texts[index] = None
    return texts


def _no_word(value):
    """Why a value is no class, whatever the classes are; empty if it may be."""
    scalar = isinstance(value, (str, bytes, numbers.Number, np.generic))
    text = text_of(value)
    if text[:1] + text[-1:] in ("{}", "[]") or not (
        scalar or is_missing(value)
    ):
        return f"the label {text[:40]} is neither a word nor a number"
    if re.search("[\0\ud800-\udfff\ufffd]", text):
        return f"the label {text[:40]!r} is no text"
    return ""


def _derive(texts, rows, problems, least):
    """The classes that occur; what cannot be a class is left to the caller."""
    found = {t for t in texts if t is not None and t.lower() not in MISSING}
    if all(_number(name) is not None for name in found):
        whole = [name for name in found if not _fractional(name)]
        names = sorted(whole, key=lambda name: (_number(name), name))
    else:
        names = sorted(found)
    for pair in spelled_alike(names):
        said = [
            f"{problems.places[rows[texts.index(name)]]} says {name!r}"
            for name in pair
        ]
        problems.add(
            f"{', '.join(said)}: pass class_names if these are two classes"
        )
    if len(found) < least:
        what = f"only the class {names[0]!r}" if names else "no classes"
        problems.add(f"there is {what}; at least {least} are needed")
    return tuple(names)


def _number(text):
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def _fractional(text):
    number = _number(text)
    return number is not None and number != round(number)
