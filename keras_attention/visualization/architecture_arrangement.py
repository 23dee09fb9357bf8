"""Where the parts of a model's figure stand, in inches."""

import math

from keras_attention.internals.words import shortened
from keras_attention.visualization.architecture_parts import Place
from keras_attention.visualization.architecture_parts import times

# A 16:9 slide, its borders, and the largest sizes of a box.
WIDTH, RATIO, MARGIN, HEADER, LEGEND = 40 / 3, 9 / 16, 0.35, 1.15, 0.5
TALLEST, WIDEST, THINNEST, THIN = 3.4, 0.8, 0.1, 0.07
SKEW, GAP, TEXT_GAP, POOL_GAP = 0.2, 0.14, 0.16, 0.06
LEVEL = 0.3
# How far the line of a query stays from boxes, and from what it stands on.
RAIL = 0.3
_LONGEST = 40  # letters of a name
FONTS = (11.5, 11, 10.5, 10, 9.5, 9, 8.5, 8, 7.5, 7)


class Arrangement:
    """Sizes and positions of boxes, labels and arcs.

    Args:
        parts: list of `Part`, from left to right.
        taps: list of `Tap`.
        axes: `matplotlib.axes.Axes` at 150 dots an inch, to measure text with.

    Attributes:
        width, height: float, of the figure.
        centres: list of float, the middle of every part.
        font: float, the size of labels in points.
    """

    def __init__(self, parts, taps, axes):
        self.parts = parts
        self.taps = sorted(taps, key=lambda tap: tap.source)
        self.axes = axes
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
        self.height = self.width * RATIO
        self._fit_height()

    @property
    def line(self):
        """The height of a line of text."""
        return self.font / 72 * 1.35

    @property
    def floor(self):
        """What boxes stand on: there is room for labels below it."""
        rows = [
            max((len(self.lines(part)) for part in parts), default=0)
            for parts in (self.row(True), self.row(False))
        ]
        gap = 0.3 if rows[0] else 0.2
        return LEGEND + sum(rows) * self.line + gap

    def row(self, is_attention):
        """Parts whose labels stand in one row."""
        return [
            part
            for part in self.parts
            if (part.kind == "attention") == is_attention
        ]

    def _fit_width(self):
        """The largest font with which all fits, or else a larger figure."""
        for font in FONTS:
            self.font = font
            needed = self._place()
            if needed <= WIDTH:
                break
        width = max(WIDTH, needed)
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
        while self._highest() > self.height - HEADER and self.scale > 0.3:
            self.scale *= 0.95
        self.height = max(self.height, self._highest() + HEADER)

    def _highest(self):
        tops = [self.top(number) for number in range(len(self.parts))]
        tops += [
            bottom + self.tap_height(tap)
            for tap, (*_, bottom, _) in zip(
                self.taps, self.tap_spots(), strict=True
            )
        ]
        return max(tops)

    def _place(self):
        """Sets `centres` as tight as boxes and labels allow."""
        self.centres = []
        edge, text_edges = MARGIN, {True: MARGIN, False: MARGIN}
        for part in self.parts:
            left, right = self._extent(part)
            row = part.kind == "attention"  # has its labels below the others'
            label = self.text_size(self.lines(part)) / 2
            x = max(edge + left, text_edges[row] + label)
            if row:  # its line passes between the labels of the others
                x = max(x, text_edges[False])
                text_edges[False] = x + TEXT_GAP
            self.centres.append(x)
            edge = x + right + GAP
            text_edges[row] = x + label + TEXT_GAP
        ends = [edge - GAP, *(x - TEXT_GAP for x in text_edges.values())]
        return max(ends) + MARGIN

    def _extent(self, part):
        """How far a part reaches to the left and right of its centre."""
        width, height = self.size(part.kind, part.shape)
        reach = [width / 2 + self.depth(part.kind, height)]
        if part.pooled:
            thin, height = self.size("pooling", part.pooled)
            depth = self.depth("pooling", height)
            reach.append(width / 2 + POOL_GAP + thin + depth)
        return width / 2, max(reach)

    def size(self, kind, shape):
        """Width and height of a box's front."""
        deep = math.sqrt(shape[-1] / self.deepest[kind == "vector"])
        if kind == "vector":
            return 0.18, (0.4 + 1.1 * deep) * self.scale
        height = TALLEST * self.scale * math.sqrt(_side(shape) / self.largest)
        if kind == "block":
            return max(THINNEST, WIDEST * deep), height
        return 0.18 if kind == "attention" else THIN, height

    def depth(self, kind, height):
        """How far the back of a box is right of and above its front."""
        return 0.0 if kind == "vector" else SKEW * height

    def top(self, number):
        """How high a part reaches."""
        part = self.parts[number]
        _, height = self.size(part.kind, part.shape)
        return self.floor + height + self.depth(part.kind, height)

    def lines(self, part):
        """A part's label, its name first."""
        own = [] if part.kind == "attention" else [times(part.shape)]
        return [shortened(part.name, _LONGEST), *part.details, *own]

    def tap_lines(self, tap):
        """A tap's label, its name first."""
        return [shortened(tap.name, _LONGEST), *tap.details]

    def text_size(self, lines):
        """The width of lines of which the first is bold."""
        sizes = []
        for number, line in enumerate(lines):
            drawn = self.axes.text(
                0, 0, line, parse_math=False, **self.style(number)
            )
            sizes.append(drawn.get_window_extent().width / 150)
            drawn.remove()
        return max(sizes)

    def style(self, number):
        """The font of a line of a label."""
        if number == 0:
            return {"fontsize": self.font, "weight": "bold"}
        return {"fontsize": self.font - 0.5}

    def tap_width(self, tap):
        """The width of a tap's box."""
        return self.text_size(self.tap_lines(tap)) + 0.26

    def tap_height(self, tap):
        """The height of a tap's box."""
        return self.line * (1 + len(tap.details)) + 0.16

    def tap_spots(self):
        """Where taps start, and where their boxes and arcs are.

        From right to left, every box is above and left of those before it,
        so that no line from a block or to the end crosses another. As far as
        there is room, all stand left of the lines of their queries.

        Returns:
            List of `(x, y, left of the box, its bottom, x of the arrow)`.
        """
        target = self.target()
        starts = [self.spot(tap.source) for tap in self.taps]
        rails = [self.spot(tap.query)[0] for tap in self.taps if tap.query]
        spots, level, limit = [], 0.0, self.width
        for number, tap in reversed(list(enumerate(self.taps))):
            x, y = starts[number]
            x = min(x, limit)
            limit = x - 0.2
            before = min(limit, starts[number - 1][0]) if number else 0.0
            left = x - 0.13
            if x + 0.13 + RAIL < min(rails, default=0.0):
                moved = min(rails) - RAIL - self.tap_width(tap)
                left = min(left, max(moved, before + 0.1))
            below = [
                self.top(n)
                for n in range(target + 1)
                if n >= tap.source.part or self._right(n) > left
            ]
            bottom = max(max(below) + LEVEL, level)
            level = bottom + self.tap_height(tap) + 0.16
            # The outermost arc arrives outermost.
            aside = 0.1 * ((len(self.taps) - 1) / 2 - number)
            spots.insert(0, (x, y, left, bottom, self.centres[target] + aside))
        return spots

    def query_lines(self):
        """The corners of the line from every query to its attention.

        Returns:
            List of `(x, y, marker)`: two lists of numbers, and the arrow's
            head, as matplotlib names it.
        """
        lines, right = [], 0.0
        spots = self.tap_spots()
        for tap, (stem, _, left, bottom, _) in reversed(
            list(zip(self.taps, spots, strict=True))
        ):
            right = max(right, left + self.tap_width(tap))
            if tap.query is None:
                continue
            x, y = self.spot(tap.query)
            # Below the arc, which leaves from the middle.
            level = bottom + 0.22 * self.tap_height(tap)
            if x < stem:
                lines.append(([x, x, left - 0.05], [y, level, level], ">"))
                continue
            # Up beside all boxes below, and from the right into its own.
            rail, turn = x, y
            if x < right + RAIL / 2:
                rail, turn = right + RAIL, self.top(tap.query.part) + RAIL / 2
            end = left + self.tap_width(tap) + 0.05
            xs = [x, x, rail, rail, end]
            lines.append((xs, [y, turn, turn, level, level], "<"))
        for number, part in enumerate(self.parts):
            if part.query is not None:
                lines.append(self._line_to_part(number, part.query))
        return lines

    def _line_to_part(self, number, query):
        x, y = self.spot(query)
        end, bottom = self.spot(Place(number, False))
        between = range(*sorted((number, query.part)), 1)
        over = max(self.top(n) for n in (*between, number, query.part))
        over += LEVEL / 2
        return [x, x, end, end], [y, over, over, bottom + 0.05], "v"

    def spot(self, place):
        """The middle of the lid of a box, where lines start and end."""
        part, x = self.parts[place.part], self.centres[place.part]
        width, height = self.size(part.kind, part.shape)
        if place.is_pooled:
            thin, height = self.size("pooling", part.pooled)
            x += width / 2 + POOL_GAP + thin / 2
        depth = self.depth(part.kind, height)
        return x + depth / 2, self.floor + height + depth / 2

    def _right(self, number):
        return self.centres[number] + self._extent(self.parts[number])[1]

    def target(self):
        """Number of the part that arcs end at."""
        vectors = (n for n, p in enumerate(self.parts) if p.kind == "vector")
        return next(vectors, len(self.parts) - 1)


def _side(shape):
    """The side of the square with as many positions."""
    return math.sqrt(math.prod(shape[:-1]))
