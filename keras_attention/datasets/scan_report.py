"""What a scan found, to print, to show and to save."""

import collections
import dataclasses
import itertools

import numpy as np

from keras_attention.internals.files import write_text
from keras_attention.internals.page import page
from keras_attention.internals.page import section
from keras_attention.internals.table import csv_text
from keras_attention.internals.table import html_table
from keras_attention.internals.table import text_table

COLUMNS = ("file", "part", "kind", "reason", "action")
# How many are shown, in a terminal and on a page, of each kind.
IN_TEXT, ON_PAGE = 5, 500
# Sizes of images that have a line of their own.
_SIZES = 5
_CLASSES = 20
_NOTHING = "Nothing was found."


@dataclasses.dataclass(frozen=True, eq=False)
class ScanReport:
    """What `scan` found: printed, a text; in a notebook, tables.

    Attributes:
        rows: list of one dict a finding: `file` (a path, or the example's
            name), `part` (int), `kind`, `reason` and `action` (`"left out"`,
            `"moved to ..."`, `"not moved: ..."` or `""`).
        examples: tuple of `Examples`, the parts without faults.
        tables: list of tuples `(title, header, rows)`: what there is of images
            and of classes.
    """

    rows: list
    examples: tuple
    tables: list

    def to_csv(self, path):
        """Writes `rows`, comma-separated, whole or not at all.

        Args:
            path: str or path.
        """
        write_text(path, csv_text(self.rows, COLUMNS))

    def to_html(self, path):
        """Writes a page of its own, whole or not at all.

        Args:
            path: str or path.
        """
        write_text(path, page("Scan", self._repr_html_()))

    def __str__(self):
        lines = []
        for _, header, rows in self.tables:
            lines.append(text_table(header, rows[:_CLASSES]))
            lines += [*_more(rows, _CLASSES), ""]
        for kind, rows in self._by_kind():
            lines += [f"{kind}: {len(rows):,}", *map(_line, rows[:IN_TEXT])]
            lines += [f"  {line}" for line in _more(rows, IN_TEXT)]
        return "\n".join(lines + [_NOTHING] * (not self.rows))

    def _repr_html_(self):
        parts = [
            section(title, html_table(header, rows))
            for title, header, rows in self.tables
        ]
        for kind, rows in self._by_kind():
            cells = [
                [row["file"], str(row["part"]), row["reason"], row["action"]]
                for row in rows[:ON_PAGE]
            ]
            cells += [[line, "", "", ""] for line in _more(rows, ON_PAGE)]
            table = html_table(["file", "part", "reason", "action"], cells, 4)
            parts.append(section(f"{kind}: {len(rows):,}", table))
        return "".join(parts) + f"<p>{_NOTHING}</p>" * (not self.rows)

    def _by_kind(self):
        kinds = {}
        for row in self.rows:
            kinds.setdefault(row["kind"], []).append(row)
        return kinds.items()


def tables(examples, left, checked):
    """The tables of a report, a column for each part."""
    parts = [f"part {part}" for part in range(len(examples))]
    facts = map(_facts, examples, left, checked)
    counts = [
        dict(zip(these.class_names, class_counts(these), strict=True))
        for these in left
    ]
    found = [
        ("Images", ["images", *parts], _side_by_side(list(facts), "0")),
        ("Classes", ["class", *parts], _side_by_side(counts, "-")),
    ]
    return [table for table in found if table[2]]


def _side_by_side(columns, missing):
    """Rows of what stands in dicts."""
    labels = dict.fromkeys(itertools.chain(*columns))
    return [
        [
            label if label.isprintable() else repr(label),
            *(str(column.get(label, missing)) for column in columns),
        ]
        for label in labels
    ]


def class_counts(these):
    """How many examples each class has, a list of int."""
    if these.regression:
        return []
    if these.multi_label:
        return these.labels.sum(axis=0).astype(int).tolist()
    return np.bincount(these.labels, minlength=these.classes).tolist()


def _facts(these, left, checked):
    headers = [one.header for one in checked if one.header]
    facts = {"examples": len(these), "left out": len(these) - len(left)}
    if left.groups is not None:
        facts["groups"] = len(set(left.groups.tolist()))
    if left.masks is not None:
        known = left.has_mask
        facts["with a mask"] = len(left) if known is None else int(known.sum())
    if left.boxes is not None:
        facts["boxes"] = sum(map(len, left.boxes))
        facts["without a box"] = sum(not len(box) for box in left.boxes)
    if left.multi_label:
        facts["without a class"] = int((left.labels.sum(axis=1) == 0).sum())
    found = collections.Counter(
        fact for header in headers for fact in header.facts
    )
    # Formats and modes, then what is rare.
    facts.update(
        sorted(found.items(), key=lambda fact: (" " not in fact[0], fact))
    )
    sizes = collections.Counter(header.size for header in headers)
    if sizes:
        facts["smallest"] = _by(min(sizes, key=np.prod))
        facts["largest"] = _by(max(sizes, key=np.prod))
        facts["sizes"] = len(sizes)
    for size, count in sizes.most_common(_SIZES):
        facts[f"of {_by(size)}"] = count
    return facts


def _by(size):
    return f"{size[0]} x {size[1]}"


def words(row):
    """A finding in one line."""
    # Most reasons name the file.
    named = not row["file"] or repr(row["file"]) in row["reason"]
    file = "" if named else f"{row['file']!r}: "
    return f"part {row['part']}, {file}{row['reason']}"


def _line(row):
    action = row["action"] and f" ({row['action']})"
    return f"  {words(row)}{action}"


def _more(rows, most):
    """How many were not shown, a list of a line or of none."""
    return [f"... and {len(rows) - most:,} more"] if len(rows) > most else []
