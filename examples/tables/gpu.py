"""What `benchmarks/gpu.sh` measured on a card."""

import json

from tables.files import BENCHMARKS


def gpu_steps():
    """Milliseconds and share of the card's matrix rate, a network a line."""
    parts = gpu_parts()
    steps = parts["training_step"]["rows"] + parts["more_steps"]["rows"]
    runs = list(dict.fromkeys(row["run"] for row in steps))
    lines = [f"| | {' | '.join(runs)} |", "|---" * (len(runs) + 1) + "|"]
    for case in dict.fromkeys(row["case"] for row in steps):
        of_case = {row["run"]: row for row in steps if row["case"] == case}
        cells = [
            "{ms:.1f} ms, {share_of_matrix_rate:.0%}".format(**of_case[run])
            if run in of_case
            else "-"
            for run in runs
        ]
        lines.append(f"| {case} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gpu_layers():
    """Our layers' time over their peers', forward pass and training step."""
    ratios = {}
    for row in gpu_parts()["beside_timm"]["rows"]:
        key = row["run"], row["layer"], row["peer"]
        ratios.setdefault(key, {})[row["what"]] = f"{row['ratio']:.2f}"
    lines = [
        "| | layer | beside | forward | training step |",
        "|---|---|---|---|---|",
    ]
    for (run, layer, peer), found in ratios.items():
        cells = [found.get(w, "-") for w in ("forward", "training step")]
        lines.append(f"| {run} | `{layer}` | {peer} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gpu_memory():
    """Milliseconds and peak memory of a training step, a size a column."""
    rows = [
        row
        for row in gpu_parts()["memory"]["rows"]
        if row["what"] == "training step"
    ]
    sides = list(dict.fromkeys(row["side"] for row in rows))
    head = ["", "layer", *(f"{side}x{side}" for side in sides)]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for run, layer in dict.fromkeys((r["run"], r["layer"]) for r in rows):
        found = {
            row["side"]: f"{row['ms']:.1f} ms, {row['peak_mb']:,.0f} MB"
            for row in rows
            if (row["run"], row["layer"]) == (run, layer)
        }
        cells = [found.get(side, "-") for side in sides]
        lines.append(f"| {run} | `{layer}` | {' | '.join(cells)} |")
    return "\n".join(lines)


def gpu_device_time():
    """Where a step of VGG16_bn goes, Keras on PyTorch beside PyTorch."""
    found = {"Keras": {}, "PyTorch": {}}
    for row in gpu_parts()["device_time"]["rows"]:
        if row["what"].startswith("VGG16_bn"):
            found[row["of"]][row["operation"]] = row
    lines = ["| | Keras on PyTorch | PyTorch |", "|---|---|---|"]
    cells = [f"{sides['all']['ms']:.1f} ms" for sides in found.values()]
    lines.append(f"| the step | {' | '.join(cells)} |")
    for operation in dict.fromkeys(o for s in found.values() for o in s):
        rows = [found[side].get(operation) for side in found]
        cells = [
            f"{row['card_ms']:.1f} ms in {row['calls']}" if row else "-"
            for row in rows
        ]
        name = "the card works" if operation == "all" else f"`{operation}`"
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def gpu_parity():
    """The largest differences between the card and the processor."""
    groups = {}
    for row in gpu_parts()["parity"]["rows"]:
        key = row["run"], row["kind"], row["dtype"]
        groups.setdefault(key, []).append(row)
    lines = ["| | | dtype | forward | gradient |", "|---|---|---|---|---|"]
    for (run, kind, dtype), rows in groups.items():
        worst = [
            max((row[w] for row in rows if row[w] is not None), default=None)
            for w in ("forward", "gradient")
        ]
        numbers = [f"{x:.0e}" if x is not None else "-" for x in worst]
        cells = [run, f"{len(rows)} {kind}s", dtype, *numbers]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def gpu_parts():
    """The parts of `benchmarks/gpu.sh` on a card, by name."""
    found = json.loads((BENCHMARKS / "gpu.json").read_text())
    return {part["name"]: part for part in found["parts"]}
