"""The outcome of a comparison, to print, to show and to save."""

import dataclasses
import json

from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found: a table that can be printed, shown and saved.

    Attributes:
        rows: list of one dict a model, of plain numbers: `model`, `parameters`,
            `training_seconds` or `None`, `images` (how many were tested),
            `accuracy`, `auc`, `average_precision` and `ece` (see `roc_auc`,
            `average_precision` and `expected_calibration_error`; `None` where
            the test set has too few classes for them, and for outputs that are
            infinite), `images_per_second`, `attention` (dictionary of layer
            to the mean share of attention on the object, or `None` for a model
            without spatial attention and for a test set without masks),
            `excluded` (dictionary of layer to the number of images without such
            a share, or `None`; see `attention_energy`), and for reading that
            share `centre_energy` and `object_share` (what a map fixed at the
            centre and a uniform map would have, the latter being the mean share
            of the image that the object covers; `None` without masks).
        environment: dict, versions and machine, for whoever reads the seconds.
    """

    rows: list
    environment: dict

    def to_json(self):
        """`{"rows": [...], "environment": {...}}`, for `results.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    def __str__(self):
        tables = [text_table(*table) for table in self._tables()]
        return "\n".join(["\n\n".join(tables), *self._notes()])

    def _repr_html_(self):
        tables = [html_table(*table) for table in self._tables()]
        notes = [[note] for note in self._notes()]
        return "".join(tables) + (html_table(["note"], notes) if notes else "")

    def _tables(self):
        """Cost and answers; where the attention falls, if that is known."""
        columns = {
            "model": lambda row: row["model"],
            "parameters": lambda row: f"{row['parameters']:,}",
            "seconds": lambda row: _number(row["training_seconds"]),
            "images/s": lambda row: _number(row["images_per_second"]),
            "accuracy": lambda row: _percent(row["accuracy"]),
            "AUC": lambda row: _decimals(row.get("auc")),
            "AP": lambda row: _decimals(row.get("average_precision")),
            "ECE": lambda row: _decimals(row.get("ece")),
        }
        cells = [[cell(row) for cell in columns.values()] for row in self.rows]
        shown = [
            number
            for number in range(len(columns))
            if any(row[number] != "-" for row in cells)
        ]
        header = [list(columns)[number] for number in shown]
        tables = [(header, [[row[n] for n in shown] for row in cells])]
        attention = self._attention()
        if attention:
            tables.append((["attention on the object", "share"], attention))
        return tables

    def _attention(self):
        lines = [
            [f"{row['model']}, {layer}", _percent(energy)]
            for row in self.rows
            for layer, energy in (row["attention"] or {}).items()
        ]
        # The same for every model: one test set, one answer.
        baselines = {
            "(a map fixed at the centre)": "centre_energy",
            "(a uniform map)": "object_share",
        }
        row = self.rows[0] if lines else {}
        for name, key in baselines.items():
            if row.get(key) is not None:
                lines.append([name, _percent(row[key])])
        return lines

    def _notes(self):
        return [
            f"{row['model']}, {layer}: {count} of {row['images']} images left "
            "out, without known object or attention"
            for row in self.rows
            for layer, count in (row["excluded"] or {}).items()
            if count
        ]


def _percent(share):
    return "-" if share is None else f"{share:.1%}"


def _decimals(value):
    return "-" if value is None else f"{value:.3f}"


def _number(value):
    return "-" if value is None else f"{value:,.{0 if value >= 100 else 1}f}"
