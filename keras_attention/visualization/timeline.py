"""The same images row by row: epoch after epoch, or layer by layer."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from keras_attention.internals.words import shortened
from keras_attention.visualization.canvas import INK
from keras_attention.visualization.canvas import MEDIUM
from keras_attention.visualization.canvas import PALE
from keras_attention.visualization.canvas import SMALL
from keras_attention.visualization.overlays import COLORMAP
from keras_attention.visualization.overlays import outlined
from keras_attention.visualization.overlays import overlaid
from keras_attention.visualization.overlays import resized
from keras_attention.visualization.panels import NotebookFigure

_SIDE = 144  # pixels of a picture's longer side
_GAP = 6
_INCH = 150  # pixels
# In inches.
_LABEL, _TITLE, _BAR = 1.95, 0.3, 0.85
_LONGEST = 27  # letters of a line beside a row


def timeline(title, pictures, rows, scales, paths=None):
    """A figure of rows of maps over the same images.

    All of it is one picture with a label a row, so that it takes no longer to
    draw fifty epochs than one.

    Args:
        title: str, above everything.
        pictures: array `(batch, height, width, 3)` in `[0, 1]`.
        rows: list of str, what is said of each row, on several lines.
        scales: list of `Scaled`, the maps of each row.
        paths: list or `None`, lines around the objects, as `outline_paths`
            gives them. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`: the images, and below them the rows. A
        colour bar says what the colours stand for if all rows have one scale.
    """
    pictures, scale = resized(pictures, _SIDE)
    paths = paths or [[]] * len(pictures)
    strips = [outlined(pictures, paths, scale)]
    for row in scales:
        strips.append(strip(pictures, row, paths, scale))
    mosaic = np.concatenate([_joined(strip) for strip in strips])
    height, width = mosaic.shape[:2]
    is_one = len({(row.high, row.label) for row in scales}) == 1
    size = width / _INCH, height / _INCH
    total = _LABEL + size[0] + _BAR * is_one, _TITLE + size[1]
    canvas = NotebookFigure(figsize=total, dpi=_INCH, facecolor="white")
    axes = canvas.add_axes(
        (_LABEL / total[0], 0, size[0] / total[0], size[1] / total[1])
    )
    axes.imshow(mosaic, interpolation="nearest")
    axes.set_axis_off()
    for row, text in enumerate(["image", *rows]):
        lines = [shortened(line, _LONGEST) for line in text.split("\n")]
        axes.text(
            -0.08 * _INCH,
            (row + 0.5) * height / len(strips),
            "\n".join(lines),
            ha="right",
            va="center",
            fontsize=SMALL,
            color=INK,
        )
    axes.set_title(
        shortened(title, 10 + width // 12),
        loc="left",
        fontsize=MEDIUM,
        color=INK,
    )
    if is_one:
        tall = min(size[1], 1.6)
        place = total[0] - _BAR + 0.05, size[1] - tall, 0.1, tall
        bar = canvas.colorbar(
            ScalarMappable(Normalize(0, scales[0].high), COLORMAP),
            cax=canvas.add_axes(np.divide(place, (*total, *total))),
        )
        bar.set_label(scales[0].label, fontsize=SMALL, color=PALE)
        bar.ax.tick_params(labelsize=SMALL, length=2.5, colors=INK)
        bar.outline.set_visible(False)
    return canvas


def strip(pictures, row, paths, scale=1.0):
    """The maps of one row over their images, `(batch, height, width, 3)`.

    Args:
        pictures: array `(batch, height, width, 3)` in `[0, 1]`.
        row: `Scaled`, the maps.
        paths: list, lines around the objects.
        scale: float, how much larger the pictures are than the lines. Defaults
            to `1.0`.
    """
    return outlined(overlaid(pictures, row.values, row.high), paths, scale)


def _joined(pictures):
    """Pictures side by side, with white between and below them."""
    gaps = ((0, 0), (0, _GAP), (0, _GAP), (0, 0))
    return np.concatenate([*np.pad(pictures, gaps, constant_values=1)], axis=1)
