"""What networks trained by `train.py` and `finetune.py` reach."""

import json
import statistics

from tables.files import DEMO
from tables.files import FOLDER
from tables.files import IN_THE_PAPER
from tables.files import MODELS
from tables.files import ROOT
from tables.files import by_seed
from tables.files import energy
from tables.files import in_points
from tables.files import read
from tables.files import signed_spread
from tables.files import spread
from tables.files import title
from tables.files import with_interval


def section(folder):
    """A heading and a table for one run."""
    rows, arguments, data = read(folder)
    sizes, size = data["sizes"], arguments["size"]
    settings = (
        f"{size}x{size} pixels, {sizes['train']:,} training and "
        f"{sizes['test']:,} test images, {arguments['width']:g} of VGG16's "
        f"channels, {arguments['epochs']} epochs, `{arguments['attention']}` "
        f"at {' and '.join(arguments['blocks'])}"
    )
    lines = [
        f"### {title(folder)}",
        "",
        f"[{folder.name}](../{folder.relative_to(ROOT).as_posix()}): "
        f"{settings}.",
        "",
        "| | parameters | seconds | accuracy, % | AUC | average precision "
        "| on the object, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for model in MODELS:
        seeds = [row for row in rows if row["model"] == model]
        cells = [
            model,
            f"{seeds[0]['parameters']:,}",
            f"{statistics.mean(row['training_seconds'] for row in seeds):.0f}",
            spread([row["accuracy"] for row in seeds], 100),
            spread([row.get("auc") for row in seeds], 1, 3),
            spread([row.get("average_precision") for row in seeds], 1, 3),
            spread([energy(row) for row in seeds], 100),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    config = (folder / "config.json").relative_to(ROOT).as_posix()
    share, centre = rows[0].get("object_share"), rows[0].get("centre_energy")
    if share is not None:
        lines += ["", f"The object covers {share:.1%} of an image."]
    if centre is not None:
        lines[-1] += f" A map fixed at the centre has {centre:.1%} on it."
    lines += [
        "",
        verdict(rows),
        "",
        f"`python examples/train.py --config {config}`",
    ]
    return "\n".join(lines)


def gains(found):
    """Attention minus uniform in points, a number a seed."""
    return [
        100 * (value - found["uniform"][seed])
        for seed, value in found["attention"].items()
    ]


def verdict(rows):
    """What attention adds to uniform pooling, seed by seed, in plain words."""
    sentences = []
    for measure, name in (("accuracy", "accuracy"), ("auc", "AUC")):
        points = gains(by_seed(rows, measure))
        if not points:
            continue
        text = (
            f"Attention minus uniform, {name}: {statistics.mean(points):+z.1f} "
            f"points ({min(points):+z.1f} to {max(points):+z.1f} over "
            f"{len(points)} seeds)"
        )
        if min(points) <= 0 <= max(points):
            text += "; the seeds do not agree, so no gain is shown"
        elif max(points) < 0:
            text += "; it is worse"
        sentences.append(f"{text}.")
    return " ".join(sentences)


def runs():
    """The folders of all runs on real images."""
    folders = sorted(path.parent for path in FOLDER.glob("train/*/title.txt"))
    return [folder for folder in folders if folder != DEMO]


def results():
    """All runs on real images, one after the other."""
    return "\n\n".join(section(folder) for folder in runs())


def gained():
    """All runs, a line each: what attention adds to uniform pooling."""
    lines = [
        "| | seeds | plain | uniform | attention | attention - uniform |",
        "|---|---|---|---|---|---|",
    ]
    for folder in (DEMO, *runs()):
        found = by_seed(read(folder)[0], "accuracy")
        cells = [title(folder), str(len(found["attention"]))]
        cells += [spread(found[model].values(), 100) for model in MODELS]
        cells.append(signed_spread(gains(found)))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def demo():
    """The demo seed by seed, and how much of each layer is on the digit."""
    rows = read(DEMO)[0]
    seeds = sorted({row["seed"] for row in rows})
    head = ["", "parameters", *(f"seed {seed}" for seed in seeds), "mean"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    found = by_seed(rows, "accuracy")
    for model in MODELS:
        parameters = next(r["parameters"] for r in rows if r["model"] == model)
        values = [found[model][seed] for seed in seeds]
        cells = [model, f"{parameters:,}"]
        cells += [
            f"{100 * value:.1f} %"
            for value in (*values, statistics.mean(values))
        ]
        lines.append(f"| {' | '.join(cells)} |")
    maps = {
        row["seed"]: row["attention"] for row in rows if row.get("attention")
    }
    for layer in maps[seeds[0]]:
        place = layer.removesuffix("_attention").removesuffix("_attn_pool")
        cells = [f"*attention on the digit*, {place}", ""]
        cells += [
            f"{maps[seed][layer]:.0%}".replace("%", " %") for seed in seeds
        ]
        lines.append(f"| {' | '.join(cells)} | |")
    return "\n".join(lines)


def attached():
    """What attention brings to a pretrained network that goes on with it."""
    found = json.loads((FOLDER / "finetune" / "groceries.json").read_text())
    lines = [
        "| | parameters | learning rate | validation, % | test accuracy, % "
        "| minus *longer* |",
        "|---|---|---|---|---|---|",
    ]
    for name, chosen in found["chosen"].items():
        rows = [row for row in found["rows"] if row["model"] == name]
        gain = found["gains"].get(name)
        cells = [
            name,
            f"{rows[0]['parameters']:,}",
            f"{chosen['rate']:g}",
            f"{100 * chosen['validation']:.1f}",
            spread([row["accuracy"] for row in rows], 100),
            in_points(gain) if gain else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def finetuned():
    """Heads on pretrained networks, and what goes on from them, out of fold."""
    lines = []
    for name in ("melanoma", "lite0"):
        path = FOLDER / "finetune" / f"{name}.json"
        part = json.loads(path.read_text())
        reference = part["settings"]["reference"]
        paper = name == "melanoma"
        head = ["", "AUC", "AP", f"AUC - *{reference}*", "p"]
        head += ["on the lesion", "Jaccard", *["paper's AUC"] * paper]
        lines += [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
        for row in part["rows"]:
            difference, p = row["auc_difference"], row["p_value"]
            maps = {
                key: " / ".join(f"{each[key]:.2f}" for each in row["maps"])
                for key in ("energy", "jaccard")
            }
            cells = [
                row["model"],
                with_interval(row["auc"]),
                with_interval(row["average_precision"]),
                with_interval(difference, "+") if difference else "-",
                "-" if p is None else f"{p:.3f}",
                maps["energy"] or "-",
                maps["jaccard"] or "-",
            ]
            if paper:
                cells.append(IN_THE_PAPER.get(row["model"], "-"))
            lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
        lines += tuned_pairs(part["pairs"])
    return "\n".join(lines).rstrip()


def tuned_pairs(pairs):
    """Lines of a table: fine-tuned networks beside others, if there are any."""
    if not pairs:
        return []
    lines = ["| AUC of | minus that of | | p |", "|---|---|---|---|"]
    for pair in pairs:
        difference = with_interval(pair["auc_difference"], "+")
        cells = [pair["model"], pair["reference"], difference]
        lines.append(f"| {' | '.join(cells)} | {pair['p_value']:.3f} |")
    return [*lines, ""]
