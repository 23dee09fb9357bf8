"""Trials as lines over the axes of their hyperparameters."""

import numpy as np
from matplotlib import patheffects
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from keras_attention.internals import arguments
from keras_attention.tuning.result.canvas import COLORMAP
from keras_attention.tuning.result.canvas import GRID
from keras_attention.tuning.result.canvas import INK
from keras_attention.tuning.result.canvas import MEDIUM
from keras_attention.tuning.result.canvas import PALE
from keras_attention.tuning.result.canvas import SMALL
from keras_attention.tuning.result.canvas import VERMILION
from keras_attention.tuning.result.canvas import Canvas
from keras_attention.tuning.result.canvas import message
from keras_attention.tuning.result.canvas import shortened
from keras_attention.tuning.result.canvas import wrapped
from keras_attention.tuning.result.hyperparameters import OFF
from keras_attention.tuning.result.hyperparameters import Hyperparameter
from keras_attention.tuning.result.hyperparameters import round_numbers
from keras_attention.tuning.result.hyperparameters import shown

_MOST = 8
_BACKED = [patheffects.withStroke(linewidth=2.5, foreground="white")]


def plot_parallel(result, names=None):
    """Parallel coordinates: one line a trial, the winner on top.

    Colours and the last parameter are the score, better ones higher. Lines on a
    category are spread out a little, so that they can be told apart; "off"
    is where a trial did not have the hyperparameter.

    Args:
        result: `SearchResult`.
        names: list of str, which hyperparameters, in the order of the axes; at
            most eight without them, those that explain most where that is
            known. A note names those left out. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot.

    Raises:
        ValueError: For hyperparameters that do not differ between trials.

    Example:

    >>> from keras_attention.tuning.result.example_search import example_search
    >>> from keras_attention.tuning import SearchResult
    >>> figure = plot_parallel(SearchResult(example_search(trials=9)))
    >>> [text.get_text() for text in figure.axes[0].texts][0]
    'mechanism'
    """
    if not result.finished:
        return message("No trial has finished with a score.")
    chosen, left_out = _chosen(result, names)
    if not chosen:
        return message("No hyperparameter differs between the finished trials.")
    columns = [
        [
            parameter.position(trial.values.get(parameter.name))
            for trial in result.finished
        ]
        for parameter in chosen
    ]
    columns = [
        _apart(parameter, c)
        for parameter, c in zip(chosen, columns, strict=True)
    ]
    scores = np.array([trial.score for trial in result.finished])
    low, high = float(scores.min()), float(scores.max())
    if low == high:
        low, high = low - 0.5, high + 0.5
    # Better is higher, also for a loss.
    ends = (low, high) if result.direction == "max" else (high, low)
    columns.append((scores - ends[0]) / (ends[1] - ends[0]))
    canvas = Canvas(1.6 + 1.35 * len(chosen), 4.2)
    axes = canvas.add_subplot()
    # Brighter is better, also for a loss.
    colormap = COLORMAP if result.direction == "max" else f"{COLORMAP}_r"
    colours = ScalarMappable(Normalize(low, high), colormap)
    lines = np.array(columns).T  # (trials, axes)
    for number in reversed(range(len(lines))):
        best = number == 0
        axes.plot(
            lines[number],
            color=VERMILION if best else colours.to_rgba(scores[number]),
            linewidth=3 if best else 1.4,
            alpha=1 if best else 0.8,
            zorder=3 if best else 2,
        )
    for x, parameter in enumerate(chosen):
        _draw_axis(axes, x, wrapped(parameter.name, 15), _ticks(parameter))
    marks = [*sorted(ends, reverse=True), *round_numbers(low, high)]
    ticks = [((m - ends[0]) / (ends[1] - ends[0]), f"{m:.4g}") for m in marks]
    _draw_axis(axes, len(chosen), wrapped(result.objective, 15), ticks)
    axes.set_xlim(-0.15, len(chosen) + 0.45)
    axes.set_ylim(OFF - 0.07, 1.08)
    axes.set_axis_off()
    best = result.winner()
    note = f"thick: the best, trial {best.name}"
    if left_out:
        note += f"; not shown: {shortened(', '.join(left_out), 90)}"
    canvas.supxlabel(note, fontsize=SMALL + 1, color=PALE)
    return canvas


def _chosen(result, names):
    known = {parameter.name: parameter for parameter in result.hyperparameters}
    for name in names or ():
        arguments.one_of("names", name, tuple(known))
    if names is not None:
        return [known[name] for name in names], []
    order = list(known)
    if len(order) > _MOST and result.importance.rows:
        order = [row["name"] for row in result.importance.rows]
    kept = {*order[:_MOST]}
    return (
        [parameter for name, parameter in known.items() if name in kept],
        [name for name in known if name not in kept],
    )


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


def _ticks(parameter: Hyperparameter):
    ticks = [(parameter.position(v), shown(v)) for v in parameter.ticks()]
    return ticks + [(OFF, "off")] if parameter.optional else ticks


def _draw_axis(axes, x, name, ticks):
    axes.plot([x, x], [0, 1], color=GRID, linewidth=1, zorder=1)
    axes.text(
        x, 1.1, name, ha="center", va="bottom", fontsize=MEDIUM, color=INK
    )
    drawn = []
    for y, label in ticks:
        # Neighbours closer than a line of text would cover each other.
        if any(abs(y - other) < 0.045 for other in drawn):
            continue
        drawn.append(y)
        axes.plot([x - 0.02, x + 0.02], [y, y], color=INK, lw=0.8, zorder=4)
        axes.text(
            x + 0.04,
            y,
            shortened(label, 14),
            va="center",
            fontsize=SMALL,
            color=INK,
            zorder=5,
            path_effects=_BACKED,
        )
