"""Captions, and which word looks where."""

import json

from tables.files import FOLDER
from tables.files import spread

MEASURES = (
    ("exact_match", 100, 1),
    ("digits_named", 100, 1),
    ("bleu_4", 1, 3),
)
FORMS = {True: "a three at the top left", False: "three at the top left"}


def captions():
    """Digits put into words, and which word looks at the digit."""
    rows = read("cluttered_digits") + read("gpu")
    lines = [
        "| attention | captions | seeds | on | word for word, % "
        "| digits named, % | BLEU-4 | seconds |",
        "|---" * 8 + "|",
    ]
    groups = {}
    for row in rows:
        on = f"{row['backend']}, {row['device']}"
        key = (f"*{row['attention']}*", FORMS[row["articles"]], on)
        groups.setdefault(key, []).append(row)
    for (attention, form, on), found in groups.items():
        cells = [attention, form, str(len(found)), on, *numbers(found)]
        cells.append(spread([row["processor_seconds"] for row in found], 1, 0))
        lines.append(f"| {' | '.join(cells)} |")
    lines += [
        "",
        "| attention | on | seed | word | on the digit, % | lift "
        "| digits named, % | without its look, % |",
        "|---" * 8 + "|",
    ]
    for row in rows:
        if row["attention"] != "uniform":
            lines += looks(row)
    return "\n".join(lines)


def looks(row):
    """A line a word: how much of its attention is on the digit."""
    for word in ("article", "name"):
        share = row.get(f"on_digit_{word}")
        if share is None:
            continue
        cells = [f"*{row['attention']}*", row["device"], str(row["seed"])]
        cells.append(word)
        cells += [f"{100 * share:.1f}", f"{share / row['uniform']:.2f}"]
        cells += [
            f"{100 * row[key]:.1f}"
            for key in ("digits_named", f"named_without_{word}")
        ]
        yield f"| {' | '.join(cells)} |"


def caption_attention():
    """Captions with soft, hard and no attention on maps that stay."""
    found = {}
    for row in read("attention"):
        found.setdefault(row["attention"], {})[row["seed"]] = row
    lines = [
        "| attention | seeds | word for word, % | digits named, % | BLEU-4 "
        "| the name's look on the digit, % | of soft's gain, % | seconds |",
        "|---" * 8 + "|",
    ]
    for name, seeds in found.items():
        rows = seeds.values()
        cells = [f"*{name}*", str(len(seeds)), *numbers(rows)]
        cells.append(spread([row["on_digit_name"] for row in rows], 100, 1))
        shares = [
            share(row, found["soft"][seed], found["uniform"][seed])
            for seed, row in seeds.items()
            if name not in ("soft", "uniform")
        ]
        cells.append(spread(shares, 100, 0))
        cells.append(spread([row["processor_seconds"] for row in rows], 1, 0))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def share(row, soft, uniform):
    """What of soft attention's gain over uniform another has."""
    row, soft, uniform = (x["exact_match"] for x in (row, soft, uniform))
    return (row - uniform) / (soft - uniform)


def read(folder):
    """Rows of greedy captions; those of a beam differ by next to nothing."""
    path = FOLDER / "caption" / folder / "results.json"
    rows = json.loads(path.read_text())["rows"]
    return [row for row in rows if row.get("beam_size", 1) == 1]


def numbers(rows):
    """How right captions are, as cells."""
    return [
        spread([row[key] for row in rows], scale, digits)
        for key, scale, digits in MEASURES
    ]
