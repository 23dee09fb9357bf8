"""The tables of the pages, made of the committed JSON files.

    python examples/results.py          # prints them
    python examples/results.py --write  # and puts them into README.md and docs

Between `<!-- name -->` and `<!-- end of name -->` a page has the table of that
name. A folder in examples/results/train holds one run of train.py: results.json
with one row a trained network, config.json with its settings, title.txt; the
other folders of examples/results hold runs of the scripts of their names. The
files in benchmarks/results come from the scripts beside them.
"""

import argparse
import functools
import itertools
import json
import pathlib
import statistics

ROOT = pathlib.Path(__file__).parent.parent
FOLDER = ROOT / "examples" / "results"
BENCHMARKS = ROOT / "benchmarks" / "results"
MODELS = ("plain", "uniform", "attention")
DEMO = FOLDER / "train" / "cluttered_digits"


def read(folder):
    """`(rows, arguments, data)` of one run."""
    results = json.loads((folder / "results.json").read_text())
    config = json.loads((folder / "config.json").read_text())
    return results["rows"], config["arguments"], config["data"]


def spread(values, scale=1.0, digits=1):
    """`mean (least to most)`, or a dash where nothing was measured."""
    values = [scale * value for value in values if value is not None]
    if not values:
        return "-"
    low, high = min(values), max(values)
    mean = statistics.mean(values)
    return f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


def energy(row):
    """The attention on the object, by the layer that has most of it there."""
    return max((row.get("attention") or {"": None}).values())


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


def title(folder):
    """What the folder calls itself."""
    if folder == DEMO:
        return "Digits among clutter"
    return (folder / "title.txt").read_text().strip()


def by_seed(rows, measure):
    """`{model: {seed: value}}` of what was measured."""
    return {
        model: {
            row["seed"]: row[measure]
            for row in rows
            if row["model"] == model and row.get(measure) is not None
        }
        for model in MODELS
    }


def gains(found):
    """Attention minus uniform in points, a number a seed."""
    return [
        100 * (value - found["uniform"][seed])
        for seed, value in found["attention"].items()
    ]


def signed_spread(points):
    """`mean (least to most)` with signs, and no minus before 0.0."""
    low, high = min(points), max(points)
    return f"{statistics.mean(points):+z.1f} ({low:+z.1f} to {high:+z.1f})"


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


def in_points(gain):
    """`mean (low to high)` of a gain with its interval, in points."""
    numbers = [100 * x for x in (gain["mean"], *gain["interval"])]
    return "{:+z.1f} ({:+z.1f} to {:+z.1f})".format(*numbers)


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


def place():
    """Kinds of heads by depth, on maps of a network that was not trained."""
    lines = []
    for found in place_data():
        measure = f"{found['measure']}{PERCENT[found['measure']][1]}"
        train, validation, test = found["images"]
        seeds = len({row["seed"] for row in found["rows"]})
        lines += [
            f"**{found['data'].capitalize()}**, test {measure}, {seeds} "
            f"seeds; {train:,} training, {validation} validation and "
            f"{test:,} test images:",
            "",
            *place_table(found),
            "",
            *place_gains(found),
            "",
        ]
        if found["baselines"]:
            lines += [place_attention(found), ""]
    return "\n".join(lines).rstrip()


PERCENT = {"accuracy": (100, " in %", 1), "AUC": (1, "", 3)}


def place_data():
    """What `place.py` wrote of each data set."""
    path = FOLDER / "place" / "results.json"
    return json.loads(path.read_text())["data"]


def place_scores(found):
    """`{(place, condition): [score, one a seed]}`."""
    scores = {}
    for row in found["rows"]:
        key = row["place"], row["condition"]
        scores.setdefault(key, []).append(row["score"])
    return scores


def place_table(found):
    """A line a kind of head, a column a place; the best mean is bold."""
    scale, _, digits = PERCENT[found["measure"]]
    scores = place_scores(found)
    head = [
        f"`{place}` {'x'.join(map(str, shape))}"
        for place, shape in found["maps"].items()
    ]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    best = {
        place: max(
            (c for p, c in scores if p == place),
            key=lambda c, place=place: statistics.mean(scores[place, c]),
        )
        for place in found["maps"]
    }
    for condition in found["chosen"]:
        cells = [condition]
        for place in found["maps"]:
            text = spread(scores[place, condition], scale, digits)
            bold = best[place] == condition
            cells.append(f"**{text}**" if bold else text)
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def place_gains(found):
    """Attention minus the control, with the interval of the images."""
    lines = [
        "| minus *1x1, uniform* | " + " | ".join(found["maps"]) + " |",
        "|---" * (len(found["maps"]) + 1) + "|",
    ]
    for condition in found["chosen"]:
        gains = [found["gains"][p].get(condition) for p in found["maps"]]
        if not all(gains):
            continue  # the control itself
        cells = map(in_points, gains)
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return lines


def place_attention(found):
    """Where attention falls, beside the two maps that look at nothing."""
    base = found["baselines"]
    lines = [
        f"Share of the attention on the object, in % of {base['images']} test "
        f"images with masks; a map fixed at the centre has "
        f"{base['centre']:.1%} on it, a uniform one {base['uniform']:.1%}:",
        "",
        f"| | {' | '.join(found['maps'])} |",
        "|---" * (len(found["maps"]) + 1) + "|",
    ]
    for condition in found["chosen"]:
        cells = [
            spread(
                [
                    row.get("on_object")
                    for row in found["rows"]
                    if (row["place"], row["condition"]) == (place, condition)
                ],
                100,
                0,
            )
            for place in found["maps"]
        ]
        if cells[0] != "-":
            lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)


def place_search():
    """The winner of the search on cached maps, and the two beside it."""
    found = json.loads((FOLDER / "place_search/results.json").read_text())
    lines = [
        "| head | trials | validation, in the search | fresh seeds | test |",
        "|---|---|---|---|---|",
    ]
    for row in found["networks"]:
        cells = [row["network"], str(row["trials"])]
        cells.append(f"{100 * row['searched']:.1f}")
        cells.append(spread(row["val_accuracy"], 100))
        cells.append(spread(row["test_accuracy"], 100))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def detected():
    """Detectors on digits: what they find, and what attention changes."""
    rows = []
    for folder, suffix in (("detect", ""), ("detect_detr", ", 40 epochs")):
        path = FOLDER / folder / "results.json"
        for row in json.loads(path.read_text())["rows"]:
            rows.append({**row, "detector": row["detector"] + suffix})
    lines = [
        "| detector | parameters | seeds | mAP@.5, % | mAP, % | VOC, % |",
        "|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys(row["detector"] for row in rows):
        own = [row for row in rows if row["detector"] == name]
        cells = [name, f"{own[0]['parameters']:,}", str(len(own))]
        cells += [over_seeds(own, key) for key in ("map50", "map", "voc")]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def over_seeds(rows, key):
    """A percentage, with its spread if there are several seeds."""
    values = [100 * row[key] for row in rows]
    return f"{values[0]:.1f}" if len(values) == 1 else spread(values)


# mAP@.5 on BCCD's test images as the authors of CST-YOLO (ICIP 2024) report it,
# from images of 640 pixels.
OF_OTHERS = {
    "RT-DETR, ResNet-50": (None, None, None, 0.875),
    "YOLOv7": (0.977, 0.829, 0.883, 0.896),
    "YOLOv5x": (0.977, 0.877, 0.915, 0.923),
    "CST-YOLO": (0.984, 0.869, 0.928, 0.927),
}


def blood_cells():
    """What is found in photographs, beside published numbers."""
    found = json.loads((FOLDER / "detect_cells" / "results.json").read_text())
    classes = "WBC", "RBC", "Platelets"
    lines = [
        f"| detector | {' | '.join(classes)} | mAP@.5, % "
        "| 95 % of test draws | mAP, % |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        cells = [f"{row['detector']}, frozen EfficientNet-Lite0"]
        values = [row["per_class"][name]["ap50"] for name in classes]
        cells += [f"{100 * x:.1f}" for x in (*values, row["map50"])]
        low, high = found["intervals"][row["detector"]]["map50"]
        cells.append(f"{100 * low:.1f} to {100 * high:.1f}")
        cells.append(f"{100 * row['map']:.1f}")
        lines.append(f"| {' | '.join(cells)} |")
    for name, values in OF_OTHERS.items():
        cells = ["-" if x is None else f"{100 * x:.1f}" for x in values]
        lines.append(f"| *{name}* | {' | '.join(cells)} | - | - |")
    return "\n".join(lines)


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
    keys = ("right", 100, 1), ("inception_score", 1, 2)
    keys += ("frechet_distance", 1, 2), ("kernel_distance", 1, 3)
    for name in dict.fromkeys(row["network"] for row in rows):
        own = [row for row in rows if row["network"] == name]
        cells = [name, f"{own[0]['parameters']['generator']:,}", str(len(own))]
        cells += [
            spread([row[key] for row in own], scale, digits)
            for key, scale, digits in keys
        ]
        lines.append(f"| {' | '.join(cells)} |")
    for name in ("test images", "training images", "noise"):
        cells = [f"*{name}*", "-", "-"]
        cells += [
            f"{scale * references[name][key]:.{digits}f}"
            if key in references[name]
            else "-"
            for key, scale, digits in keys
        ]
        lines.append(f"| {' | '.join(cells)} |")
    sizes = [
        f"{size['frechet_distance']:.2f} and {size['inception_score']:.2f} of "
        f"{size['images']:,}"
        for size in references["sizes"]
    ]
    lines += [
        "",
        "The size of the sample alone: of real images the distance and the "
        f"score are {', '.join(sizes)}.",
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


# AUC on ISIC 2017's test images, from the paper's page.
IN_THE_PAPER = {
    "VGG-16": ".824",
    "VGG-16-GAP": ".834",
    "Mel-CNN": ".854",
    "AttnMel-CNN": ".872",
    "AttnMel-CNN-Lesion": ".883",
    "AttnMel-CNN-Bkg": ".849",
}


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


def segmented(folder="segment"):
    """A U-Net with gates beside three ways to do without."""
    path = FOLDER / folder / "results.json"
    found = json.loads(path.read_text())
    lines = [
        "| | parameters | Dice | IoU | gates - this, Dice |",
        "|---|---|---|---|---|",
    ]
    for model in dict.fromkeys(row["model"] for row in found["rows"]):
        rows = [row for row in found["rows"] if row["model"] == model]
        gain = found["gains"].get(model)
        cells = [
            model,
            f"{rows[0]['parameters']:,}" if "parameters" in rows[0] else "1",
            *(
                spread([row[key] for row in rows], 1, 3)
                if len(rows) > 1
                else f"{rows[0][key]:.3f}"
                for key in ("dice", "iou")
            ),
            with_interval([gain["mean"], *gain["interval"]], "+")
            if gain
            else "-",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| gate of | map | on the object, % | lift | mean weight |",
        "|---|---|---|---|---|",
    ]
    gates = [row["gates"] for row in found["rows"] if row["model"] == "gates"]
    for name in reversed(gates[0]):
        values = [row[name] for row in gates]
        cells = [
            f"`{name.removesuffix('_gate')}`",
            "x".join(map(str, values[0]["map"])),
            spread([value["energy"] for value in values], 100),
            spread([value["lift"] for value in values], 1, 2),
            spread([value["mean_weight"] for value in values], 1, 2),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def with_interval(found, sign=""):
    """`value (low to high)`."""
    value, low, high = (f"{number:{sign}.3f}" for number in found)
    return f"{value} ({low} to {high})"


def on_objects():
    """Where attention falls at one depth, on three kinds of images."""
    path = FOLDER / "place_attention/results.json"
    written = json.loads(path.read_text())
    columns = list(written["data"])
    for found in place_data():
        if found["baselines"]:
            rows = [r for r in found["rows"] if r["place"] == written["place"]]
            base = {"trained_on": found["data"], **found["baselines"]}
            columns.append({"data": found["data"], **base, "rows": rows})
    head = [
        f"{c['data']}, {c['images']} images; trained on {c['trained_on']}"
        for c in columns
    ]
    lines = [f"| | {' | '.join(head)} |", "|---" * (len(head) + 1) + "|"]
    for name, key in (("uniform map", "uniform"), ("at the centre", "centre")):
        cells = [f"{100 * column[key]:.0f}" for column in columns]
        lines.append(f"| *{name}* | {' | '.join(cells)} |")
    for condition in dict.fromkeys(r["condition"] for r in columns[0]["rows"]):
        cells = [
            spread(
                [
                    row["on_object"]
                    for row in column["rows"]
                    if row["condition"] == condition
                ],
                100,
                0,
            )
            for column in columns
        ]
        lines.append(f"| {condition} | {' | '.join(cells)} |")
    return "\n".join(lines)


def explained():
    """Maps of networks beside maps that know nothing of them."""
    measures = ("deletion", "insertion", "pointing_game", "lift", "auroc")
    names = " | ".join(name.replace("_", " ") for name in measures)
    lines = [f"| images | map | {names} |", "|---" * (len(measures) + 2) + "|"]
    for data in ("coco", "lesions", "groceries", "melanoma"):
        path = FOLDER / "explain" / data / "results.json"
        found = json.loads(path.read_text())["faithfulness"]
        for row in found["rows"]:
            cells = [row.get(name) for name in measures]
            cells = ["-" if c is None else with_interval(c) for c in cells]
            name = row["map"].strip("()").replace("_", " ")
            lines.append(f"| {data} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def captions():
    """Digits put into words, and which word looks at the digit."""
    path = FOLDER / "caption" / "cluttered_digits" / "results.json"
    rows = json.loads(path.read_text())["rows"]
    forms = {True: "a three at the top left", False: "three at the top left"}
    lines = [
        "| captions | beam | seeds | word for word, % | digits named, % "
        "| BLEU-4 |",
        "|---" * 6 + "|",
    ]
    sizes = sorted({row["beam_size"] for row in rows})
    for articles, size in itertools.product(forms, sizes):
        chosen = (articles, size)
        found = [r for r in rows if (r["articles"], r["beam_size"]) == chosen]
        if not found:
            continue
        cells = [forms[articles], str(size), str(len(found))]
        cells += [
            spread([row[key] for row in found], scale, digits)
            for key, scale, digits in (
                ("exact_match", 100, 1),
                ("digits_named", 100, 1),
                ("bleu_4", 1, 3),
            )
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| captions | seed | word | on the digit, % | lift "
        "| digits named, % | without its look, % |",
        "|---" * 7 + "|",
    ]
    for row in rows:
        if row["beam_size"] > 1:
            continue
        for word in ("article", "name"):
            share = row.get(f"on_digit_{word}")
            if share is None:
                continue
            cells = [forms[row["articles"]], str(row["seed"]), word]
            cells += [f"{100 * share:.1f}", f"{share / row['uniform']:.2f}"]
            cells += [
                f"{100 * row[key]:.1f}" if key in row else "-"
                for key in ("digits_named", f"named_without_{word}")
            ]
            lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def caption_attention():
    """Captions with soft, hard and no attention on the same frozen maps."""
    path = FOLDER / "caption" / "attention" / "results.json"
    rows = json.loads(path.read_text())["rows"]
    found = {}
    for row in rows:
        found.setdefault(row["attention"], {})[row["seed"]] = row
    lines = [
        "| attention | seeds | word for word, % | digits named, % | BLEU-4 "
        "| share of soft's gain, % |",
        "|---" * 6 + "|",
    ]
    for name, seeds in found.items():
        shares = [
            share_of_gain(found, name, seed)
            for seed in seeds
            if name not in ("soft", "uniform")
        ]
        cells = [f"*{name}*", str(len(seeds))]
        cells += [
            spread([row[key] for row in seeds.values()], scale, digits)
            for key, scale, digits in (
                ("exact_match", 100, 1),
                ("digits_named", 100, 1),
                ("bleu_4", 1, 3),
            )
        ]
        lines.append(f"| {' | '.join([*cells, spread(shares, 100, 0)])} |")
    return "\n".join(lines)


def share_of_gain(found, name, seed):
    """What of soft attention's gain over uniform another has, at a seed."""
    soft, uniform, other = (
        found[attention][seed]["exact_match"]
        for attention in ("soft", "uniform", name)
    )
    return (other - uniform) / (soft - uniform)


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


def axes():
    """Alignments beside other packages, on the backends measured."""
    backends = {"torch": "PyTorch", "tensorflow": "TensorFlow", "jax": "JAX"}
    found = {}
    for backend, name in backends.items():
        path = BENCHMARKS / f"axes_{backend}.json"
        if path.exists():
            for row in json.loads(path.read_text())["rows"]:
                key = tuple(row[k] for k in ("alignment", "peer", "what"))
                key += (row["scores"],)
                ratio = f"{row['ratio']:.2f} ({row['low']:.2f} to "
                found.setdefault(key, {})[name] = f"{ratio}{row['high']:.2f})"
    shown = [
        n for n in backends.values() if any(n in f for f in found.values())
    ]
    head = ["alignment", "beside", "", "scores", *shown]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    for (key, peer, what, shape), ratios in found.items():
        cells = [f"`{key}`", peer, what, shape]
        cells += [ratios.get(name, "-") for name in shown]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def sagan():
    """SAGAN: its block, networks and training beside PyTorch."""
    backends = {"tensorflow": "TensorFlow", "torch": "PyTorch"}
    runs = {
        name: json.loads((BENCHMARKS / f"generation_{key}.json").read_text())
        for key, name in backends.items()
        if (BENCHMARKS / f"generation_{key}.json").exists()
    }
    head = [f"{name}, images/s" for name in runs]
    lines = [f"| | | batch | {' | '.join([*runs, *head])} |"]
    lines.append("|---" * (3 + 2 * len(runs)) + "|")
    for rows in zip(*(run["rows"] for run in runs.values()), strict=True):
        cells = [rows[0][key] for key in ("name", "what", "shape")]
        cells += [
            f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            for row in rows
        ]
        cells += [f"{row['images_per_second']:,}" for row in rows]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def speed():
    """The whole networks, then every layer at every size of map."""
    models = json.loads((BENCHMARKS / "model_step_tensorflow.json").read_text())
    lines = ["| network | beside | | ratio |", "|---|---|---|---|"]
    for row in models["rows"]:
        interval = f"{row['ratio']:.3f} ({row['low']:.3f} to {row['high']:.3f})"
        names = (row["model"], row["peer"], row["what"], interval)
        lines.append(f"| {' | '.join(names)} |")
    layers = json.loads((BENCHMARKS / "layers_tensorflow.json").read_text())
    maps = list(dict.fromkeys(row["map"] for row in layers["rows"]))
    cells = {}
    for row in layers["rows"]:
        key = row["layer"], row["peer"]
        place = row["what"], maps.index(row["map"])
        cells.setdefault(key, {})[place] = f"{row['ratio']:.2f}"
    lines += [
        "",
        f"| layer, at {', '.join(maps)} | beside | forward | training step |",
        "|---|---|---|---|",
    ]
    for (layer, peer), found in cells.items():
        ratios = [
            ", ".join(found[what, index] for index in range(len(maps)))
            for what in ("forward", "training step")
        ]
        lines.append(f"| `{layer}` | {peer} | {' | '.join(ratios)} |")
    return "\n".join(lines)


def parity():
    """How far our numbers are from other implementations."""
    return (BENCHMARKS / "parity.md").read_text().strip()


def unet():
    """The U-Net's time over that of the same network in PyTorch."""
    lines = [
        "| network | what | ours | PyTorch | ratio | images a second |",
        "|---|---|---|---|---|---|",
    ]
    found = json.loads(
        (BENCHMARKS / "segmentation_tensorflow.json").read_text()
    )
    for row in found["rows"]:
        lines.append(
            "| {model} | {what} | {ours_ms:.0f} ms | {peer_ms:.0f} ms "
            "| {ratio:.2f} ({low:.2f} to {high:.2f}) "
            "| {images_a_second:.0f} |".format(**row)
        )
    return "\n".join(lines)


def lite0():
    """EfficientNet-Lite0's time over that of timm's, in PyTorch."""
    lines = [
        "| backend | what | ours | timm | ratio |",
        "|---|---|---|---|---|",
    ]
    for path in sorted(BENCHMARKS.glob("lite0_step_*.json")):
        found = json.loads(path.read_text())
        backend = found["environment"]["backend"]
        for row in found["rows"]:
            lines.append(
                "| {} | {what} | {ours_ms:.0f} ms | {peer_ms:.0f} ms "
                "| {ratio:.2f} ({low:.2f} to {high:.2f}) |".format(
                    backend, **row
                )
            )
    return "\n".join(lines)


def captioning():
    """A caption decoder's time over that of a tutorial's, in PyTorch."""
    lines = [
        "| backend | beside | what | ours | PyTorch | ratio |",
        "|---" * 6 + "|",
    ]
    for path in sorted(BENCHMARKS.glob("captioning_*.json")):
        found = json.loads(path.read_text())
        backend = found["environment"]["backend"]
        for row in found["rows"]:
            lines.append(
                "| {} | {peer} | {what} | {ours_ms:.0f} ms | {peer_ms:.0f} ms "
                "| {ratio:.2f} ({low:.2f} to {high:.2f}) |".format(
                    backend, **row
                )
            )
    return "\n".join(lines)


def search_scale():
    """What a search costs beside its trainings, and how many it feeds."""
    return (BENCHMARKS / "search_scale.md").read_text().strip()


def going_on():
    """What it costs to be able to go on after a kill."""
    return (BENCHMARKS / "resumable.md").read_text().rstrip()


def looking():
    """What maps cost, beside the passes that they are made of."""
    return (BENCHMARKS / "explanation.md").read_text().rstrip()


def detecting():
    """Detectors beside PyTorch, and what is around them."""
    return (BENCHMARKS / "detection_tensorflow.md").read_text().rstrip()


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


PAGES = {
    "README.md": {"gains": gained},
    "docs/evidence.md": {
        "demo": demo,
        "results": results,
        "attached": attached,
        "place": place,
        "on_objects": on_objects,
        "finetuned": finetuned,
        "glimpses": glimpses,
        "place_search": place_search,
        "explained": explained,
        "captions": captions,
        "caption_attention": caption_attention,
        "segmented": segmented,
        "lesions": functools.partial(segmented, "segment/lesions"),
        "detected": detected,
        "blood_cells": blood_cells,
        "generated": generated,
    },
    "docs/performance.md": {
        "speed": speed,
        "axes": axes,
        "sagan": sagan,
        "lite0": lite0,
        "unet": unet,
        "captioning": captioning,
        "search_scale": search_scale,
        "going_on": going_on,
        "looking": looking,
        "detecting": detecting,
        "gpu_steps": gpu_steps,
        "gpu_device_time": gpu_device_time,
        "gpu_layers": gpu_layers,
        "gpu_memory": gpu_memory,
    },
    "docs/parity.md": {"parity": parity, "gpu": gpu_parity, "kept": kept},
}


def replaced(text, parts):
    """A page's text with every part made anew."""
    for name, part in parts.items():
        start, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        before, rest = text.split(start)
        _, after = rest.split(end)
        text = f"{before}{start}\n{part()}\n{end}{after}"
    return text


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--write", action="store_true", help="into the pages")
    write = parser.parse_args().write
    for page, parts in PAGES.items():
        if write:
            path = ROOT / page
            path.write_text(replaced(path.read_text(), parts))
        else:
            print("\n\n".join(part() for part in parts.values()), end="\n\n")


if __name__ == "__main__":
    main()
