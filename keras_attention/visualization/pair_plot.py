"""Every score with every alignment: one image, a tile a pair."""

import numpy as np
from keras import ops

from keras_attention import alignments as registered
from keras_attention.internals.words import shortened
from keras_attention.visualization.panels import NotebookFigure
from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.styles import drawing_style

# In inches: room for names of at most so many letters.
_TILE, _LEFT, _TOP, _RIGHT = 0.62, 1.6, 0.95, 0.95
_LONGEST = 20


def plot_pairs(scores, alignments=None, picture=None, queries=None):
    """What several alignments make of several scores, as a table of maps.

    A row a score, with the scores themselves first; a column an alignment.
    Every map goes from 0 (dark) to its own highest weight (bright). A tile
    is empty where an alignment cannot take the scores: negative ones, or
    without a query.

    Args:
        scores: dict of name to array `(height, width)`, for one query and one
            head.
        alignments: dict of name to a key or a layer of
            `keras_attention.alignments`; `None` takes every key. Of weights for
            every channel the mean is shown. Defaults to `None`.
        picture: array or `None`, the image in the corner, `(height, width)` or
            `(height, width, channels)`, uint8 or floats in `[0, 1]`. Defaults
            to `None`.
        queries: dict or `None`, name of an alignment to the query that it
            needs, `(query_channels,)`. Defaults to `None`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: For scores that are no maps, unknown keys, and a picture
            that cannot be drawn.

    Example:

    >>> maps = {"dot": np.eye(3), "cosine": -np.eye(3)}
    >>> figure = plot_pairs(maps, {"softmax": "softmax", "l1": "l1"})
    >>> len(figure.axes)  # the corner, 2 scores, 3 pairs
    6

    See also:
        `compare_alignments`, larger, for the scores of one map.
    """
    scores = {name: np.asarray(e, "float32") for name, e in scores.items()}
    for name, e in scores.items():
        if e.ndim != 2 or 0 in e.shape:
            raise ValueError(
                "Invalid value for argument scores: expected maps (height, "
                f"width), not empty. Received: {name!r} of shape {e.shape}"
            )
    if alignments is None:
        alignments = {key: key for key in registered.available()}
    layers = {name: registered.get(key) for name, key in alignments.items()}
    queries = queries or {}
    rows, columns = len(scores) + 1, len(layers) + 1
    with drawing_style("notebook"):
        figure = NotebookFigure(
            figsize=(
                _LEFT + _TILE * columns + _RIGHT,
                _TOP + _TILE * rows + 0.05,
            )
        )
        tile = _tiles(figure, rows, columns)
        corner = tile(0, 0)
        if picture is None:
            corner.set_visible(False)
        else:
            picture = drawable(np.asarray(picture)[None])[0]
            corner.imshow(picture)
        for row, (name, e) in enumerate(scores.items(), start=1):
            axes = tile(row, 0)
            axes.imshow(e, cmap="Greys_r")
            axes.set_ylabel(
                shortened(name, _LONGEST), rotation=0, ha="right", va="center"
            )
            for column, (title, layer) in enumerate(layers.items(), start=1):
                weights = _weights(layer, e, queries.get(title))
                if weights is not None:
                    axes = tile(row, column)
                    axes.imshow(weights, vmin=0, vmax=max(weights.max(), 1e-12))
        corner_name = "scores" if picture is None else "image"
        for column, title in enumerate([corner_name, *layers]):
            # Above the first row of tiles, or above the picture.
            above = _TILE if column or picture is None else 0.0
            figure.text(
                (_LEFT + _TILE * (column + 0.4)) / figure.get_figwidth(),
                1 - (_TOP + above - 0.06) / figure.get_figheight(),
                shortened(title, _LONGEST),
                rotation=45,
                ha="left",
                va="bottom",
                fontsize=8,
            )
    return figure


def _tiles(figure, rows, columns):
    """A function that adds the empty axes of one tile of the table."""
    width, height = figure.get_size_inches()

    def tile(row, column):
        axes = figure.add_axes(
            (
                (_LEFT + _TILE * column) / width,
                1 - (_TOP + _TILE * (row + 1)) / height,
                (_TILE - 0.04) / width,
                (_TILE - 0.04) / height,
            )
        )
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
        return axes

    return tile


def _weights(layer, scores, query):
    """The weights as a map, or `None` where there can be none."""
    if layer.positive_scores and (scores < 0).any():
        return None
    if layer.needs_query and query is None:
        return None
    if layer.per_channel and not layer.built:
        return None
    query = None if query is None else np.asarray(query)[None, None]
    flat = scores.reshape(1, 1, 1, -1)
    weights = layer(flat, grid_shape=scores.shape, query=query)
    # (1, heads or channels, 1, positions)
    mean = ops.convert_to_numpy(weights).mean(axis=(0, 1, 2))
    return mean.reshape(scores.shape)
