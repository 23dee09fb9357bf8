"""The figures' common look: colours, sizes, and what a notebook shows."""

import textwrap

from keras_attention.visualization.panels import NotebookFigure

# Okabe and Ito's: apart for every kind of colour vision.
BLUE, VERMILION = "#0072b2", "#d55e00"
INK, PALE, GRID = "#222222", "#666666", "#dddddd"
COLORMAP = "cividis"
SMALL, MEDIUM = 8, 10


class Canvas(NotebookFigure):
    """A figure of a size in inches, arranged by matplotlib.

    Args:
        width: float, in inches.
        height: float, in inches.
    """

    def __init__(self, width, height):
        super().__init__(
            figsize=(width, height),
            dpi=150,
            facecolor="white",
            layout="constrained",
        )


def message(text):
    """A figure that says why there is nothing to draw."""
    canvas = Canvas(6, 1.4)
    canvas.text(
        0.5,
        0.5,
        textwrap.fill(text, 70),
        ha="center",
        va="center",
        fontsize=MEDIUM,
        color=INK,
    )
    return canvas


def plain(axes, title, x="", y=""):
    """Titles, labels and a light grid; no frame."""
    axes.set_title(title, loc="left", fontsize=MEDIUM, color=INK)
    axes.set_xlabel(x, fontsize=SMALL + 1, color=INK)
    axes.set_ylabel(y, fontsize=SMALL + 1, color=INK)
    axes.tick_params(labelsize=SMALL, colors=INK, length=2.5)
    axes.grid(color=GRID, linewidth=0.6)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side in ("left", "bottom"))
        spine.set_color(GRID)


def wrapped(name, width=16):
    """A long name on several lines, broken after `_` and `/` too.

    >>> wrapped("block3_reduction_ratio")
    'block3_\\nreduction_ratio'
    """
    parts = name.replace("_", "_ ").replace("/", "/ ").split(" ")
    lines = [parts[0]]
    for part in parts[1:]:
        joiner = "" if lines[-1].endswith(("_", "/")) else " "
        if len(lines[-1]) + len(joiner) + len(part) <= width:
            lines[-1] += joiner + part
        else:
            lines.append(part)
    return "\n".join(lines)


def shortened(text, longest=16):
    """A text that is cut where it would be too long.

    >>> shortened("a name without end or aim")
    'a name without …'
    """
    return text if len(text) <= longest else text[: longest - 1] + "…"


NOTHING = "No trial has finished with a score."


def legend(canvas, axes):
    """What the colours stand for, in a line below the figure."""
    canvas.legend(
        *axes.get_legend_handles_labels(),
        loc="outside lower center",
        ncols=3,
        fontsize=MEDIUM - 1,
        frameon=False,
    )
