"""What mattered, as figures: of one hyperparameter's values, and of all."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.tuning.result.effects import effect
from keras_attention.tuning.result.effects import main_effects
from keras_attention.visualization import canvas


def plot_effects(result, names=None):
    """The figure of `SearchResult.plot_effects`."""
    known = {parameter.name: parameter for parameter in result.hyperparameters}
    for name in names or ():
        arguments.one_of("names", name, tuple(known))
    # In the order they ended: sorted, points side by side would be a slope.
    trials = [trial for trial in result.trials if trial.score is not None]
    if names:
        chosen = {name: effect(known[name], trials) for name in names}
    else:
        chosen = main_effects(result.hyperparameters, trials)
    if not chosen:
        return canvas.message(
            "No hyperparameter differs between the finished trials."
            if result.finished
            else canvas.NOTHING
        )
    limits = _limits([trial.score for trial in trials])
    widths = [max(len(groups), 2) for groups in chosen.values()]
    figure = canvas.Canvas(max(1.2 + 0.75 * sum(widths), 4.5), 3.4)
    panels = figure.subplots(
        1,
        len(chosen),
        sharey=True,
        squeeze=False,
        gridspec_kw={"width_ratios": widths},
    )[0]
    for axes, (name, groups) in zip(panels, chosen.items(), strict=True):
        canvas.plain(axes, canvas.wrapped(name, 22))
        _draw_effect(axes, groups, limits)
    figure.supxlabel(
        "grey: trials; blue: their mean and its 95 % interval",
        fontsize=canvas.SMALL + 1,
        color=canvas.PALE,
    )
    panels[0].set_ylabel(
        result.objective, fontsize=canvas.SMALL + 1, color=canvas.INK
    )
    return figure


def plot_importance(result):
    """The figure of `SearchResult.plot_importance`."""
    found = result.importance
    if not found.rows:
        return canvas.message(f"Importance cannot be told: {found.note}.")
    rows = found.rows[::-1]
    figure = canvas.Canvas(6.4, 1.3 + 0.34 * len(rows))
    axes = figure.add_subplot()
    title = (
        "Error added by shuffling one, as a share of the score's variance\n"
        f"{len(result.finished)} trials; all together explain "
        f"{max(found.explained, 0):.0%} of unseen trials"
    )
    canvas.plain(axes, title)
    axes.axvline(0, color=canvas.INK, linewidth=0.8)
    for y, row in enumerate(rows):
        colour = canvas.BLUE if row["low"] > 0 else canvas.PALE
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        filled = colour if row["low"] > 0 else "white"
        axes.plot(row["mean"], y, "o", ms=6, mfc=filled, color=colour)
    names = [canvas.shortened(row["name"], 30) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    note = "lines hold 90 % of a bootstrap over trials; white: no effect seen"
    if found.note:
        note = canvas.wrapped(f"Not to be trusted: {found.note}.", 70)
    colour = canvas.VERMILION if found.note else canvas.PALE
    axes.set_xlabel(note, fontsize=canvas.SMALL, color=colour)
    return figure


def _draw_effect(axes, groups, limits):
    for x, group in enumerate(groups):
        scores = np.array(group["scores"])
        # Side by side, so that equal scores stay countable.
        offsets = np.linspace(-0.16, 0.16, len(scores)) * (len(scores) > 1)
        axes.plot(x + offsets, scores, "o", ms=3, color=canvas.PALE, alpha=0.55)
        at = x + 0.28
        if group["low"] is not None:
            low, high = np.clip((group["low"], group["high"]), *limits)
            axes.plot([at, at], [low, high], color=canvas.BLUE, lw=2)
            for end, edge, arrow in zip(
                (group["low"], group["high"]), limits, "v^", strict=True
            ):
                if min(limits) <= end <= max(limits):
                    continue
                axes.plot(
                    at, edge, arrow, ms=6, color=canvas.BLUE, clip_on=False
                )
        axes.plot(at, group["mean"], "o", ms=6, color=canvas.BLUE)
    labels = [
        canvas.wrapped(canvas.shortened(group["label"], 24), 11)
        + f"\nn={len(group['scores'])}"
        for group in groups
    ]
    axes.set_xticks(range(len(groups)), labels)
    axes.set_xlim(-0.5, len(groups) - 0.4)
    axes.set_ylim(*limits)
    axes.grid(axis="x", visible=False)


def _limits(scores):
    """Of the scores, with a margin; intervals of two trials are far wider."""
    low, high = min(scores), max(scores)
    margin = 0.2 * (high - low) or 0.5
    return low - margin, high + margin
