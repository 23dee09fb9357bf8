"""The figure of glimpses.py: accuracy, and what a step costs, by canvas."""

import statistics

from matplotlib.figure import Figure

from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

_MARKS = "os^vDPXd*<>ph8H"
_LABELS = {
    "accuracy": "test accuracy, seeds and their mean",
    "seconds": "ms of a training step, an image",
    "mb": "MB of a training step, an image",
    "canvas": "pixels along a side of the canvas",
}


def draw(found, names):
    """Accuracy, time and memory by canvas; and accuracy against both.

    Args:
        found: dict, what `glimpses.py` and `glimpses_costs.py` write.
        names: list of str, the networks in the order of their colours; others
            that there are come behind them.

    Returns:
        A `matplotlib.figure.Figure`; a panel without numbers is left out.
    """
    points = _points(found)
    names = dict.fromkeys([*names, *(point["model"] for point in points)])
    panels = [
        (x, y)
        for x, y in (
            ("canvas", "accuracy"),
            ("canvas", "seconds"),
            ("canvas", "mb"),
            ("seconds", "accuracy"),
            ("mb", "accuracy"),
        )
        if any({x, y} <= point.keys() for point in points)
    ]
    families = dict.fromkeys(name.split(", ")[0] for name in names)
    colours = dict(zip(families, COLOURS, strict=False))
    with drawing_style("notebook"):
        size = (3.6 * len(panels), 3.8)
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        shown = {}
        subplots = figure.subplots(1, len(panels), squeeze=False)[0]
        for axes, (x, y) in zip(subplots, panels, strict=True):
            for index, name in enumerate(names):
                own = [p for p in points if p["model"] == name]
                own = [p for p in own if {x, y} <= p.keys()]
                if not own:
                    continue
                colour = colours[name.split(", ")[0]]
                (shown[name],) = axes.plot(
                    [point[x] for point in own],
                    [point[y] for point in own],
                    color=colour,
                    marker=_MARKS[index],
                )
                if y == "accuracy":
                    for point in own:
                        seeds = point["seeds"]
                        axes.plot([point[x]] * len(seeds), seeds, color=colour)
            _label(axes, x, y, sorted({point["canvas"] for point in points}))
        figure.legend(
            shown.values(),
            shown.keys(),
            loc="outside lower center",
            ncols=8,
            frameon=False,
            fontsize=8,
        )
    return figure


def _points(found):
    """What is known of every network on every canvas, seeds together."""
    points = {}
    for row in found.get("rows", ()):
        point = points.setdefault((row["model"], row["canvas"]), {})
        point.setdefault("seeds", []).append(row["accuracy"])
    for point in points.values():
        point["accuracy"] = statistics.mean(point["seeds"])
    for row in found.get("compiled", ()):
        if row["what"] == "training":
            point = points.setdefault((row["model"], row["canvas"]), {})
            point["seconds"] = 1000 * row["seconds"] / row["batch"]
            point["mb"] = row["mb"] / row["batch"]
    return [
        {"model": model, "canvas": canvas, **point}
        for (model, canvas), point in sorted(points.items())
    ]


def _label(axes, x, y, canvases):
    axes.set(xscale="log", xlabel=_LABELS[x], ylabel=_LABELS[y])
    if y == "accuracy":
        axes.set_ylim(0, 1.02)
    else:
        axes.set_yscale("log")
    if x == "canvas":
        axes.set(xticks=canvases, xticklabels=canvases)
        axes.minorticks_off()
