"""Pictures from noise, and looking closer."""

import json
import statistics

from tables.files import FOLDER
from tables.files import spread

MEASURES = (
    ("right", 100, 1),
    ("inception_score", 1, 2),
    ("frechet_distance", 1, 2),
    ("kernel_distance", 1, 3),
)
JUDGES = {"own": "", "efficientnet_lite0": ", by Lite0"}


def generated():
    """What generators draw, beside real images and noise."""
    folder = FOLDER / "generate"
    found = json.loads((folder / "results.json").read_text())
    rows, references = found["rows"], found["references"]
    lines = [
        "| | parameters | seeds | right, % | inception score "
        "| Frechet distance | kernel distance |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == name]
        cells = [name, f"{own[0]['parameters']['generator']:,}", str(len(own))]
        cells += [
            spread([row["by"]["own"][key] for row in own], scale, digits)
            for key, scale, digits in MEASURES
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for judge, suffix in JUDGES.items():
        for name in ("test images", "training images", "noise"):
            measured = references[judge][name]
            cells = [f"*{name}*{suffix}", "-", "-"]
            cells += [
                f"{scale * measured[key]:.{digits}f}"
                if key in measured
                else "-"
                for key, scale, digits in MEASURES
            ]
            lines.append(f"| {' | '.join(cells)} |")
    for judge, suffix in JUDGES.items():
        of_judge = references[judge]
        sizes = [
            f"{size['frechet_distance']:.2f} and {size['inception_score']:.2f} "
            f"of {size['images']:,}"
            for size in (*of_judge["sizes"][:2], of_judge["test images"])
        ]
        lines += [
            "",
            f"The size of the sample alone{suffix}: of real images the "
            f"distance and the score are {', '.join(sizes)}.",
        ]
    lines += [
        "",
        "| attention, seed | generator's gain | discriminator's gain "
        "| right by uniform weights, points | by another image's |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        if "gains" not in row:
            continue
        gains = [f"{row['gains'][part]:+.3f}" for part in row["parameters"]]
        replaced = {one["replaced_by"]: one for one in row["replaced"]}
        changes = [
            "{:+.1f} ({:+.1f} to {:+.1f})".format(
                *(100 * x for x in replaced[what]["accuracy_change"])
            )
            for what in ("uniform", "another")
        ]
        cells = [str(row["seed"]), *gains, *changes]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def generation_controls():
    """The block beside its controls, one seed each."""
    path = FOLDER / "generate" / "controls.json"
    lines = [
        "| | right, % | inception score | Frechet distance | kernel distance |",
        "|---|---|---|---|---|",
    ]
    for row in json.loads(path.read_text())["rows"]:
        measured = row["by"]["own"]
        cells = [
            f"{scale * measured[key]:.{digits}f}"
            for key, scale, digits in MEASURES
        ]
        lines.append(f"| {' | '.join([row['network'], *cells])} |")
    return "\n".join(lines)


def glimpses():
    """A few patches beside all pixels, a network a line."""
    path = FOLDER / "glimpses" / "results.json"
    found = json.loads(path.read_text())
    trained, sizes = (
        sorted({row["canvas"] for row in found[part]})
        for part in ("rows", "costs")
    )
    head = ["test accuracy, %, CPU seconds, canvas of"]
    head += [f"{size:,}" for size in trained]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(row["model"] for row in found["rows"]):
        cells = []
        for canvas in trained:
            key = name, canvas
            rows = [
                r for r in found["rows"] if (r["model"], r["canvas"]) == key
            ]
            cell = spread([row["accuracy"] for row in rows], 100)
            seconds = [r["cpu_seconds"] for r in rows if "cpu_seconds" in r]
            if seconds:
                cell += f", {statistics.mean(seconds):.0f} s"
            cells.append(cell)
        lines.append(f"| *{name}* | {' | '.join(cells)} |")
    head = ["canvas of", *(f"{size:,}" for size in sizes)]
    lines += ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for name in dict.fromkeys(row["model"] for row in found["costs"]):
        cells = []
        for size in sizes:
            key = name, size
            rows = (
                r for r in found["costs"] if (r["model"], r["canvas"]) == key
            )
            cells.append(" / ".join(map(glimpse_costs, rows)) or "-")
        lines.append(f"| *{name}* | {' | '.join(cells)} |")
    ratios = {}
    for row in found.get("timing", ()):
        text = f"{row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        key = row["width"], row["model"], row["what"]
        ratios.setdefault(key, {})[row["canvas"]] = text
    if ratios:
        head = [f"seconds, {found['timing'][0]['beside']} = 1", "", "channels"]
        head += [f"{size:,}" for size in sizes]
        lines += ["", f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for (width, name, what), row in ratios.items():
        cells = [f"*{name}*", what, f"{width:g}"]
        cells += [row.get(size, "-") for size in sizes]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def glimpse_costs(row):
    """Operations of an image, and the memory of steps."""
    above = (row[w] - row["before_mb"] for w in ("training_mb", "inference_mb"))
    training, inference = above
    return f"{row['gflops']:.2f} GFLOP, {training:,.0f} MB, {inference:,.0f} MB"
