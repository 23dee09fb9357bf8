"""Figures of a search: progress, cost, importance and effects."""

import numpy as np

from keras_attention import arguments
from keras_attention.tuning.canvas import BLUE
from keras_attention.tuning.canvas import INK
from keras_attention.tuning.canvas import MEDIUM
from keras_attention.tuning.canvas import PALE
from keras_attention.tuning.canvas import SMALL
from keras_attention.tuning.canvas import VERMILION
from keras_attention.tuning.canvas import Canvas
from keras_attention.tuning.canvas import message
from keras_attention.tuning.canvas import plain
from keras_attention.tuning.canvas import shortened
from keras_attention.tuning.canvas import wrapped
from keras_attention.tuning.effects import effect
from keras_attention.tuning.effects import main_effects

_UNITS = {
    "flops": (1e9, "GFLOPs an image"),
    "parameters": (1e6, "million parameters"),
    "seconds": (1, "seconds of training"),
}
_NOTHING = "No trial has finished with a score."


def plot_progress(result):
    """Scores in the order in which trials ended, and the best so far.

    Args:
        result: A `SearchResult`.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot.

    Example:

    >>> from keras_attention.tuning.example_search import example_search
    >>> from keras_attention.tuning.result import SearchResult
    >>> figure = plot_progress(SearchResult(example_search(trials=5)))
    >>> figure.axes[0].get_xlabel()
    'trials, in the order they ended'
    """
    if not result.finished:
        return message(_NOTHING)
    canvas = Canvas(6.4, 3.4)
    axes = canvas.add_subplot()
    scores = np.array(
        [
            np.nan if trial.score is None else trial.score
            for trial in result.trials
        ]
    )
    numbers = np.arange(1, len(scores) + 1)
    best = np.fmax if result.direction == "max" else np.fmin
    plain(
        axes,
        f"Best of {len(result.finished)} finished: "
        f"{result.winner().score:.4g} ({result.objective})",
        "trials, in the order they ended",
        result.objective,
    )
    axes.plot(numbers, scores, "o", ms=4.5, color=PALE, label="a trial")
    axes.step(
        numbers,
        best.accumulate(scores),
        where="post",
        color=BLUE,
        linewidth=2,
        label="best so far",
    )
    failed = numbers[np.isnan(scores)]
    if failed.size:
        axes.plot(
            failed,
            np.full(len(failed), 0.03),
            "x",
            ms=6,
            color=VERMILION,
            transform=axes.get_xaxis_transform(),
            label="without a score",
        )
    axes.margins(y=0.1)
    axes.set_xlim(0.5, len(scores) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    _legend(canvas, axes)
    return canvas


def plot_pareto(result, cost="flops"):
    """Score against a cost; the front is what nothing beats in both.

    Vertical lines join the lowest to the highest repeat. Numbers on the front
    are the names of the trials, as in the table.

    Args:
        result: A `SearchResult`.
        cost: A metric that is better when smaller.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot.

    Raises:
        ValueError: If no finished trial tells of that cost.

    Example:

    >>> from keras_attention.tuning.example_search import example_search
    >>> from keras_attention.tuning.result import SearchResult
    >>> figure = plot_pareto(SearchResult(example_search(trials=5)))
    >>> figure.axes[0].get_xlabel()
    'GFLOPs an image'
    """
    if not result.finished:
        return message(_NOTHING)
    known = sorted({m for trial in result.finished for m in trial.metrics})
    arguments.one_of("cost", cost, [m for m in known if m != result.objective])
    unit, label = _UNITS.get(cost, (1, cost))
    points = [
        (trial.metrics[cost] / unit, trial)
        for trial in result.finished
        if trial.metrics.get(cost) is not None
    ]
    canvas = Canvas(6.4, 4.2)
    axes = canvas.add_subplot()
    plain(axes, f"{result.objective} against cost", label, result.objective)
    for x, trial in points:
        low, high = _range(trial)
        axes.plot([x, x], [low, high], color=PALE, alpha=0.45, linewidth=1)
    front = pareto_front(points, result.direction)
    behind = [point for point in points if point not in front]
    axes.plot(
        [x for x, _ in behind],
        [trial.score for _, trial in behind],
        "o",
        ms=4.5,
        color=PALE,
        label="a trial",
    )
    axes.plot(
        [x for x, _ in front],
        [trial.score for _, trial in front],
        "o-",
        ms=7,
        drawstyle="steps-post",
        linewidth=1.5,
        color=BLUE,
        label="the front",
    )
    costs = [x for x, _ in points]
    if min(costs) > 0 and max(costs) > 8 * min(costs):
        axes.set_xscale("log")
    axes.margins(0.08, 0.12)
    _name_front(axes, front)
    _legend(canvas, axes)
    return canvas


def _name_front(axes, front):
    """Names beside the points; one text for those too close for two."""
    bottom, top = axes.get_ylim()
    texts = []  # [position of the first, names]
    for x, trial in front[::-1]:
        if texts and abs(texts[-1][0][1] - trial.score) < 0.05 * (top - bottom):
            texts[-1][1].append(trial.name)
        else:
            texts.append([(x, trial.score), [trial.name]])
    for position, names in texts:
        axes.annotate(
            shortened(", ".join(names)),
            position,
            (-7, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=SMALL + 1,
            fontweight="bold",
            color=BLUE,
        )


def pareto_front(points, direction):
    """The points that no other beats in cost and score, the cheapest first.

    >>> from keras_attention.tuning.records import Trial
    >>> points = [
    ...     (cost, Trial(str(cost), "COMPLETED", score=score))
    ...     for cost, score in ((1, 0.7), (2, 0.6), (3, 0.9), (3, 0.8))
    ... ]
    >>> [(x, trial.score) for x, trial in pareto_front(points, "max")]
    [(1, 0.7), (3, 0.9)]
    """
    sign = 1 if direction == "max" else -1
    front = []
    for point in sorted(points, key=lambda p: (p[0], -sign * p[1].score)):
        if not front or sign * point[1].score > sign * front[-1][1].score:
            front.append(point)
    return front


def plot_importance(result):
    """How much of the scores' variance each hyperparameter explains.

    Points are means over bootstraps of the trials and lines hold 90 % of
    them; where a line reaches 0, no effect was seen.

    Args:
        result: A `SearchResult`.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot; with too few trials
        it says so.

    Example:

    >>> from keras_attention.tuning.example_search import example_search
    >>> from keras_attention.tuning.result import SearchResult
    >>> figure = plot_importance(SearchResult(example_search(trials=5)))
    >>> figure.axes
    []
    """
    found = result.importance
    if not found.rows:
        return message(f"Importance cannot be told: {found.note}.")
    rows = found.rows[::-1]
    canvas = Canvas(6.4, 1.3 + 0.34 * len(rows))
    axes = canvas.add_subplot()
    title = (
        "Error added by shuffling one, as a share of the score's variance\n"
        f"{len(result.finished)} trials; all together explain "
        f"{max(found.explained, 0):.0%} of unseen trials"
    )
    plain(axes, title)
    axes.axvline(0, color=INK, linewidth=0.8)
    for y, row in enumerate(rows):
        colour = BLUE if row["low"] > 0 else PALE
        axes.plot([row["low"], row["high"]], [y, y], color=colour, linewidth=2)
        filled = colour if row["low"] > 0 else "white"
        axes.plot(row["mean"], y, "o", ms=6, mfc=filled, color=colour)
    names = [shortened(row["name"], 30) for row in rows]
    axes.set_yticks(range(len(rows)), names)
    axes.set_ylim(-0.6, len(rows) - 0.4)
    axes.xaxis.set_major_formatter(lambda x, _: f"{x:.0%}")
    if found.note:
        axes.set_xlabel(
            f"Not to be trusted: {found.note}.", fontsize=SMALL, color=VERMILION
        )
    return canvas


def plot_effects(result, names=None):
    """Mean scores for every value of some hyperparameters.

    Small points are trials; the large one is their mean, its line the 95 %
    interval of the mean (Student's t), with an arrow where it leaves the
    figure. A value that was tried once has no interval.

    Args:
        result: A `SearchResult`.
        names: Which hyperparameters; without them mechanism and place (see
            `effects.main_effects`).

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot.

    Raises:
        ValueError: For hyperparameters that do not differ between trials.

    Example:

    >>> from keras_attention.tuning.example_search import example_search
    >>> from keras_attention.tuning.result import SearchResult
    >>> figure = plot_effects(SearchResult(example_search(trials=9)))
    >>> [axes.get_title(loc="left") for axes in figure.axes]
    ['mechanism', 'place']
    """
    known = {axis.name: axis for axis in result.axes}
    for name in names or ():
        arguments.one_of("names", name, tuple(known))
    trials = result.finished
    if names:
        chosen = {name: effect(known[name], trials) for name in names}
    else:
        chosen = main_effects(result.axes, trials)
    if not chosen:
        return message(
            "No hyperparameter differs between the finished trials."
            if result.finished
            else _NOTHING
        )
    limits = _limits([trial.score for trial in trials])
    widths = [max(len(groups), 2) for groups in chosen.values()]
    canvas = Canvas(max(1.2 + 0.75 * sum(widths), 4.5), 3.4)
    panels = canvas.subplots(
        1,
        len(chosen),
        sharey=True,
        squeeze=False,
        gridspec_kw={"width_ratios": widths},
    )[0]
    for axes, (name, groups) in zip(panels, chosen.items(), strict=True):
        plain(axes, wrapped(name, 22))
        _draw_effect(axes, groups, limits)
    panels[0].set_ylabel(result.objective, fontsize=SMALL + 1, color=INK)
    return canvas


def _draw_effect(axes, groups, limits):
    for x, group in enumerate(groups):
        scores = np.array(group["scores"])
        # Side by side, so that equal scores stay countable.
        offsets = np.linspace(-0.16, 0.16, len(scores)) * (len(scores) > 1)
        axes.plot(x + offsets, scores, "o", ms=3, color=PALE, alpha=0.55)
        at = x + 0.28
        if group["low"] is not None:
            low, high = np.clip((group["low"], group["high"]), *limits)
            axes.plot([at, at], [low, high], color=BLUE, lw=2)
            for end, edge, arrow in zip(
                (group["low"], group["high"]), limits, "v^", strict=True
            ):
                if min(limits) <= end <= max(limits):
                    continue
                axes.plot(at, edge, arrow, ms=6, color=BLUE, clip_on=False)
        axes.plot(at, group["mean"], "o", ms=6, color=BLUE)
    labels = [
        wrapped(shortened(group["label"], 24), 11)
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


def _range(trial):
    if trial.repeats:
        return min(trial.repeats), max(trial.repeats)
    half = (trial.spread or 0.0) / 2
    return trial.score - half, trial.score + half


def _legend(canvas, axes):
    canvas.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        fontsize=MEDIUM - 1,
        frameon=False,
    )
