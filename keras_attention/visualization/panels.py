"""A grid of panels with titles and colour bars, laid out in inches.

Placed by hand, because matplotlib's layout engines make room for a long title
by moving the panels apart.
"""

import io
import os
import pathlib

import matplotlib
from matplotlib.figure import Figure
from matplotlib.text import Text

from keras_attention.internals.files import written_whole
from keras_attention.internals.words import printable
from keras_attention.internals.words import shortened

# Whole pixels at 150 dots an inch; others leave light seams at the edges.
_TILE, _GAP, _MARGIN = 1.2, 0.08, 0.12
_TITLE, _LINE, _ROW_GAP = 0.26, 0.16, 0.08
_BAR, _BAR_TICKS, _BAR_LABELS = 0.1, 0.52, 0.68
_LEAST, _LARGEST_TILE = 3.4, 2.3
DOTS = 150  # an inch
SMALL, MEDIUM = 8, 10
LETTER = 0.0085  # the width of one of a point, on average
INK, PALE = "#222222", "#666666"


class NotebookFigure(Figure):
    """A figure that a notebook shows although pyplot does not know it.

    Its texts are names that people gave to layers and classes: a `$` in them
    begins no formula, and a control character is shown as one.
    """

    def draw(self, renderer):
        """Draws every text as it is, also those that are made on the way."""
        for text in self.findobj(Text):
            text.set_parse_math(False)
            text.set_text(printable(text.get_text()))
        with matplotlib.rc_context({"text.parse_math": False}):
            super().draw(renderer)

    def savefig(self, fname, **kwargs):
        """As of every figure; a file is written whole or not at all."""
        if not isinstance(fname, str | os.PathLike):
            super().savefig(fname, **kwargs)
            return
        path = pathlib.Path(fname)
        if not path.suffix and kwargs.get("format") is None:
            ending = matplotlib.rcParams["savefig.format"]
            path = path.with_name(f"{path.name}.{ending}")
        with written_whole(path) as new:
            super().savefig(new, **kwargs)

    def _repr_png_(self):
        buffer = io.BytesIO()
        self.savefig(buffer, format="png")
        return buffer.getvalue()


class Sheet(NotebookFigure):
    """A figure whose parts stand where they are put, in inches.

    Args:
        width: float.
        height: float.
    """

    def __init__(self, width, height):
        super().__init__(figsize=(width, height), dpi=DOTS, facecolor="white")

    def panel(self, left, top, width, height):
        """New axes for a picture, without ticks and frame.

        Args:
            left: float, from the left edge.
            top: float, from the upper edge.
            width: float.
            height: float.
        """
        axes = self.add_axes(self.place(left, top, width, height))
        # What is narrower or lower than its panel is in the upper left of it.
        axes.set(xticks=[], yticks=[], anchor="NW")
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def place(self, left, top, width, height):
        """The same place as matplotlib counts: in shares, from below."""
        total_width, total_height = self.get_size_inches()
        return (
            left / total_width,
            1 - (top + height) / total_height,
            width / total_width,
            height / total_height,
        )

    def write(self, x, y, text, size=SMALL, colour=PALE, **kwargs):
        """A text, as far from the left and upper edge.

        Args:
            x: float.
            y: float.
            text: str.
            size: float, of the letters, in points. Defaults to `8`.
            colour: str. Defaults to `"#666666"`.
            **kwargs: matplotlib's, such as `ha` and `va`.
        """
        width, height = self.get_size_inches()
        kwargs = {"va": "center", "fontsize": size, "color": colour} | kwargs
        self.text(x / width, 1 - y / height, text, **kwargs)


class Panels:
    """A figure of rows and columns of square or oblong panels.

    Args:
        rows: int, the image row and one row a layer.
        columns: int, one an image.
        aspect: float, height by width of a panel.
        caption_lines: int, lines of text below the first row.
        note: bool, whether there is a note at the bottom.
    """

    def __init__(self, rows, columns, aspect, caption_lines, note):
        self.columns = columns
        # The longer side of an oblong panel stays within bounds.
        tile = (_TILE * max(1.0, 1 / aspect), _TILE * max(1.0, aspect))
        # Room for the titles of a single image, which fills it.
        room = _LEAST - 2 * _MARGIN - _BAR - _BAR_LABELS
        larger = min(
            (room / columns - _GAP) / tile[0], _LARGEST_TILE / max(tile)
        )
        self.tile = tuple(whole(max(1.0, larger) * side) for side in tile)
        self.tops = []  # of each row of panels, in inches from the top
        y = _MARGIN
        for row in range(rows):
            self.tops.append(y + _TITLE)
            y += _TITLE + self.tile[1] + _ROW_GAP
            if row == 0 and caption_lines:
                y += caption_lines * _LINE + 0.04
        y += _LINE * note
        width = 2 * _MARGIN + columns * (self.tile[0] + _GAP)
        self.size = (max(width + _BAR + _BAR_LABELS, _LEAST), y)
        self.figure = Sheet(*self.size)
        self._leftmost = {}

    def axes(self, row, column):
        """New, empty axes for a panel."""
        left = _MARGIN + column * (self.tile[0] + _GAP)
        axes = self.figure.panel(left, self.tops[row], *self.tile)
        self._leftmost.setdefault(row, axes)
        return axes

    def title(self, row, name, behind="", colour=INK):
        """Writes above the first panel of a row: a name, and what is kept.

        Args:
            row: int.
            name: str, shortened where there is no room.
            behind: str, in any case whole. Defaults to `""`.
            colour: str. Defaults to `"#222222"`.
        """
        room = max(8, self._letters(MEDIUM) - len(behind))
        self._leftmost[row].set_title(
            shortened(name, room) + behind,
            loc="left",
            fontsize=MEDIUM,
            color=colour,
            pad=4.5,
        )

    def colour_bar(self, row, colours, scale):
        """Adds the scale of a row at its right end.

        Args:
            row: int, the row.
            colours: `matplotlib.cm.ScalarMappable`.
            scale: `Scaled`.
        """
        left = _MARGIN + self.columns * (self.tile[0] + _GAP) + 0.04
        place = left, self.tops[row], _BAR, self.tile[1]
        axes = self.figure.add_axes(self.figure.place(*place))
        colour_bar(axes, colours, scale)

    def note(self, text, names):
        """Writes at the bottom, with as many names as there is room for.

        Args:
            text: str, before the names.
            names: list of str.
        """
        letters = self._letters(SMALL) - len(text)
        texts = [", ".join(names)]
        for count in range(len(names) - 1, 0, -1):
            shown = ", ".join(names[:count])
            texts.append(f"{shown} and {len(names) - count} more")
        fitting = next((t for t in texts if len(t) <= letters), None)
        fitting = fitting or shortened(texts[-1], letters)
        y = self.size[1] - 0.5 * _LINE
        self.figure.write(_MARGIN, y, text + fitting)

    def _letters(self, size):
        """How many letters go from one margin to the other."""
        return int((self.size[0] - 2 * _MARGIN) / (LETTER * size))


def colour_bar(axes, colours, scale):
    """Fills tall axes with what the colours stand for.

    Args:
        axes: `matplotlib.axes.Axes`.
        colours: `matplotlib.cm.ScalarMappable`.
        scale: `Scaled`.
    """
    bar = axes.figure.colorbar(
        colours, cax=axes, ticks=scale.ticks, extend=scale.extend
    )
    bar.ax.set_yticklabels(
        [f"{t:.2g}" if t < 100 else f"{t:.0f}" for t in scale.ticks]
    )
    bar.ax.tick_params(labelsize=SMALL, length=2.5, colors=INK)
    bar.outline.set_visible(False)
    bar.set_label(scale.label, fontsize=SMALL, color=PALE, va="center")
    # In line from row to row, whatever the width of the numbers.
    bar.ax.yaxis.set_label_coords(1 + _BAR_TICKS / _BAR, 0.5)


def whole(inches):
    """The nearest length of whole dots."""
    return round(inches * DOTS) / DOTS
