"""Which attention at which depth of a pretrained network."""

import json
import statistics

from tables.files import FOLDER
from tables.files import PERCENT
from tables.files import in_points
from tables.files import spread
from tables.files import with_interval


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
