"""The outcome of a comparison, to print, to show and to save."""

import dataclasses
import json

from keras_attention.metrics.table import html_table
from keras_attention.metrics.table import text_table


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """What `compare` found: a table that can be printed, shown and saved.

    Attributes:
        rows: One dictionary a model, of plain numbers: `model`,
            `parameters`, `training_seconds` or `None`, `images` (how many
            were tested), `accuracy`, `images_per_second`, `attention`
            (dictionary of layer to the mean share of attention on the object,
            or `None` for a model without spatial attention and for a test set
            without masks), `excluded` (dictionary of layer to the number of
            images without such a share; see `attention_energy`),
            `object_share` (mean share of the image that the object covers,
            where there is one; `None` without masks).
        environment: Versions and machine, for whoever reads the seconds.
    """

    rows: list
    environment: dict

    def to_json(self):
        """`{"rows": [...], "environment": {...}}`, for `results.json`."""
        return json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)

    def __str__(self):
        notes = "".join("\n" + note for note in self._notes())
        return text_table(*self._table()) + notes

    def _repr_html_(self):
        notes = html_table(["note"], [[note] for note in self._notes()])
        return html_table(*self._table()) + (notes if self._notes() else "")

    def _table(self):
        columns = {
            "model": lambda row: row["model"],
            "parameters": lambda row: f"{row['parameters']:,}",
            "seconds": lambda row: _number(row["training_seconds"]),
            "images/s": lambda row: _number(row["images_per_second"]),
            "accuracy": lambda row: _percent(row["accuracy"]),
            "attention on object": _attention_cell,
            "object's share": lambda row: _percent(row["object_share"]),
        }
        if all(row["training_seconds"] is None for row in self.rows):
            del columns["seconds"]
        if all(row["object_share"] is None for row in self.rows):
            del columns["attention on object"], columns["object's share"]
        cells = [[cell(row) for cell in columns.values()] for row in self.rows]
        return list(columns), cells

    def _notes(self):
        return [
            f"{row['model']}, {layer}: {count} of {row['images']} images left "
            "out, without object or attention"
            for row in self.rows
            for layer, count in (row["excluded"] or {}).items()
            if count
        ]


def _attention_cell(row):
    if row["attention"] is None:
        return "-"
    width = max(map(len, row["attention"]))
    return "\n".join(
        f"{layer:<{width}} {_percent(energy):>6}"
        for layer, energy in row["attention"].items()
    )


def _percent(share):
    return "-" if share is None else f"{share:.1%}"


def _number(value):
    return "-" if value is None else f"{value:,.{0 if value >= 100 else 1}f}"
