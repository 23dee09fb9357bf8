"""The JSON file as Markdown: `python -m gpu.table results/gpu.json`."""

import json
import pathlib
import sys

STEP = (
    *("run", "case", "batch", "ms", "images_per_s"),
    *("share_of_matrix_rate", "peak_mb", "first_s", "skipped"),
)
COLUMNS = {
    "parity": ("run", "kind", "dtype", "count", "forward", "gradient", "worst"),
    "training_step": STEP,
    "more_steps": STEP,
    "lite0": STEP,
    "beside_timm": (
        *("run", "layer", "peer", "map", "what"),
        *("ours_ms", "peer_ms", "ratio"),
    ),
    "memory": ("run", "layer", "side", "what", "ms", "peak_mb"),
    "search": ("trial", "status", "attention", "val_accuracy", "seconds"),
    "device_time": ("what", "of", "operation", "calls", "card_ms", "ms"),
    "cifar": ("model", "epoch", "test_accuracy", "images_per_s"),
}


def markdown(found):
    """Tables of a report.

    Args:
        found: What the JSON file holds.

    Returns:
        Text: the card and its rates, then every part with its status.
    """
    machine = found["environment"]
    lines = [f"# {machine.get('card') or 'No card'}", ""]
    if found["dry"]:
        lines += ["A dry run, at tiny sizes; no number counts.", ""]
    versions = machine.get("versions", {})
    facts = [f"{name} {number}" for name, number in versions.items()]
    for name in ("driver", "cuda", "matrix_tflops", "copy_tb_per_s", "date"):
        if machine.get(name):
            facts.append(f"{name.replace('_', ' ')} {machine[name]}")
    lines.append(", ".join(facts) + ".")
    for part in found["parts"]:
        lines += ["", f"## {part['title']}", ""]
        lines.append(
            f"{part['seconds']} of {part['limit']} s, {part['status']}."
        )
        rows = _PREPARED.get(part["name"], list)(part["rows"])
        if rows:
            lines += ["", *_table(rows, COLUMNS.get(part["name"], [*rows[0]]))]
    return "\n".join(lines) + "\n"


def _table(rows, columns):
    # A column that nobody filled says nothing.
    columns = [c for c in columns if any(r.get(c) is not None for r in rows)]
    yield f"| {' | '.join(columns).replace('_', ' ')} |"
    yield "|" + "---|" * len(columns)
    for row in rows:
        yield f"| {' | '.join(_cell(row.get(c)) for c in columns)} |"


def _cell(value):
    return "" if value is None else str(value)


def _worst(rows):
    """One row a backend, kind and dtype: the largest differences."""
    groups = {}
    for row in rows:
        key = row["run"], row["kind"], row["dtype"]
        groups.setdefault(key, []).append(row)
    for (run, kind, dtype), group in groups.items():
        gradients = [r["gradient"] for r in group if r["gradient"] is not None]
        worst = max(group, key=lambda row: row["forward"])
        yield {
            "run": run,
            "kind": kind,
            "dtype": dtype,
            "count": len(group),
            "forward": f"{worst['forward']:.0e}",
            "gradient": f"{max(gradients):.0e}" if gradients else None,
            "worst": worst["name"],
        }


def _last(rows):
    """The last row of every network."""
    return list({row["model"]: row for row in rows}.values())


def _searched(rows):
    """What was drawn, in words."""
    for row in rows:
        drawn = row["hyperparameters"]
        place = drawn.get("place", "none")
        what = drawn.get(f"{place}_attention", "")
        yield {**row, "attention": f"{place} {what}".strip()}


_PREPARED = {
    "parity": lambda rows: list(_worst(rows)),
    "search": lambda rows: list(_searched(rows)),
    "cifar": _last,
}


if __name__ == "__main__":
    print(markdown(json.loads(pathlib.Path(sys.argv[1]).read_text())), end="")
