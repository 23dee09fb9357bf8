"""The figure of glimpses.py: accuracy and what it costs."""

import statistics

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
                points = _points(rows, name, x, y)
                if points:
                    (shown[name],) = axes.plot(
                        *zip(*points, strict=True),
                        color=COLOURS[index % len(COLOURS)],
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


def _points(rows, name, x, y):
    """`[(x, y)]`, one a canvas, of all seeds' means."""
    own = {}
    for row in rows:
        if row["model"] == name and row.get(x) is not None:
            own.setdefault(row["canvas"], []).append(row)
    return [
        tuple(statistics.mean(row[key] for row in seeds) for key in (x, y))
        for _, seeds in sorted(own.items())
    ]


def _label(axes, x, y, canvases):
    axes.set(
        xscale="log",
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
    if y == "accuracy":
        axes.set_ylim(0, 1.02)
    elif y == "mb":
        axes.set_ylim(bottom=0)
    ticks = {"canvas": canvases, "gflops": (0.05, 0.1, 0.2, 0.5, 1, 2)}.get(x)
    if ticks:
        axes.set(xticks=ticks, xticklabels=ticks)
        axes.minorticks_off()
