"""The figure of a model: blocks by the size of their maps, and attention."""

import keras
from matplotlib.patches import FancyBboxPatch
from matplotlib.patches import PathPatch
from matplotlib.patches import Polygon
from matplotlib.path import Path

from keras_attention.inspection.attention_summary import attention_summary
from keras_attention.inspection.attention_summary import percent
from keras_attention.inspection.attention_summary import short
from keras_attention.inspection.symbolic_inputs import symbolic_inputs
from keras_attention.inspection.trace import trace
from keras_attention.internals import arguments
from keras_attention.visualization.architecture_arrangement import MARGIN
from keras_attention.visualization.architecture_arrangement import POOL_GAP
from keras_attention.visualization.architecture_arrangement import Arrangement
from keras_attention.visualization.architecture_parts import parts_and_taps
from keras_attention.visualization.panels import NotebookFigure

_BEND = 0.45
# Okabe and Ito's blue and vermilion: apart for every kind of colour vision.
_COLOURS = {
    "image": ("#e8e8e8", "#777777"),
    "block": ("#8cc4ea", "#0072b2"),
    "pooling": ("#d4e6f4", "#0072b2"),
    "attention": ("#f0a878", "#d55e00"),
    "vector": ("#d0d0d0", "#555555"),
    "query": ("#ffffff", "#0072b2"),
}
_LEGEND_TEXTS = {
    "block": "layers on maps of one size",
    "pooling": "pooling",
    "attention": "attention, with the shape of its weights",
    "vector": "vector",
    "query": "query of attention",
}
_INK, _PALE, _ATTENTION = "#222222", "#555555", "#a84a00"


def plot_architecture(model, input_shape=None):
    """A model as boxes: blocks, where attention sits, and what leads where.

    From left to right, a box is a run of layers on maps of one size: as high
    as the map (to scale by square roots, so that the smallest is seen) and as
    wide as its channels. The thin box behind it is its pooling. Attention
    has its own colour, its name, its class and the shape of its weights:
    in the row if what follows sees the attended map, above the row with an
    arc to the vectors at the end if it taps a block. A dashed arrow leads to
    it from the map that its query is made of. A model with many attention
    layers has them counted in its blocks.

    Args:
        model: `keras.Model`.
        input_shape: tuple or `None`, sizes of the image without the batch,
            needed unless the model knows all of them. Defaults to `None`.

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
    """The figure of parts and taps."""

    def __init__(self, parts, taps):
        self.figure = NotebookFigure(dpi=150, facecolor="white")
        self.axes = self.figure.add_axes((0, 0, 1, 1))
        self.axes.axis("off")
        self.arrangement = Arrangement(parts, taps, self.axes)
        size = self.arrangement.width, self.arrangement.height
        self.figure.set_size_inches(*size)
        self.axes.set(xlim=(0, size[0]), ylim=(0, size[1]))

    def draw(self, title, subtitle):
        """Draws everything."""
        arrangement = self.arrangement
        self._write(
            MARGIN, arrangement.height - 0.5, title, 16, _INK, weight="bold"
        )
        self._write(MARGIN, arrangement.height - 0.85, subtitle, 11.5, _PALE)
        for part, x in zip(arrangement.parts, arrangement.centres, strict=True):
            self._draw_part(part, x)
        for tap, spot in zip(
            arrangement.taps, arrangement.tap_spots(), strict=True
        ):
            self._draw_tap(tap, *spot)
        for line in arrangement.query_lines():
            self._draw_query(*line)
        self._draw_legend()

    def _draw_part(self, part, x):
        width, height = self.arrangement.size(part.kind, part.shape)
        left, top = x - width / 2, self.arrangement.floor - 0.2
        if part.kind == "vector":
            self._draw_plate(
                left, self.arrangement.floor, width, height, "vector"
            )
        else:
            self._draw_box(left, width, height, part.kind)
        if part.attention:
            bottom = self.arrangement.floor + 0.4 * height
            self._draw_plate(left, bottom, width, 0.2 * height, "attention", 0)
        if part.pooled:
            pool = self.arrangement.size("pooling", part.pooled)
            self._draw_box(left + width + POOL_GAP, *pool, "pooling")
        if part.kind == "attention":
            # Below the labels of the blocks, at the end of a thin line.
            rows = max(
                len(self.arrangement.lines(p))
                for p in self.arrangement.row(False)
            )
            top -= rows * self.arrangement.line + 0.1
            ends = [
                self.arrangement.floor - 0.04,
                top + 0.55 * self.arrangement.line,
            ]
            self._draw_line([x, x], ends, "attention", 0.9)
        for number, text in enumerate(self.arrangement.lines(part)):
            is_attention = part.kind == "attention" or text in part.inside
            self._write(
                x,
                top - number * self.arrangement.line,
                text,
                colour=_ATTENTION if is_attention else _INK,
                ha="center",
                **self.arrangement.style(number),
            )

    def _draw_box(self, left, width, height, kind):
        bottom, top, right = (
            self.arrangement.floor,
            self.arrangement.floor + height,
            left + width,
        )
        depth = self.arrangement.depth(kind, height)
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

    def _draw_line(self, x, y, kind, width, **style):
        colour = _COLOURS[kind][1]
        self.axes.plot(x, y, color=colour, linewidth=width, **style)

    def _draw_tap(self, tap, x, y, left, bottom, arrow):
        kind = "attention" if tap.is_attention else "vector"
        colour = _COLOURS[kind][1]
        lines = self.arrangement.tap_lines(tap)
        width = self.arrangement.tap_width(tap)
        height = self.arrangement.tap_height(tap)
        middle = bottom + height / 2
        end = self.arrangement.top(self.arrangement.target()) + 0.07
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
                bottom + height - 0.08 - (number + 0.5) * self.arrangement.line,
                text,
                colour=_ATTENTION if tap.is_attention else _INK,
                ha="center",
                **self.arrangement.style(number),
            )

    def _draw_query(self, x, y, marker):
        colour = _COLOURS["query"][1]
        self._draw_line(x, y, "query", 1.3, linestyle="--", gid="query")
        self.axes.plot(x[0], y[0], marker="o", markersize=5, color=colour)
        self.axes.plot(x[-1], y[-1], marker=marker, markersize=5, color=colour)

    def _draw_legend(self):
        arrangement = self.arrangement
        shown = {part.kind for part in arrangement.parts}
        if any(part.pooled for part in arrangement.parts):
            shown.add("pooling")
        if any(t.is_attention for t in arrangement.taps) or any(
            part.attention for part in arrangement.parts
        ):
            shown.add("attention")
        if any(p.query for p in (*arrangement.parts, *arrangement.taps)):
            shown.add("query")
        x, y = MARGIN, 0.25
        for kind, name in _LEGEND_TEXTS.items():
            if kind not in shown:
                continue
            if kind == "query":
                self._draw_line(
                    [x, x + 0.22], [y, y], kind, 1.3, linestyle="--"
                )
            else:
                self._draw_plate(x, y - 0.07, 0.22, 0.14, kind, 0.02)
            text = self._write(x + 0.3, y, name, 10, _PALE)
            x += 0.3 + text.get_window_extent().width / 150 + 0.4

    def _write(self, x, y, text, fontsize, colour, **style):
        return self.axes.text(
            x,
            y,
            text,
            fontsize=fontsize,
            color=colour,
            va="center",
            parse_math=False,
            **style,
        )


def _shaded(colour, amount):
    """Lighter for positive amounts, darker for negative ones."""
    target = 255 if amount > 0 else 0
    channels = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    mixed = [c + (target - c) * abs(amount) for c in channels]
    return "#" + "".join(f"{round(c):02x}" for c in mixed)
