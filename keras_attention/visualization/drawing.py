"""One map over its image, and the lines around objects, as axes show them."""

import numpy as np
from matplotlib import patheffects
from matplotlib.patches import Polygon

from keras_attention.visualization.overlays import COLORMAP
from keras_attention.visualization.overlays import DARKEST
from keras_attention.visualization.overlays import OPACITY
from keras_attention.visualization.overlays import OUTLINE
from keras_attention.visualization.panels import SMALL
from keras_attention.visualization.pictures import grey
from keras_attention.visualization.scaling import is_flat

_HALO = [
    patheffects.Stroke(linewidth=2.3, foreground="black", alpha=0.75),
    patheffects.Normal(),
]
# What is less than this share of the highest is seen by nobody, unless a map is
# stretched until it is.
_NEARLY = 0.02


def draw_map(axes, picture, value, norm, paths=(), word=None):
    """Draws a map, smoothly enlarged, over its grey image.

    A map that is the same everywhere, or nowhere finite, is marked as one.

    Args:
        axes: `matplotlib.axes.Axes`.
        picture: array `(height, width, 3)` in `[0, 1]`.
        value: array `(rows, columns)`; what is not finite has no colour.
        norm: `matplotlib.colors.Normalize` from 0.
        paths: iterable of array `(points, 2)`, lines around the objects.
            Defaults to `()`.
        word: str or `None`, what to mark it with; `None` asks `flat_word`.
            Defaults to `None`.
    """
    height, width = picture.shape[:2]
    base = DARKEST + (1 - DARKEST) * grey(picture)
    axes.imshow(base, cmap="gray", vmin=0, vmax=1)
    axes.imshow(
        np.ma.masked_invalid(value),
        cmap=COLORMAP,
        norm=norm,
        alpha=np.interp(np.nan_to_num(value), (0, norm.vmax), OPACITY),
        interpolation="bicubic",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    draw_outline(axes, paths)
    word = flat_word(value) if word is None else word
    if word:
        mark(axes, word)


def flat_word(value):
    """What is to be said of a map without contrast, or nothing.

    >>> [flat_word(np.full((2, 2), x)) for x in (np.nan, 0.0, 0.25)]
    ['not finite', 'all 0', 'uniform']
    >>> flat_word(np.array([[1.0, 1.01]]))
    'nearly uniform'
    >>> flat_word(np.eye(2))
    ''
    """
    if not np.isfinite(value).any():
        return "not finite"
    if is_flat(value):
        return "uniform" if np.nan_to_num(value).any() else "all 0"
    finite = value[np.isfinite(value)]
    is_nearly = np.ptp(finite) <= _NEARLY * np.abs(finite).max()
    return "nearly uniform" if is_nearly else ""


def draw_outline(axes, paths):
    """Draws closed lines that are seen on every colour."""
    for path in paths:
        axes.add_patch(
            Polygon(
                path,
                fill=False,
                edgecolor=OUTLINE,
                linewidth=1.3,
                joinstyle="round",
                path_effects=_HALO,
            )
        )


def mark(axes, text):
    """Writes into a panel that has nothing else to show."""
    axes.text(
        0.5,
        0.5,
        text,
        transform=axes.transAxes,
        ha="center",
        va="center",
        fontsize=SMALL,
        color="white",
        bbox={"facecolor": "black", "alpha": 0.6, "edgecolor": "none"},
    )
