"""The figure of place_search.py: all trials by choice, and the test."""

import numpy as np
from matplotlib.figure import Figure

from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style

_NONE = "none"
_ASIDE = 0.16  # of the choices at one place


def draw(trials, places, mechanisms, networks):
    """Trials on the left, by place and what it had; on the right, the test.

    Args:
        trials: list of `(values, score)`.
        places: list of str, those of the search.
        mechanisms: list of str.
        networks: list of dict, the rows of results.json.

    Returns:
        A `matplotlib.figure.Figure`.
    """
    with drawing_style("notebook"):
        figure = Figure(figsize=(11.0, 3.8), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=(2.6, 1))
        _trials(left, trials, places, [_NONE, *mechanisms])
        _networks(right, networks)
    return figure


def _trials(axes, trials, places, choices):
    colours = ["#777777", *COLOURS]
    width = _ASIDE * (len(choices) - 1)
    for index, choice in enumerate(choices):
        for at, place in enumerate(places):
            scores = np.array(
                [
                    score
                    for values, score in trials
                    if values[f"{place}_attention"] == choice
                ]
            )
            x = at - width / 2 + _ASIDE * index
            axes.plot(
                np.full(len(scores), x),
                100 * scores,
                ".",
                color=colours[index],
                alpha=0.45,
                markersize=5,
                markeredgewidth=0,
            )
            if len(scores):
                axes.plot(
                    [x - 0.06, x + 0.06],
                    [100 * scores.mean()] * 2,
                    color=colours[index],
                    linewidth=2.4,
                    label=choice if at == 0 else None,
                )
    axes.set_xticks(range(len(places)), places)
    axes.set_title(
        f"{len(trials)} trials, by what each place had; bars: means",
        loc="left",
    )
    axes.set_ylabel("validation accuracy, %")
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    low, high = axes.get_ylim()
    axes.set_ylim(low - 0.12 * (high - low), high)  # room for the legend
    axes.legend(loc="lower left", ncols=len(choices), frameon=False)


def _networks(axes, networks):
    for at, row in enumerate(networks):
        values = 100 * np.array(row["test_accuracy"])
        axes.plot(np.full(len(values), at), values, ".", color=COLOURS[0])
        axes.plot(
            [at - 0.15, at + 0.15],
            [values.mean()] * 2,
            color=COLOURS[0],
            linewidth=2.4,
        )
    names = [row["network"].replace(", ", ",\n") for row in networks]
    axes.set_xticks(range(len(networks)), names)
    axes.set_xlim(-0.6, len(networks) - 0.4)
    seeds = len(networks[0]["test_accuracy"])
    axes.set_title(f"test accuracy, %, {seeds} seeds", loc="left")
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
