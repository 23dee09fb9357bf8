"""Scores in the order in which trials ended."""

import numpy as np

from keras_attention.visualization import canvas


def plot_progress(result):
    """The figure of `SearchResult.plot_progress`."""
    if not result.finished:
        return canvas.message(canvas.NOTHING)
    figure = canvas.Canvas(6.4, 3.4)
    axes = figure.add_subplot()
    scores = np.array(
        [
            np.nan if trial.score is None else trial.score
            for trial in result.trials
        ]
    )
    numbers = np.arange(1, len(scores) + 1)
    best = np.fmax if result.direction == "max" else np.fmin
    canvas.plain(
        axes,
        f"Best of {len(result.finished)} finished: "
        f"{result.winner().score:.4g} ({result.objective})",
        "trials, in the order they ended",
        result.objective,
    )
    axes.plot(numbers, scores, "o", ms=4.5, color=canvas.PALE, label="a trial")
    axes.step(
        numbers,
        best.accumulate(scores),
        where="post",
        color=canvas.BLUE,
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
            color=canvas.VERMILION,
            transform=axes.get_xaxis_transform(),
            label="without a score",
        )
    axes.margins(y=0.1)
    axes.set_xlim(0.5, len(scores) + 0.5)
    axes.xaxis.get_major_locator().set_params(integer=True)
    canvas.legend(figure, axes)
    return figure
