"""Scores in the order in which trials ended."""

import numpy as np

from keras_attention.tuning.result.canvas import BLUE
from keras_attention.tuning.result.canvas import NOTHING
from keras_attention.tuning.result.canvas import PALE
from keras_attention.tuning.result.canvas import VERMILION
from keras_attention.tuning.result.canvas import Canvas
from keras_attention.tuning.result.canvas import legend
from keras_attention.tuning.result.canvas import message
from keras_attention.tuning.result.canvas import plain


def plot_progress(result):
    """Scores in the order in which trials ended, and the best so far.

    Args:
        result: `SearchResult`.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot.

    Example:

    >>> from keras_attention.tuning.result.example_search import example_search
    >>> from keras_attention.tuning import SearchResult
    >>> figure = plot_progress(SearchResult(example_search(trials=5)))
    >>> figure.axes[0].get_xlabel()
    'trials, in the order they ended'
    """
    if not result.finished:
        return message(NOTHING)
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
    legend(canvas, axes)
    return canvas
