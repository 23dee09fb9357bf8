"""The numbers of a report, to print, to show, to save and to typeset."""

import dataclasses
import json
import re

import numpy as np

from keras_attention.internals.table import csv_text
from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table

#: Titles of what has an interval.
_MEASURED = {
    "AUC": "auc",
    "AP": "average_precision",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "balanced accuracy": "balanced_accuracy",
}
_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
}


@dataclasses.dataclass(frozen=True, eq=False)
class ScoresReport:
    """What `report` found.

    Attributes:
        rows: list of one dict a model: `model`, `images`, `positives`; `auc`,
            `average_precision`, `sensitivity`, `specificity` and
            `balanced_accuracy`, each `[value, low, high]`; `threshold`,
            `temperature`, `ece`, `ece_at_temperature`; `auc_difference`
            (`[value, low, high]` or `None`) and `p_value`.
        settings: dict, of the arguments, and `chosen_on_these_images`.
        labels: bool array `(count,)`.
        scores: dict of name to probabilities of class 1 `(count,)`.
    """

    rows: list
    settings: dict
    labels: np.ndarray
    scores: dict

    @property
    def thresholds(self):
        """From which score on an image is positive, by model."""
        return {row["model"]: row["threshold"] for row in self.rows}

    @property
    def temperatures(self):
        """By what log-probabilities are divided, by model."""
        return {row["model"]: row["temperature"] for row in self.rows}

    def to_json(self):
        """`{"rows": [...], "settings": {...}}`."""
        found = {"rows": self.rows, "settings": self.settings}
        return json.dumps(found, indent=2, allow_nan=False)

    def to_csv(self):
        """One line a model; a number with an interval has three columns."""
        records = []
        for row in self.rows:
            record = {}
            for name, value in row.items():
                if name in (*_MEASURED.values(), "auc_difference"):
                    for end, part in zip(
                        ("", "_low", "_high"), value or [None] * 3, strict=True
                    ):
                        record[name + end] = part
                else:
                    record[name] = value
            records.append(record)
        return csv_text(records)

    def to_latex(self):
        """A `tabular` for `\\usepackage{booktabs}`."""
        header, rows = self._table()
        lines = [
            " & ".join(map(_escaped, cells)) + r" \\"
            for cells in (header, *rows)
        ]
        columns = "l" + "r" * (len(header) - 1)
        return "\n".join(
            [
                rf"\begin{{tabular}}{{{columns}}}",
                r"\toprule",
                lines[0],
                r"\midrule",
                *lines[1:],
                r"\bottomrule",
                r"\end{tabular}",
                "",
            ]
        )

    def __str__(self):
        return "\n".join([text_table(*self._table()), *self._notes()])

    def _repr_html_(self):
        notes = [[note] for note in self._notes()]
        return html_table(*self._table()) + html_table(["note"], notes)

    def _table(self):
        header = ["model", *_MEASURED, "ECE", "at temperature"]
        against = self.settings["reference"]
        if against is not None:
            header += [f"AUC - {against}", "p"]
        rows = []
        for row in self.rows:
            cells = [row["model"]]
            cells += [_interval(row[key]) for key in _MEASURED.values()]
            cells += [f"{row['ece']:.3f}", f"{row['ece_at_temperature']:.3f}"]
            if against is not None:
                p = row["p_value"]
                cells += [
                    _interval(row["auc_difference"], "+"),
                    "-" if p is None else f"{p:.3f}",
                ]
            rows.append(cells)
        return header, rows

    def _notes(self):
        row, settings = self.rows[0], self.settings
        drawn = "images"
        if settings["groups"]:
            drawn = f"{settings['groups']} groups"
        notes = [
            f"{row['images']} images, {row['positives']} positive; intervals "
            f"hold {settings['level']:.0%} of {settings['repeats']} draws of "
            f"{drawn}"
        ]
        here = " and ".join(settings["chosen_on_these_images"])
        if here:
            notes.append(
                f"{here} were chosen on these images themselves (specificity "
                f"{settings['specificity']:g}): what depends on them is "
                "optimistic"
            )
        return notes


def _interval(found, sign=""):
    if found is None:
        return "-"
    value, low, high = (f"{number:{sign}.3f}" for number in found)
    return f"{value} ({low} to {high})"


def _escaped(text):
    return re.sub(r"[\\~^&%$#_{}]", lambda found: _SPECIAL[found[0]], text)
