"""Score against cost."""

from keras_attention.internals import arguments
from keras_attention.tuning.result.canvas import BLUE
from keras_attention.tuning.result.canvas import NOTHING
from keras_attention.tuning.result.canvas import PALE
from keras_attention.tuning.result.canvas import SMALL
from keras_attention.tuning.result.canvas import Canvas
from keras_attention.tuning.result.canvas import legend
from keras_attention.tuning.result.canvas import message
from keras_attention.tuning.result.canvas import plain
from keras_attention.tuning.result.canvas import shortened

_UNITS = {
    "flops": (1e9, "GFLOPs an image"),
    "parameters": (1e6, "million parameters"),
    "seconds": (1, "seconds of training"),
}


def plot_pareto(result, cost="flops"):
    """Score against a cost; the front is what nothing beats in both.

    Vertical lines join the lowest to the highest repeat. Numbers on the front
    are the names of the trials, as in the table.

    Args:
        result: `SearchResult`.
        cost: str, a metric that is better when smaller. Defaults to `"flops"`.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot.

    Raises:
        ValueError: If no finished trial tells of that cost.

    Example:

    >>> from keras_attention.tuning.result.example_search import example_search
    >>> from keras_attention.tuning import SearchResult
    >>> figure = plot_pareto(SearchResult(example_search(trials=5)))
    >>> figure.axes[0].get_xlabel()
    'GFLOPs an image'
    """
    if not result.finished:
        return message(NOTHING)
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
    legend(canvas, axes)
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
