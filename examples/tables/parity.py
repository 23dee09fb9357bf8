"""How far numbers are from those of others."""

import json

from tables.files import BENCHMARKS


def kept():
    """Per network, the largest difference over all layers put into it."""
    rows = json.loads((BENCHMARKS / "attach.json").read_text())["rows"]
    exports = {
        "saved_model": "SavedModel",
        "onnx": "ONNX",
        "litert": "LiteRT",
    }
    head = ["network", "layers", "at step 0", "saved, loaded", "detached"]
    head += ["new weights that stay", *exports.values()]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(row["network"] for row in rows):
        found = [row for row in rows if row["network"] == name]
        cells = [f"`{name}`", str(len(found))]
        for what in ("at_start", "saved", "detached"):
            cells.append(f"{max(row[what] for row in found):g}")
        stay = sum(bool(row["unmoved"]) for row in found)
        cells.append(str(stay or "none"))
        cells += [worst(row[key] for row in found) for key in exports]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def worst(differences):
    """The largest of a network's exports, and how many are refused."""
    differences = [value for value in differences if value]
    measured = [value for value in differences if value != "refused"]
    refused = len(differences) - len(measured)
    cells = [max(measured, key=float)] if measured else []
    return ", ".join([*cells, f"{refused} refused"] if refused else cells)


def parity():
    """How far our numbers are from other implementations."""
    return (BENCHMARKS / "parity.md").read_text().strip()
