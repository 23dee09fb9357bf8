"""Scores as figures: in the order in which trials ended, and against cost."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.visualization import canvas

_TRIAL = dict(ms=4.5, color=canvas.PALE, label="a trial")
_UNITS = {
    "flops": (1e9, "GFLOPs an image"),
    "parameters": (1e6, "million parameters"),
    "seconds": (1, "seconds of training"),
}


def plot_progress(result):
    """The figure of `SearchResult.plot_progress`."""
    if not result.finished:
        return canvas.message(canvas.NOTHING)
    figure = canvas.Canvas(6.4, 3.4)
    axes = figure.add_subplot()
    # What has none is NaN.
    scores = np.array([trial.score for trial in result.trials], "float64")
    numbers = np.arange(1, len(scores) + 1)
    best = np.fmax if result.direction == "max" else np.fmin
    canvas.plain(
        axes,
        f"Best of {len(result.finished)} finished: "
        f"{result.winner().score:.4g} ({result.objective})",
        "trials, in the order they ended",
        result.objective,
    )
    axes.plot(numbers, scores, "o", **_TRIAL)
    line = dict(color=canvas.BLUE, lw=2, label="best so far")
    axes.step(numbers, best.accumulate(scores), where="post", **line)
    failed = numbers[np.isnan(scores)]
    if failed.size:
        cross = dict(ms=6, color=canvas.VERMILION, label="without a score")
        at_foot = np.full(failed.size, 0.03)
        transform = axes.get_xaxis_transform()
        axes.plot(failed, at_foot, "x", transform=transform, **cross)
    axes.margins(y=0.1)
    axes.set_xlim(0.5, len(scores) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    canvas.legend(figure, axes)
    return figure


def plot_pareto(result, cost="flops"):
    """The figure of `SearchResult.plot_pareto`."""
    if not result.finished:
        return canvas.message(canvas.NOTHING)
    known = sorted({m for trial in result.finished for m in trial.metrics})
    arguments.one_of("cost", cost, [m for m in known if m != result.objective])
    unit, label = _UNITS.get(cost, (1, cost))
    points = [
        (trial.metrics[cost] / unit, trial)
        for trial in result.finished
        if trial.metrics.get(cost) is not None
    ]
    figure = canvas.Canvas(6.4, 4.2)
    axes = figure.add_subplot()
    canvas.plain(
        axes, f"{result.objective} against cost", label, result.objective
    )
    for x, trial in points:
        axes.plot([x, x], _range(trial), color=canvas.PALE, alpha=0.45, lw=1)
    front = pareto_front(points, result.direction)
    behind = [point for point in points if point not in front]
    steps = dict(drawstyle="steps-post", lw=1.5, color=canvas.BLUE)
    for drawn, style, options in (
        (behind, "o", _TRIAL),
        (front, "o-", dict(ms=7, label="the front", **steps)),
    ):
        scores = [trial.score for _, trial in drawn]
        axes.plot([x for x, _ in drawn], scores, style, **options)
    costs = [x for x, _ in points]
    if min(costs) > 0 and max(costs) > 8 * min(costs):
        axes.set_xscale("log")
    axes.margins(0.08, 0.12)
    _name_front(axes, front)
    canvas.legend(figure, axes)
    return figure


def _name_front(axes, front):
    """Names beside the points; one text for those too close for two."""
    bottom, top = axes.get_ylim()
    texts = []  # [position of the first, names]
    for x, trial in front[::-1]:
        if texts and abs(texts[-1][0][1] - trial.score) < 0.05 * (top - bottom):
            texts[-1][1].append(trial.trial_id)
        else:
            texts.append([(x, trial.score), [trial.trial_id]])
    for position, names in texts:
        axes.annotate(
            canvas.shortened(", ".join(names)),
            position,
            (-7, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=canvas.SMALL + 1,
            fontweight="bold",
            color=canvas.BLUE,
        )


def pareto_front(points, direction):
    """The points that no other beats in cost and score, the cheapest first.

    >>> from keras_attention.tuning.result.trial import Trial
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


def _range(trial):
    if trial.repeats:
        return min(trial.repeats), max(trial.repeats)
    half = (trial.spread or 0.0) / 2
    return trial.score - half, trial.score + half
