"""The rows of a table, and what its columns say of each image."""

import collections.abc
import csv
import os
import pathlib

import numpy as np

from keras_attention.datasets.array_labels import cell_labels
from keras_attention.datasets.array_labels import targets
from keras_attention.datasets.array_labels import word_labels
from keras_attention.datasets.labels import column_labels
from keras_attention.datasets.labels import is_missing
from keras_attention.datasets.labels import text_of
from keras_attention.datasets.problems import Problems
from keras_attention.internals.arguments import invalid
from keras_attention.internals.words import did_you_mean


def read_rows(table, delimiter=","):
    """The rows of a table, dicts, and `Problems` that calls them by line.

    Of a CSV file with a header, in UTF-8, or an iterable of dicts, of which
    the rows are numbered from 0.
    """
    if isinstance(table, (str, os.PathLike)):
        problems, rows = _read_csv(pathlib.Path(table), delimiter)
    else:
        rows = list(table)
        for row in rows:
            if not isinstance(row, collections.abc.Mapping):
                raise ValueError(
                    "A row of the table is a dict, as frame.to_dict("
                    f"'records') makes of a data frame. Received: {row!r}"
                )
        places = [f"row {index}" for index in range(len(rows))]
        problems = Problems("The table", places)
    if not rows:
        raise ValueError(f"{problems.source} is empty: it has no rows.")
    return problems, rows


def _read_csv(path, delimiter):
    if not isinstance(delimiter, str) or len(delimiter) != 1:
        raise ValueError(invalid("delimiter", delimiter, "one character"))
    problems, rows = Problems(path.name, []), []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, delimiter=delimiter, strict=True)
            header = next(reader, [])
            twice = sorted({n for n in header if header.count(n) > 1})
            if twice:
                raise ValueError(f"{path.name} has two columns {twice[0]!r}.")
            for cells in reader:
                if not cells:
                    continue  # an empty line
                problems.places.append(f"line {reader.line_num}")
                rows.append(dict(zip(header, cells, strict=False)))
                if len(cells) != len(header):
                    problems.at(
                        len(rows) - 1,
                        f"the header has {len(header)} cells, this line "
                        f"{len(cells)}",
                    )
    except OSError as error:
        expected = f"a CSV file that can be read ({error.strerror})"
        raise ValueError(invalid("table", str(path), expected)) from error
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path.name} is not in UTF-8: {error}. Save it as CSV in UTF-8 "
            "or pass its rows, pandas.read_csv(...).to_dict('records')."
        ) from error
    except csv.Error as error:
        line = reader.line_num
        raise ValueError(f"{path.name}, line {line}: {error}.") from error
    problems.raise_any()
    return problems, rows


def check_columns(columns, rows, source):
    """Raises if a table lacks a column."""
    there = list(dict.fromkeys(name for row in rows for name in row))
    for name in columns:
        if name not in there:
            listed = ", ".join(map(repr, there))
            hint = did_you_mean(name, map(str, there))
            if len(there) == 1:
                hint = "Is the delimiter another one? "
            raise ValueError(
                f"{source} has no column {name!r}. {hint}It has {listed}."
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
        options = dict(separator=separator, class_names=class_names)
        for name, value in (options | dict(one_hot=one_hot or None)).items():
            if value is not None:
                expected = "None where regression=True"
                raise ValueError(invalid(name, value, expected))
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
    names = list(label) if class_names is None else class_names
    return column_labels(cells, problems, names, one_hot)


def groups_of(cells, problems, group):
    """The groups of a column as text, none of which may be missing."""
    for row, value in enumerate(cells):
        if is_missing(value):
            problems.at(row, f"the group {group!r} is missing")
    return np.array(list(map(text_of, cells)))
