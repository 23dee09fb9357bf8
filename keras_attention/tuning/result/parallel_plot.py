"""Trials as lines through columns, one a hyperparameter."""

import numpy as np
from matplotlib import patheffects
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import LogLocator
from matplotlib.ticker import MaxNLocator

from keras_attention.internals import arguments
from keras_attention.tuning.result.hyperparameters import OFF
from keras_attention.tuning.result.hyperparameters import often_on
from keras_attention.tuning.result.hyperparameters import shown
from keras_attention.visualization import canvas

_FEW, _MOST = 5, 8  # columns: all are drawn, no more are
_LABEL = dict(
    va="center",
    fontsize=canvas.SMALL,
    color=canvas.INK,
    zorder=5,
    # Readable across the lines.
    path_effects=[patheffects.withStroke(linewidth=4, foreground="white")],
)


def plot_parallel(result, names=None):
    """The figure of `SearchResult.plot_parallel`."""
    if not result.finished:
        return canvas.message(canvas.NOTHING)
    chosen, left_out = _chosen(result, names)
    if not chosen:
        return canvas.message(
            "No hyperparameter differs between the finished trials."
        )
    columns = [
        _apart(p, [p.position(t.values.get(p.name)) for t in result.finished])
        for p in chosen
    ]
    scores = np.array([trial.score for trial in result.finished])
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Better is higher, also for a loss.
    ends = (low, high) if result.direction == "max" else (high, low)
    columns.append((scores - ends[0]) / (ends[1] - ends[0]))
    figure = canvas.Canvas(1.6 + 1.35 * len(chosen), 4.2)
    axes = figure.add_subplot()
    # Brighter is better, also for a loss.
    colormap = (
        canvas.COLORMAP if result.direction == "max" else f"{canvas.COLORMAP}_r"
    )
    colours = ScalarMappable(Normalize(low, high), colormap)
    lines = np.array(columns).T  # (trials, columns)
    for line, score in reversed([*zip(lines, scores, strict=True)][1:]):
        colour = colours.to_rgba(score)
        axes.plot(line, color=colour, linewidth=1.4, alpha=0.8, zorder=2)
    axes.plot(lines[0], color=canvas.VERMILION, linewidth=3, zorder=3)
    for x, parameter in enumerate(chosen):
        name = canvas.wrapped(parameter.name, 15)
        _draw_column(axes, x, name, _ticks(parameter))
    marks = _between(low, high)
    ticks = [((m - ends[0]) / (ends[1] - ends[0]), f"{m:.4g}") for m in marks]
    _draw_column(axes, len(chosen), canvas.wrapped(result.objective, 15), ticks)
    axes.set_xlim(-0.15, len(chosen) + 0.45)
    axes.set_ylim(OFF - 0.07, 1.08)
    axes.set_axis_off()
    best = result.winner()
    note = f"thick: the best, trial {best.trial_id}{left_out}"
    figure.supxlabel(note, fontsize=canvas.SMALL + 1, color=canvas.PALE)
    return figure


def _chosen(result, names):
    """The hyperparameters to draw, and a note on those left out."""
    known = {parameter.name: parameter for parameter in result.hyperparameters}
    for name in names or ():
        arguments.one_of("names", name, tuple(known))
    if names is not None:
        return [known[name] for name in names], ""
    usual = [*known]
    if len(usual) > _FEW:
        # What most lines pass by at "off" tells of few trials.
        usual = often_on(result.hyperparameters, result.finished)
    order = usual
    if len(usual) > _MOST and result.importance.rows:
        rows = result.importance.rows
        order = [row["name"] for row in rows if row["name"] in usual]
    kept = {*order[:_MOST]}
    left_out = [name for name in usual if name not in kept]
    missing = [canvas.shortened(", ".join(left_out), 90)] if left_out else []
    if len(known) > len(usual):
        missing.append(f"{len(known) - len(usual)} off in most trials")
    note = f"; not shown: {' and '.join(missing)}" if missing else ""
    return [known[name] for name in known if name in kept], note


def _apart(parameter, positions):
    """Lines through the same category beside each other."""
    positions = np.array(positions)
    if parameter.kind != "categories":
        return positions
    room = min(0.05, 0.25 / max(len(parameter.values) - 1, 1))
    moved = positions.copy()
    for position in np.unique(positions):
        same = np.flatnonzero(positions == position)
        if len(same) > 1:
            moved[same] += np.linspace(room, -room, len(same))
    return moved


def _ticks(parameter):
    marks = parameter.values
    if parameter.kind != "categories" and len(marks) > 4:
        marks = _between(marks[0], marks[-1], parameter.kind)
    ticks = [(parameter.position(value), shown(value)) for value in marks]
    return ticks + [(OFF, "off")] if parameter.optional else ticks


def _between(low, high, kind="linear"):
    """Both ends, and round numbers between them."""
    locator = LogLocator(numticks=7) if kind == "log" else MaxNLocator(5)
    marks = map(float, locator.tick_values(low, high))
    return [low, high, *(mark for mark in marks if low < mark < high)]


def _draw_column(axes, x, name, ticks):
    axes.plot([x, x], [0, 1], color=canvas.GRID, linewidth=1, zorder=1)
    head = dict(fontsize=canvas.MEDIUM, color=canvas.INK)
    axes.text(x, 1.1, name, ha="center", va="bottom", **head)
    drawn = []
    for y, label in ticks:
        # Neighbours closer than a line of text would cover each other.
        if any(abs(y - other) < 0.045 for other in drawn):
            continue
        drawn.append(y)
        axes.plot(
            [x - 0.02, x + 0.02], [y, y], color=canvas.INK, lw=0.8, zorder=4
        )
        axes.text(x + 0.04, y, canvas.shortened(label, 14), **_LABEL)
