"""The figure of glimpses.py: accuracy and what it costs, a line a seed."""

from matplotlib.figure import Figure

from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

_MARKS = "os^vDPXd*"


def draw(found, names):
    """Accuracy against seconds and operations; memory and time by canvas.

    Args:
        found: dict, what `glimpses.py` writes.
        names: list of str, the networks in the order of their colours; others
            that there are come behind them.

    Returns:
        A `matplotlib.figure.Figure`; a panel without numbers is left out.
    """
    steps = [
        {**row, "mb": row["training_mb"] - row["before_mb"]}
        for row in found.get("costs", ())
    ]
    times = [
        row
        for row in found.get("timing", ())
        if row["what"] == "training" and row["width"] < 1
    ]
    names = dict.fromkeys([*names, *(row["model"] for row in found["rows"])])
    families = dict.fromkeys(name.split(", ")[0] for name in names)
    colours = dict(zip(families, COLOURS, strict=False))
    panels = [
        (found["rows"], "cpu_seconds", "accuracy"),
        (found["rows"], "gflops", "accuracy"),
        (steps, "canvas", "mb"),
        (times, "canvas", "ratio"),
    ]
    panels = [panel for panel in panels if panel[0]]
    with drawing_style("notebook"):
        size = (4.0 * len(panels), 3.8)
        figure = Figure(figsize=size, dpi=150, layout="constrained")
        shown = {}
        for axes, (rows, x, y) in zip(
            figure.subplots(1, len(panels), squeeze=False)[0],
            panels,
            strict=True,
        ):
            for index, name in enumerate(names):
                for points in _lines(rows, name, x, y):
                    (shown[name],) = axes.plot(
                        *zip(*points, strict=True),
                        color=colours[name.split(", ")[0]],
                        marker=_MARKS[index],
                    )
            _label(axes, x, y, sorted({row["canvas"] for row in rows}))
        figure.legend(
            shown.values(),
            shown.keys(),
            loc="outside lower center",
            ncols=8,
            frameon=False,
            fontsize=8,
        )
    return figure


def _lines(rows, name, x, y):
    """`[(x, y)]` of all canvases, for every seed."""
    seeds = {}
    for row in rows:
        if row["model"] == name and row.get(x) is not None:
            seeds.setdefault(row.get("seed"), []).append(row)
    return [
        [(row[x], row[y]) for row in sorted(own, key=lambda r: r["canvas"])]
        for own in seeds.values()
    ]


def _label(axes, x, y, canvases):
    axes.set(
        xscale="linear" if x == "cpu_seconds" else "log",
        xlabel={
            "cpu_seconds": "CPU seconds of training, from canvas to canvas",
            "gflops": "GFLOP an image, from canvas to canvas",
            "canvas": "pixels along a side of the canvas",
        }[x],
        ylabel={
            "accuracy": "accuracy",
            "mb": "MB that a training step adds",
            "ratio": "time of a training step, dense = 1",
        }[y],
        yscale="log" if y == "ratio" else "linear",
    )
    if x == "cpu_seconds":
        axes.set_xlim(left=0)
    if y == "ratio":
        axes.set(yticks=(0.03, 0.1, 0.3, 1), yticklabels=(0.03, 0.1, 0.3, 1))
    if y == "accuracy":
        axes.set_ylim(0, 1.02)
    elif y == "mb":
        axes.set_ylim(bottom=0)
    ticks = {"canvas": canvases, "gflops": (0.05, 0.1, 0.2, 0.5, 1, 2)}.get(x)
    if ticks:
        axes.set(xticks=ticks, xticklabels=ticks)
        axes.minorticks_off()
