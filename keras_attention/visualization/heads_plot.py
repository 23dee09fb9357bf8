"""The heads of one layer, and what single positions look at."""

import dataclasses

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from keras_attention.internals import arguments
from keras_attention.internals.words import shortened
from keras_attention.visualization.attention_map import AttentionMap
from keras_attention.visualization.comparison_plot import number
from keras_attention.visualization.drawing import draw_map
from keras_attention.visualization.drawing import flat_word
from keras_attention.visualization.entropy import normalized_entropy
from keras_attention.visualization.influence import described_influence
from keras_attention.visualization.influence import has_influence
from keras_attention.visualization.layer_maps import placed
from keras_attention.visualization.overlays import COLORMAP
from keras_attention.visualization.overlays import OUTLINE
from keras_attention.visualization.panels import INK
from keras_attention.visualization.panels import MEDIUM
from keras_attention.visualization.panels import SMALL
from keras_attention.visualization.panels import Sheet
from keras_attention.visualization.panels import colour_bar
from keras_attention.visualization.panels import whole
from keras_attention.visualization.pictures import pictures_of
from keras_attention.visualization.scaling import scaled

# In inches.
_TILE, _LEAST, _GAP, _MARGIN, _BAR = 1.3, 1.1, 0.1, 0.12, 0.86
_TITLE, _LINE = 0.34, 0.16
_COLUMNS = 6
_LONGEST = 30  # letters of a layer's name
_POSITIONS = 12


def plot_heads(attention, images=None, index=0, *, grid=None, prefix=0):
    """What every head of a layer looks at in one image.

    A panel a head, and a query where there are several: the map, its entropy
    (1 is no preference), and last the mean of all. Of pairwise attention the
    map is what the positions receive, the entropy the mean of what each of
    them gives, and the distance how far away it looks, in positions.

    Args:
        attention: `AttentionMap`, spatial or pairwise.
        images: array `(batch, height, width)` or `(batch, height, width,
            channels)`, uint8, or floats in `[0, 1]`, or a list of photographs,
            to draw the maps over; `None` draws the maps alone. Defaults to
            `None`.
        index: int, which image to show. Defaults to `0`.
        grid: tuple `(height, width)` or `None`, of pairwise attention; see
            `AttentionMap.received`. Defaults to `None`.
        prefix: int, of pairwise attention; see `AttentionMap.received`.
            Defaults to `0`.

    Returns:
        A `matplotlib.figure.Figure`. All maps have one scale.

    Raises:
        ValueError: For attention without positions, an image that is not there,
            and a grid that does not fit.

    Example: one head that looks at itself and one that looks everywhere.

    >>> values = np.stack([np.eye(9), np.full((9, 9), 1 / 9)])[None]
    >>> figure = plot_heads(AttentionMap(values, "mix", "pairwise"))
    >>> [t.get_text() for t in figure.texts if "distance" in t.get_text()]
    ['entropy 0.00\\ndistance 0.0', 'entropy 1.00\\ndistance 1.5']

    See also:
        `plot_seen_from`, for single positions.
    """
    one, picture = _one_image(attention, images, index)
    if attention.kind == "pairwise":
        maps = one.received(grid, prefix).values[0]
        values, *_ = one.pairs(grid, prefix)
        # The queries of a head as a batch of maps of one row.
        given = values[0, :, :, None]  # (heads, queries, 1, keys)
        entropies = [normalized_entropy(of_head).mean() for of_head in given]
        away = one.distance(grid, prefix)[0]
        lines = [
            f"entropy {number(e)}\ndistance {d:.1f}"
            for e, d in zip(entropies, away, strict=True)
        ]
        names = [f"head {head + 1}" for head in range(len(maps))]
    else:
        one.spatial()  # says of other kinds that they are no maps
        if grid is not None or prefix:
            raise ValueError(
                "Arguments grid and prefix are for pairwise attention. "
                f"Received: grid={grid!r} and prefix={prefix!r} for spatial "
                f"attention of layer {one.layer!r}"
            )
        maps, names = _by_head_and_query(one.values[0])
        lines = [f"entropy {number(e)}" for e in normalized_entropy(maps)]
    if len(maps) > 1:
        maps = np.concatenate([maps, maps.mean(0, keepdims=True)])
        names.append("mean")
        lines.append(f"entropy {number(normalized_entropy(maps[-1:])[0])}")
    height, width = maps.shape[1:]
    title = (
        f"{shortened(attention.layer, _LONGEST)}, {height}x{width}"
        f"{', received' * (attention.kind == 'pairwise')}"
        f"{described_influence(attention, ', ')}"
    )
    return _row_of_maps(one, title, picture, maps, names, lines)


def plot_seen_from(
    image, attention, positions, index=0, *, grid=None, prefix=0
):
    """What some positions of an image look at, each marked where it is.

    Args:
        image: array `(height, width)` or `(height, width, channels)`, uint8, or
            floats in `[0, 1]`.
        attention: `AttentionMap`, pairwise; of several heads the mean counts.
        positions: list of `(row, column)`, positions of the grid, counted from
            the top left, at most twelve; or one of these.
        index: int, which image of the attention it is. Defaults to `0`.
        grid: tuple `(height, width)` or `None`; see `AttentionMap.received`.
            Defaults to `None`.
        prefix: int; see `AttentionMap.received`. Defaults to `0`.

    Returns:
        A `matplotlib.figure.Figure`: the image with all positions, and a panel
        for each of them. Below stands which share it gives to itself. Of a
        layer whose gain is near 0, below 0.01, no map is drawn: whatever it
        looks at, nothing depends on it.

    Raises:
        ValueError: For attention that is not pairwise, and positions that are
            not there.

    Example:

    >>> values = np.eye(9)[None, None]
    >>> mixed = AttentionMap(values, "mix", "pairwise")
    >>> figure = plot_seen_from(np.zeros((24, 24)), mixed, [(0, 0), (1, 2)])
    >>> [t.get_text() for t in figure.texts if "itself" in t.get_text()]
    ['itself 100%\\nentropy 0.00', 'itself 100%\\nentropy 0.00']

    See also:
        `plot_heads`, for what all positions receive.
    """
    positions = np.atleast_2d(np.asarray(positions))
    if positions.shape[1:] != (2,) or not 0 < len(positions) <= _POSITIONS:
        raise ValueError(
            "Invalid value for argument positions: expected (row, column), or "
            f"1 to {_POSITIONS} of them. Received: an array of shape "
            f"{positions.shape}"
        )
    one, picture = _one_image(attention, np.asarray(image)[None], index, 0)
    _, queries, _ = one.pairs(grid, prefix)
    maps, shares = [], []
    for row, column in positions:
        seen = one.seen_from(int(row), int(column), grid, prefix)
        maps.append(seen.spatial()[0])
        shares.append(_own_share(maps[-1], (row, column), queries))
    maps, word = np.stack(maps), None
    lines = [
        f"itself {share:.0%}\nentropy {number(entropy)}"
        for share, entropy in zip(shares, normalized_entropy(maps), strict=True)
    ]
    if not has_influence(attention.gain):
        maps, word = np.full_like(maps, np.nan), "not to be read"
        lines = ["its gain is near 0"] * len(lines)
    names = [f"row {row}, column {column}" for row, column in positions]
    title = (
        f"{shortened(attention.layer, _LONGEST)}, seen from"
        f"{described_influence(attention, ', ')}"
    )
    # The centres of the positions in pixels, x before y.
    marks = (positions + 0.5) / queries * picture.shape[:2] - 0.5
    marks = marks[:, ::-1]
    # Positions are marked in the grid, which photographs do not have.
    one = dataclasses.replace(one, originals=None)
    return _row_of_maps(one, title, picture, maps, names, lines, marks, word)


def _one_image(attention, images, index, picture=None):
    """The attention of one image, as a batch, and its picture or `None`."""
    if not isinstance(attention, AttentionMap):
        expected = "an AttentionMap, as collect_attention returns them"
        raise ValueError(arguments.invalid("attention", attention, expected))
    arguments.non_negative_int("index", index)
    if index >= len(attention):
        expected = f"one of {len(attention)} images, from 0"
        raise ValueError(arguments.invalid("index", index, expected))
    if images is not None:
        pictures = pictures_of(images)
        place = index if picture is None else picture
        if place >= len(pictures):
            raise ValueError(
                f"Invalid value for argument images: expected {len(attention)}"
                f", one a map. Received: {len(pictures)}"
            )
        images = pictures[place]
    return attention[index], images


def _by_head_and_query(values):
    """`(panels, height, width)` of one image, and the panels' names."""
    if values.ndim == 2:
        values = values[None]
    if values.ndim == 3:
        return values, [f"head {head + 1}" for head in range(len(values))]
    heads, queries, height, width = values.shape
    names = [
        f"head {head + 1}, query {query + 1}"
        for head in range(heads)
        for query in range(queries)
    ]
    return values.reshape(-1, height, width), names


def _own_share(seen, position, queries):
    """How much a position gives to its own place in the grid of the keys."""
    row, column = np.array(position) * seen.shape // queries
    return float(seen[row, column])


def _row_of_maps(
    attention, title, picture, maps, names, lines, marks=None, word=None
):
    """A sheet of panels with one scale, of one image's attention.

    Each is marked with the word, or with what is to be said of its map.
    """
    first = int(marks is not None)  # the picture itself
    count = len(maps) + first
    columns = min(_COLUMNS, count)
    rows = -(-count // columns)
    if picture is None:
        # A map alone has squares for positions.
        picture = np.full((*maps.shape[1:], 3), 0.5, "float32")
    size = picture.shape[:2]
    width, height = (whole(_TILE * s / max(size)) for s in size[::-1])
    below = 0.1 + _LINE * (1 + max(line.count("\n") for line in lines))
    pitch = max(width, _LEAST) + _GAP
    step = 0.22 + height + below
    sheet = Sheet(_MARGIN + columns * pitch + _BAR, _TITLE + rows * step)
    sheet.write(_MARGIN, 0.17, title, size=MEDIUM, colour=INK)
    scale = scaled(maps, "ratio")
    words = [word or flat_word(value) for value in maps]
    originals = attention.originals and attention.originals[[0] * len(maps)]
    values = placed(
        attention.layer, [*scale.values], [size] * len(maps), originals
    )
    values = values.over_images()
    norm = Normalize(0, scale.high)
    for panel in range(count):
        row, column = divmod(panel, columns)
        left, top = _MARGIN + column * pitch, _TITLE + row * step
        axes = sheet.panel(left, top + 0.22, width, height)
        own = panel - first
        if own < 0:
            axes.imshow(picture, interpolation="nearest")
            _draw_marks(axes, marks)
            sheet.write(left, top + 0.11, "image", colour=INK)
            continue
        draw_map(axes, picture, values[own], norm, word=words[own])
        if marks is not None:
            _draw_marks(axes, marks[own : own + 1])
        sheet.write(left, top + 0.11, names[own], colour=INK)
        y = top + 0.22 + height + 0.05
        sheet.write(left, y, lines[own], size=SMALL, va="top")
    place = sheet.place(_MARGIN + columns * pitch, _TITLE + 0.22, 0.1, height)
    colour_bar(sheet.add_axes(place), ScalarMappable(norm, COLORMAP), scale)
    return sheet


def _draw_marks(axes, marks):
    axes.plot(
        *marks.T,
        linestyle="none",
        marker="o",
        markersize=6,
        markerfacecolor="none",
        markeredgecolor="black",
        markeredgewidth=3,
    )
    axes.plot(
        *marks.T,
        linestyle="none",
        marker="o",
        markersize=6,
        markerfacecolor="none",
        markeredgecolor=OUTLINE,
        markeredgewidth=1.5,
    )
