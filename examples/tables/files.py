"""Where the numbers are, and how they are written."""

import json
import pathlib
import statistics

ROOT = pathlib.Path(__file__).parents[2]
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


def signed_spread(points):
    """`mean (least to most)` with signs, and no minus before 0.0."""
    low, high = min(points), max(points)
    return f"{statistics.mean(points):+z.1f} ({low:+z.1f} to {high:+z.1f})"


def in_points(gain):
    """`mean (low to high)` of a gain with its interval, in points."""
    numbers = [100 * x for x in (gain["mean"], *gain["interval"])]
    return "{:+z.1f} ({:+z.1f} to {:+z.1f})".format(*numbers)


PERCENT = {"accuracy": (100, " in %", 1), "AUC": (1, "", 3)}


def over_seeds(rows, key):
    """A percentage, with its spread if there are several seeds."""
    values = [100 * row[key] for row in rows]
    return f"{values[0]:.1f}" if len(values) == 1 else spread(values)


# AUC on ISIC 2017's test images, from the paper's page.
IN_THE_PAPER = {
    "VGG-16": ".824",
    "VGG-16-GAP": ".834",
    "Mel-CNN": ".854",
    "AttnMel-CNN": ".872",
    "AttnMel-CNN-Lesion": ".883",
    "AttnMel-CNN-Bkg": ".849",
}


def with_interval(found, sign=""):
    """`value (low to high)`."""
    value, low, high = (f"{number:{sign}.3f}" for number in found)
    return f"{value} ({low} to {high})"
