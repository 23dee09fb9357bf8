"""Rows of numbers in one file, which runs of the same settings add to."""

import json

from keras_attention.internals.files import write_text


def opened(path, settings):
    """What the file holds so far.

    Raises:
        ValueError: The file has rows of other settings.
    """
    if not path.exists():
        return {"settings": settings, "rows": []}
    found = json.loads(path.read_text())
    if found["settings"] != settings:
        raise ValueError(
            f"{path} has rows of other settings. Choose another --output."
        )
    return found


def missing(path, settings, runs):
    """Those of the runs, each a dict, that no row begins with."""
    rows = opened(path, settings)["rows"]
    return [
        run for run in runs if not any(run.items() <= x.items() for x in rows)
    ]


def add(path, settings, rows):
    """Adds rows to those that are there by now, and prints them."""
    print(json.dumps(rows, indent=1), flush=True)
    found = opened(path, settings)
    found["rows"] += rows
    write_text(path, json.dumps(found, indent=1) + "\n")
