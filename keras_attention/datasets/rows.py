"""The rows of a table, from a CSV file or from dicts."""

import collections.abc
import csv
import os
import pathlib

from keras_attention.datasets.problems import Problems
from keras_attention.internals.arguments import invalid


def read_rows(table, delimiter=","):
    """The rows of a table, dicts, and `Problems` that calls them by line.

    Of a CSV file with a header, in UTF-8, or an iterable of dicts, of which
    the rows are numbered from 0.

    >>> problems, rows = read_rows([{"image": "a", "label": 1}])
    >>> problems.places, rows
    (['row 0'], [{'image': 'a', 'label': 1}])
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
