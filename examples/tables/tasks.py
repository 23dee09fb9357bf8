"""Pictures from noise, and looking closer."""

import json

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
    for judge, suffix in JUDGES.items():
        for name in dict.fromkeys(row["network"] for row in rows):
            own = [row for row in rows if row["network"] == name]
            parameters = f"{own[0]['parameters']['generator']:,}"
            cells = [name + suffix, parameters, str(len(own))]
            cells += [
                spread([row["by"][judge][key] for row in own], scale, digits)
                if key in own[0]["by"][judge]
                else "-"
                for key, scale, digits in MEASURES
            ]
            lines.append(f"| {' | '.join(cells)} |")
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
        if "replaced" not in row:
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


def glimpses():
    """A few patches beside all pixels, a network a line."""
    path = FOLDER / "glimpses" / "results.json"
    found = json.loads(path.read_text())
    tables = (
        ("test accuracy, %, canvas of", found["rows"], accuracies),
        (
            f"a step with {found['compiled'][0]['batch']} images | ",
            found["compiled"],
            compiled_step,
        ),
        (
            f"steps with {found['costs'][0]['batch']} images",
            found["costs"],
            process,
        ),
    )
    return "\n\n".join(by_canvas(*table) for table in tables)


def by_canvas(title, rows, cell):
    """A table: a line for a network and what it does, a column a canvas."""
    sizes = sorted({row["canvas"] for row in rows})
    cells = {}
    for row in rows:
        names = [f"*{row['model']}*", *([row["what"]] if "what" in row else [])]
        own = cells.setdefault(tuple(names), {})
        own.setdefault(row["canvas"], []).append(row)
    head = f"| {title} | {' | '.join(f'{size:,}' for size in sizes)} |"
    lines = [head, "|---" * (head.count("|") - 1) + "|"]
    for names, own in cells.items():
        values = [cell(own[size]) if size in own else "-" for size in sizes]
        lines.append(f"| {' | '.join([*names, *values])} |")
    return "\n".join(lines)


def accuracies(rows):
    """Of all seeds."""
    return f"{spread([row['accuracy'] for row in rows], 100)}, {len(rows)}"


def compiled_step(rows):
    """Time as a share of the first network's, in turns, and memory."""
    (row,) = rows
    return (
        f"{row['seconds']:.2f} s, {row['ratio']:.3f} ({row['low']:.3f} to "
        f"{row['high']:.3f}); {row['mb']:,.0f} MB"
    )


def process(rows):
    """Operations of an image, and what steps add to a process."""
    (row,) = rows
    above = (row[w] - row["before_mb"] for w in ("training_mb", "inference_mb"))
    training, inference = above
    return f"{row['gflops']:.2f} GFLOP, {training:,.0f} MB, {inference:,.0f} MB"
