"""Numbers with intervals, to print, to show and to save."""

import dataclasses
import json

import numpy as np

from keras_attention.internals.table import csv_text
from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table
from keras_attention.metrics.bootstrap import bootstrap_interval


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredTable:
    """What was measured of maps or layers: a row each.

    Attributes:
        rows: list of dict of name to str, int, float, `None` where there is no
            answer, or `[mean, low, high]` of what was measured image by image.
        settings: dict, of the arguments.
        notes: list of str, what to know when reading it.
    """

    rows: list
    settings: dict
    notes: list

    def to_json(self):
        """`{"rows": [...], "settings": {...}, "notes": [...]}`."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    def to_csv(self):
        """One line a row; a number with an interval has three columns."""
        # Where a row has no answer, another may have one.
        spread = {n for row in self.rows for n in row if is_interval(row[n])}
        records = []
        for row in self.rows:
            record = {}
            for name, value in row.items():
                if name in spread:
                    ends = ("", "_low", "_high")
                    for end, part in zip(
                        ends, value or [None] * 3, strict=True
                    ):
                        record[name + end] = part
                else:
                    record[name] = value
            records.append(record)
        return csv_text(records)

    def __str__(self):
        return "\n".join([text_table(*self._table()), *self.notes])

    def _repr_html_(self):
        notes = [[note] for note in self.notes]
        table = html_table(*self._table())
        return table + (html_table(["note"], notes) if notes else "")

    def _table(self):
        header = [name.replace("_", " ") for name in self.rows[0]]
        return header, [[*map(cell, row.values())] for row in self.rows]


def measured(values, **draws):
    """`[mean, low, high]` of the images that have an answer, or `None`.

    Args:
        values: array `(batch,)`, NaN where there is none.
        **draws: arguments of `bootstrap_interval`.

    Example:

    >>> measured(np.array([0.0, 0.5, np.nan]), repeats=50)
    [0.25, 0.0, 0.5]
    """
    values = np.asarray(values, "float64")
    known = ~np.isnan(values)
    if not known.any():
        return None
    mean = np.mean if known.all() else np.nanmean  # which is slower
    interval = bootstrap_interval(mean, values, **draws)
    return [float(values[known].mean()), *interval]


def is_interval(value):
    """Whether it is `[mean, low, high]`."""
    return isinstance(value, list)


def cell(value):
    """A value in a table.

    >>> cell([0.25, 0.0, 0.5]), cell(None), cell(3)
    ('0.250 (0.000 to 0.500)', '-', '3')
    """
    if value is None:
        return "-"
    if is_interval(value):
        mean, low, high = (f"{number:.3f}" for number in value)
        return f"{mean} ({low} to {high})"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
