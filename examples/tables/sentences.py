"""Captions, and which word looks where."""

import itertools
import json

from tables.files import FOLDER
from tables.files import spread


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
