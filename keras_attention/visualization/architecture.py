"""The figure of a model: blocks by the size of their maps, and attention."""

import math

import keras
from matplotlib.patches import FancyBboxPatch
from matplotlib.patches import PathPatch
from matplotlib.patches import Polygon
from matplotlib.path import Path

from keras_attention import arguments
from keras_attention.metrics.attention_summary import attention_summary
from keras_attention.metrics.attention_summary import percent
from keras_attention.metrics.attention_summary import short
from keras_attention.symbolic_inputs import symbolic_inputs
from keras_attention.trace import trace
from keras_attention.visualization.architecture_parts import parts_and_taps
from keras_attention.visualization.architecture_parts import times
from keras_attention.visualization.panels import NotebookFigure

# Inches: a 16:9 slide, its borders, and the largest sizes of a box.
_WIDTH, _RATIO, _MARGIN, _HEADER, _LEGEND = 40 / 3, 9 / 16, 0.35, 1.15, 0.5
_TALLEST, _WIDEST, _THINNEST, _THIN = 3.4, 0.8, 0.1, 0.07
_SKEW, _GAP, _TEXT_GAP, _POOL_GAP = 0.2, 0.14, 0.16, 0.06
_LEVEL, _BEND = 0.3, 0.45
# Okabe and Ito's blue and vermilion: apart for every kind of colour vision.
_COLOURS = {
    "image": ("#e8e8e8", "#777777"),
    "block": ("#8cc4ea", "#0072b2"),
    "pooling": ("#d4e6f4", "#0072b2"),
    "attention": ("#f0a878", "#d55e00"),
    "vector": ("#d0d0d0", "#555555"),
}
_LEGEND_TEXTS = {
    "block": "layers on maps of one size",
    "pooling": "pooling",
    "attention": "attention, with the shape of its weights",
    "vector": "vector",
}
_INK, _PALE, _ATTENTION = "#222222", "#555555", "#a84a00"
_FONTS = (11.5, 11, 10.5, 10, 9.5, 9, 8.5, 8, 7.5, 7)


def plot_architecture(model, input_shape=None):
    """A model as boxes: blocks, where attention sits, and what leads where.

    From left to right, a box is a run of layers on maps of one size: as high
    as the map (to scale by square roots, so that the smallest is seen) and as
    wide as its channels. The thin box behind it is its pooling. Attention
    has its own colour, its name, its class and the shape of its weights:
    in the row if what follows sees the attended map, above the row with an
    arc to the vectors at the end if it taps a block. A model with many
    attention layers has them counted in its blocks.

    Args:
        model: A Keras model.
        input_shape: Sizes of the image without the batch, needed unless the
            model knows all of them.

    Returns:
        A `matplotlib.figure.Figure` of 16:9 at 150 dots an inch, unknown to
        pyplot. Notebooks show it as the value of a cell; `figure.savefig`
        saves it. A model too long for the slide gets a larger figure.

    Raises:
        ValueError: If `model` is not a Keras model, and for what
            `keras_attention.attention_summary` refuses.

    Example:

    >>> from keras_attention import VGG16BNAttention
    >>> model = VGG16BNAttention(
    ...     {"block3": "gate"}, input_shape=(32, 32, 3), classes=10,
    ...     width_multiplier=0.125,
    ... )
    >>> figure = plot_architecture(model)
    >>> texts = [text.get_text() for text in figure.axes[0].texts]
    >>> [text for text in texts if "Gate" in text]
    ['AttentionGate2D']

    See also:
        `keras_attention.attention_summary`, the same in numbers.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(arguments.invalid("model", model, "a keras.Model"))
    inputs = symbolic_inputs(model, input_shape)
    _, calls = trace(model, inputs)
    summary = attention_summary(model, input_shape)
    parts, taps = parts_and_taps(model, inputs, calls, summary.rows)
    drawing = _Drawing(parts, taps)
    drawing.draw(model.name, _subtitle(summary))
    return drawing.figure


def _subtitle(summary):
    model = summary.model
    text = (
        f"{model.parameters:,} parameters, {short(model.flops)}FLOPs an image"
    )
    if summary.rows:
        total = summary.total
        share = total["parameters"] / max(1, model.parameters)
        text += (
            f"; attention: {percent(share)} of the parameters, "
            f"{percent(total['flops_share'])} of the FLOPs"
        )
    return text


class _Drawing:
    """Lays the parts out in inches and draws them."""

    def __init__(self, parts, taps):
        self.parts = parts
        self.taps = sorted(taps, key=lambda tap: (tap.source, tap.is_pooled))
        self.figure = NotebookFigure(dpi=150, facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.axis("off")
        maps = [part.shape for part in parts if part.kind != "vector"]
        vectors = [part.shape for part in parts if part.kind == "vector"]
        self.largest = max(map(_side, maps))
        # Channels of maps and of vectors: a flattened map has far more.
        self.deepest = {
            False: max(shape[-1] for shape in maps),
            True: max((shape[-1] for shape in vectors), default=1),
        }
        self.scale = 1.0
        self.width = self._fit_width()
        self.height = self.width * _RATIO
        self._fit_height()
        self.figure.set_size_inches(self.width, self.height)
        self.axes.set(xlim=(0, self.width), ylim=(0, self.height))

    def draw(self, title, subtitle):
        """Draws everything."""
        self._write(_MARGIN, self.height - 0.5, title, 16, _INK, weight="bold")
        self._write(_MARGIN, self.height - 0.85, subtitle, 11.5, _PALE)
        for part, x in zip(self.parts, self.centres, strict=True):
            self._draw_part(part, x)
        for tap, spot in zip(self.taps, self._tap_spots(), strict=True):
            self._draw_tap(tap, *spot)
        self._draw_legend()

    # Layout

    @property
    def line(self):
        """The height of a line of text."""
        return self.font / 72 * 1.35

    @property
    def floor(self):
        """What boxes stand on: there is room for labels below it."""
        rows = [
            max((len(self._lines(part)) for part in parts), default=0)
            for parts in (self._parts(True), self._parts(False))
        ]
        gap = 0.3 if rows[0] else 0.2
        return _LEGEND + sum(rows) * self.line + gap

    def _parts(self, is_attention):
        return [
            part
            for part in self.parts
            if (part.kind == "attention") == is_attention
        ]

    def _fit_width(self):
        """The largest font with which all fits, or else a larger figure."""
        for font in _FONTS:
            self.font = font
            needed = self._place()
            if needed <= _WIDTH:
                break
        width = max(_WIDTH, needed)
        # Loosely, but not so far apart that it falls to pieces.
        steps = max(1, len(self.parts) - 1)
        spread = min((width - needed) / steps, 0.8)
        start = (width - needed - spread * steps) / 2
        self.centres = [
            x + start + spread * number for number, x in enumerate(self.centres)
        ]
        return width

    def _fit_height(self):
        """Flatter boxes if arcs above them would leave the figure."""
        while self._highest() > self.height - _HEADER and self.scale > 0.3:
            self.scale *= 0.95
        self.height = max(self.height, self._highest() + _HEADER)

    def _highest(self):
        tops = [self._top(number) for number in range(len(self.parts))]
        tops += [
            bottom + self._tap_height(tap)
            for tap, (_, _, bottom, _) in zip(
                self.taps, self._tap_spots(), strict=True
            )
        ]
        return max(tops)

    def _place(self):
        """Sets `centres` as tight as boxes and labels allow."""
        self.centres = []
        edge, text_edges = _MARGIN, {True: _MARGIN, False: _MARGIN}
        for part in self.parts:
            left, right = self._extent(part)
            row = part.kind == "attention"  # has its labels below the others'
            label = self._text_size(self._lines(part)) / 2
            x = max(edge + left, text_edges[row] + label)
            if row:  # its line passes between the labels of the others
                x = max(x, text_edges[False])
                text_edges[False] = x + _TEXT_GAP
            self.centres.append(x)
            edge = x + right + _GAP
            text_edges[row] = x + label + _TEXT_GAP
        ends = [edge - _GAP, *(x - _TEXT_GAP for x in text_edges.values())]
        return max(ends) + _MARGIN

    def _extent(self, part):
        """How far a part reaches to the left and right of its centre."""
        width, height = self._size(part.kind, part.shape)
        reach = [width / 2 + self._depth(part.kind, height)]
        if part.pooled:
            thin, height = self._size("pooling", part.pooled)
            depth = self._depth("pooling", height)
            reach.append(width / 2 + _POOL_GAP + thin + depth)
        return width / 2, max(reach)

    def _size(self, kind, shape):
        """Width and height of a box's front."""
        deep = math.sqrt(shape[-1] / self.deepest[kind == "vector"])
        if kind == "vector":
            return 0.18, (0.4 + 1.1 * deep) * self.scale
        height = _TALLEST * self.scale * math.sqrt(_side(shape) / self.largest)
        if kind == "block":
            return max(_THINNEST, _WIDEST * deep), height
        return 0.18 if kind == "attention" else _THIN, height

    def _depth(self, kind, height):
        return 0.0 if kind == "vector" else _SKEW * height

    def _top(self, number):
        """How high a part reaches."""
        part = self.parts[number]
        _, height = self._size(part.kind, part.shape)
        return self.floor + height + self._depth(part.kind, height)

    def _lines(self, part):
        own = [] if part.kind == "attention" else [times(part.shape)]
        return [part.name, *part.details, *own]

    def _text_size(self, lines):
        """The width of lines of which the first is bold."""
        sizes = []
        for number, line in enumerate(lines):
            drawn = self.axes.text(0, 0, line, **self._font(number))
            sizes.append(drawn.get_window_extent().width / 150)
            drawn.remove()
        return max(sizes)

    def _font(self, number):
        if number == 0:
            return {"fontsize": self.font, "weight": "bold"}
        return {"fontsize": self.font - 0.5}

    def _tap_height(self, tap):
        return self.line * (1 + len(tap.details)) + 0.16

    def _tap_spots(self):
        """Where taps start, and where their boxes and arcs are.

        From right to left, every box is above and left of those before it,
        so that no line crosses another.

        Returns:
            List of `(x, y, bottom of the box, x of the arrow)`.
        """
        target = self._target()
        spots, level, limit = [], 0.0, self.width
        for number, tap in reversed(list(enumerate(self.taps))):
            x, y = self._tap_start(tap)
            x = min(x, limit)
            limit = x - 0.2
            over = max(self._top(n) for n in range(tap.source, target + 1))
            bottom = max(over + _LEVEL, level)
            level = bottom + self._tap_height(tap) + 0.16
            # The outermost arc arrives outermost.
            aside = 0.1 * ((len(self.taps) - 1) / 2 - number)
            spots.insert(0, (x, y, bottom, self.centres[target] + aside))
        return spots

    def _tap_start(self, tap):
        part, x = self.parts[tap.source], self.centres[tap.source]
        width, height = self._size(part.kind, part.shape)
        if tap.is_pooled:
            thin, height = self._size("pooling", part.pooled)
            x += width / 2 + _POOL_GAP + thin / 2
        depth = self._depth(part.kind, height)
        return x + depth / 2, self.floor + height + depth / 2

    def _target(self):
        vectors = (n for n, p in enumerate(self.parts) if p.kind == "vector")
        return next(vectors, len(self.parts) - 1)

    # Drawing

    def _draw_part(self, part, x):
        width, height = self._size(part.kind, part.shape)
        left, top = x - width / 2, self.floor - 0.2
        if part.kind == "vector":
            self._draw_plate(left, self.floor, width, height, "vector")
        else:
            self._draw_box(left, width, height, part.kind)
        if part.attention:
            bottom = self.floor + 0.4 * height
            self._draw_plate(left, bottom, width, 0.2 * height, "attention", 0)
        if part.pooled:
            pool = self._size("pooling", part.pooled)
            self._draw_box(left + width + _POOL_GAP, *pool, "pooling")
        if part.kind == "attention":
            # Below the labels of the blocks, at the end of a thin line.
            rows = max(len(self._lines(p)) for p in self._parts(False))
            top -= rows * self.line + 0.1
            ends = [self.floor - 0.04, top + 0.55 * self.line]
            self._draw_line([x, x], ends, "attention", 0.9)
        for number, text in enumerate(self._lines(part)):
            is_attention = part.kind == "attention" or text in part.inside
            self._write(
                x,
                top - number * self.line,
                text,
                colour=_ATTENTION if is_attention else _INK,
                ha="center",
                **self._font(number),
            )

    def _draw_box(self, left, width, height, kind):
        bottom, top, right = self.floor, self.floor + height, left + width
        depth = self._depth(kind, height)
        front = [(left, bottom), (right, bottom), (right, top), (left, top)]
        lid = [
            (left, top),
            (right, top),
            (right + depth, top + depth),
            (left + depth, top + depth),
        ]
        side = [
            (right, bottom),
            (right + depth, bottom + depth),
            (right + depth, top + depth),
            (right, top),
        ]
        fill, edge = _COLOURS[kind]
        for corners, shade in ((front, 0.0), (lid, 0.35), (side, -0.12)):
            face = Polygon(
                corners,
                facecolor=_shaded(fill, shade),
                edgecolor=edge,
                linewidth=0.8,
                joinstyle="round",
            )
            self.axes.add_patch(face)

    def _draw_plate(
        self, left, bottom, width, height, kind, rounding=0.05, lighter=0.0
    ):
        fill, edge = _COLOURS[kind]
        plate = FancyBboxPatch(
            (left, bottom),
            width,
            height,
            boxstyle=f"round,pad=0,rounding_size={rounding}"
            if rounding
            else "square,pad=0",
            facecolor=_shaded(fill, lighter),
            edgecolor=edge,
            linewidth=0.9,
        )
        self.axes.add_patch(plate)

    def _draw_line(self, x, y, kind, width):
        colour = _COLOURS[kind][1]
        self.axes.plot(x, y, color=colour, linewidth=width)

    def _draw_tap(self, tap, x, y, bottom, arrow):
        kind = "attention" if tap.is_attention else "vector"
        colour = _COLOURS[kind][1]
        lines = [tap.name, *tap.details]
        width = self._text_size(lines) + 0.26
        height = self._tap_height(tap)
        left, middle = x - 0.13, bottom + height / 2
        end = self._top(self._target()) + 0.07
        self._draw_line([x, x], [y, bottom], kind, 1.6)
        self.axes.plot(x, y, marker="o", markersize=5, color=colour)
        arc = Path(
            [
                (left + width, middle),
                (arrow - _BEND, middle),
                (arrow, middle),
                (arrow, middle - _BEND),
                (arrow, end),
            ],
            [Path.MOVETO, Path.LINETO, Path.CURVE3, Path.CURVE3, Path.LINETO],
        )
        self.axes.add_patch(
            PathPatch(arc, fill=False, edgecolor=colour, linewidth=1.6)
        )
        self.axes.plot(arrow, end, marker="v", markersize=5, color=colour)
        self._draw_plate(left, bottom, width, height, kind, 0.07, lighter=0.6)
        for number, text in enumerate(lines):
            self._write(
                left + width / 2,
                bottom + height - 0.08 - (number + 0.5) * self.line,
                text,
                colour=_ATTENTION if tap.is_attention else _INK,
                ha="center",
                **self._font(number),
            )

    def _draw_legend(self):
        shown = {part.kind for part in self.parts}
        if any(part.pooled for part in self.parts):
            shown.add("pooling")
        if any(t.is_attention for t in self.taps) or any(
            part.attention for part in self.parts
        ):
            shown.add("attention")
        x, y = _MARGIN, 0.25
        for kind, name in _LEGEND_TEXTS.items():
            if kind not in shown:
                continue
            self._draw_plate(x, y - 0.07, 0.22, 0.14, kind, 0.02)
            text = self._write(x + 0.3, y, name, 10, _PALE)
            x += 0.3 + text.get_window_extent().width / 150 + 0.4

    def _write(self, x, y, text, fontsize, colour, **style):
        return self.axes.text(
            x, y, text, fontsize=fontsize, color=colour, va="center", **style
        )


def _side(shape):
    """The side of the square with as many positions."""
    return math.sqrt(math.prod(shape[:-1]))


def _shaded(colour, amount):
    """Lighter for positive amounts, darker for negative ones."""
    target = 255 if amount > 0 else 0
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = [c + (target - c) * abs(amount) for c in channels]
    return "#" + "".join(f"{round(c):02x}" for c in mixed)
