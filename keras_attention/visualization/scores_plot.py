"""A report's scores as curves: how well they rank, how true they are."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.internals.words import shortened
from keras_attention.metrics.temperature import at_temperature
from keras_attention.visualization.canvas import INK
from keras_attention.visualization.canvas import PALE
from keras_attention.visualization.canvas import SMALL
from keras_attention.visualization.canvas import Canvas
from keras_attention.visualization.canvas import plain

# Okabe and Ito's, but for yellow, and ways of drawing a line.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_LINES = ("-", "--", ":")
_PANEL = 2.7  # inches


def plot_roc(report):
    """Receiver operating characteristics, with the thresholds marked.

    Args:
        report: `evaluation.ScoresReport`.

    Returns:
        A `matplotlib.figure.Figure`: for each model the share of positives
        found over the share of negatives called positive, and a dot where its
        threshold stands; in the legend the area with its interval.

    Example:

    >>> from keras_attention.evaluation import report
    >>> labels = np.repeat([0, 1], 10)
    >>> scores = np.linspace(0, 1, 20)
    >>> figure = plot_roc(report(labels, {"plain": scores}, repeats=20))
    >>> figure.legends[0].get_texts()[0].get_text()
    'plain, 1.000 (1.000 to 1.000)'
    """
    with explained("keras_attention.evaluation"):
        from sklearn.metrics import roc_curve

    # A long legend stands below, a line a model.
    height = 4.3 + 0.17 * len(report.rows)
    canvas = Canvas(4.2, height)
    axes = canvas.add_subplot()
    share = f"{report.settings['level']:.0%}"
    plain(
        axes,
        f"ROC, area with {share} interval",
        "negatives called positive",
        "positives found",
    )
    axes.plot([0, 1], [0, 1], color=PALE, linewidth=0.8, linestyle=":")
    for number, row in enumerate(report.rows):
        style = _style(number)
        false, true, _ = roc_curve(report.labels, report.scores[row["model"]])
        value, low, high = row["auc"]
        name = shortened(row["model"], 30)
        axes.plot(
            false,
            true,
            **style,
            linewidth=1.6,
            label=f"{name}, {value:.3f} ({low:.3f} to {high:.3f})",
        )
        axes.plot(
            1 - row["specificity"][0],
            row["sensitivity"][0],
            marker="o",
            markersize=6,
            color=style["color"],
            markeredgecolor="white",
            clip_on=False,
        )
    axes.set(xlim=(0, 1), ylim=(0, 1), aspect="equal")
    canvas.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        fontsize=SMALL,
        frameon=False,
        labelcolor=INK,
    )
    return canvas


def plot_calibration(report, bins=10):
    """How often answers are right, over how sure they are of it.

    Args:
        report: `evaluation.ScoresReport`.
        bins: int, of equal width, `B`. Defaults to `10`.

    Returns:
        A `matplotlib.figure.Figure` of a panel a model: the share of positives
        among the images of each bin of probabilities, before and after scaling
        with the model's temperature, and below it how many images there are.
        On the diagonal probabilities are true.

    Raises:
        ValueError: For a number of bins below 1.

    Example:

    >>> from keras_attention.evaluation import report
    >>> labels = np.repeat([0, 1], 10)
    >>> scores = np.linspace(0, 1, 20)
    >>> found = report(labels, {"plain": scores}, repeats=20)
    >>> [axes.get_title(loc="left") for axes in plot_calibration(found).axes]
    ['plain', '']
    """
    arguments.positive_int("bins", bins)
    count = len(report.rows)
    columns = min(count, 4)
    lines = -(-count // columns)
    canvas = Canvas(0.5 + _PANEL * columns, 0.4 + 1.45 * _PANEL * lines)
    grid = canvas.add_gridspec(2 * lines, columns, height_ratios=[3, 1] * lines)
    for number, row in enumerate(report.rows):
        line, column = divmod(number, columns)
        upper = canvas.add_subplot(grid[2 * line, column])
        lower = canvas.add_subplot(grid[2 * line + 1, column], sharex=upper)
        _draw_calibration(upper, lower, report, row, bins)
    return canvas


def _draw_calibration(upper, lower, report, row, bins):
    plain(upper, shortened(row["model"], 26), y="share of positives")
    plain(lower, "", "probability of the positive class", "images")
    upper.plot([0, 1], [0, 1], color=PALE, linewidth=0.8, linestyle=":")
    scores = report.scores[row["model"]]
    both = np.stack([1 - scores, scores], -1)
    scaled = at_temperature(both, row["temperature"])[:, 1]
    errors = row["ece"], row["ece_at_temperature"]
    edges = np.linspace(0, 1, bins + 1)
    names = "as told", f"at temperature {row['temperature']:.2g}"
    for number, (values, name, error) in enumerate(
        zip((scores, scaled), names, errors, strict=True)
    ):
        bin_of = np.clip(np.searchsorted(edges, values) - 1, 0, bins - 1)
        counts = np.bincount(bin_of, minlength=bins)
        filled = counts > 0
        told = np.bincount(bin_of, values, bins)[filled] / counts[filled]
        true = np.bincount(bin_of, report.labels, bins)[filled] / counts[filled]
        style = _style(number)
        upper.plot(
            told,
            true,
            **style,
            marker="o",
            markersize=3.5,
            linewidth=1.4,
            label=f"{name}, ECE {error:.3f}",
        )
        lower.stairs(counts, edges, color=style["color"], linewidth=1.2)
    upper.set(xlim=(0, 1), ylim=(0, 1))
    upper.tick_params(labelbottom=False)
    upper.legend(
        fontsize=SMALL - 1,
        frameon=False,
        labelcolor=INK,
        loc="upper left",
    )


def _style(number):
    return {
        "color": _COLOURS[number % len(_COLOURS)],
        "linestyle": _LINES[number // len(_COLOURS) % len(_LINES)],
    }
