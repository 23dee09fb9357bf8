"""How large the letters are: for a notebook, or for the back of a hall."""

import contextlib

import matplotlib

from keras_attention.internals import arguments

# Okabe and Ito's colours: apart for every kind of colour vision.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")

STYLES = {
    "notebook": {
        "font.size": 9,
        "axes.titlesize": 10,
        "axes.labelsize": 9,
        "xtick.labelsize": 8,
        "ytick.labelsize": 8,
        "lines.linewidth": 1.5,
        "figure.dpi": 150,
    },
    "lecture": {
        "font.size": 18,
        "axes.titlesize": 20,
        "axes.labelsize": 18,
        "xtick.labelsize": 14,
        "ytick.labelsize": 14,
        "lines.linewidth": 3,
        "figure.dpi": 100,
        # Text stays text in an SVG: it can be searched, and edited on a slide.
        "svg.fonttype": "none",
    },
}
SHARED = {
    "axes.prop_cycle": matplotlib.cycler(color=COLOURS),
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "white",
    "image.cmap": "magma",
    "savefig.dpi": "figure",
}


@contextlib.contextmanager
def drawing_style(style="lecture"):
    """Settings of matplotlib for the figures drawn inside a `with`.

    Args:
        style: str, `"notebook"`, small and dense, or `"lecture"`: large
            letters, thick lines and text that stays text in an SVG file. Both
            use colours that stay apart for every kind of colour vision.
            Defaults to `"lecture"`.

    Yields:
        The settings, matplotlib's `rcParams` by name.

    Raises:
        ValueError: For another style.

    Example:

    >>> import matplotlib
    >>> with drawing_style("lecture"):
    ...     matplotlib.rcParams["font.size"]
    18.0
    """
    arguments.one_of("style", style, tuple(STYLES))
    settings = {**SHARED, **STYLES[style]}
    with matplotlib.rc_context(settings):
        yield settings


def slide(style, columns, rows, width=1.9, height=1.9):
    """The size of a figure of equal panels, in inches.

    A slide has 16 by 9, whatever is on it; a notebook's figure grows with
    its panels.
    """
    if style == "lecture":
        return (16.0, 9.0)
    return (max(4.0, width * columns), max(2.0, height * rows))
