"""How much each hyperparameter explains, as a figure."""

from keras_attention.tuning.result.canvas import BLUE
from keras_attention.tuning.result.canvas import INK
from keras_attention.tuning.result.canvas import PALE
from keras_attention.tuning.result.canvas import SMALL
from keras_attention.tuning.result.canvas import VERMILION
from keras_attention.tuning.result.canvas import Canvas
from keras_attention.tuning.result.canvas import message
from keras_attention.tuning.result.canvas import plain
from keras_attention.tuning.result.canvas import shortened


def plot_importance(result):
    """How much of the scores' variance each hyperparameter explains.

    Points are means over bootstraps of the trials and lines hold 90 % of
    them; where a line reaches 0, no effect was seen.

    Args:
        result: `SearchResult`.

    Returns:
        A `matplotlib.figure.Figure`, unknown to pyplot; with too few trials
        it says so.

    Example:

    >>> from keras_attention.tuning.result.example_search import example_search
    >>> from keras_attention.tuning import SearchResult
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
