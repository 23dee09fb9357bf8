"""The same scores under several alignments, or at several temperatures."""

import numpy as np
from keras import ops

from keras_attention import alignments
from keras_attention.internals import arguments
from keras_attention.internals.words import shortened
from keras_attention.visualization.animation import Animation
from keras_attention.visualization.animation import picture_of
from keras_attention.visualization.panels import NotebookFigure
from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style
from keras_attention.visualization.styles import slide
from keras_attention.visualization.titles import fit_titles

_COLUMNS = {"notebook": 6, "lecture": 5}
_LONGEST = 28  # letters of a name


def compare_alignments(scores, keys=None, mask=None, style="notebook"):
    """The weights that several alignments make of the same scores.

    A panel an alignment: bars for scores in a row, a map for scores on a
    grid. Below its name, how many positions have any weight and how much the
    first of them has.

    Args:
        scores: array `(positions,)` or `(height, width)`.
        keys: list of keys of `keras_attention.alignments`, or dict of title to
            alignment (a key or a layer). `None` takes every key that needs
            nothing but scores: no query, no channels, and no sign of the scores
            that they do not have. Defaults to `None`.
        mask: bool array, in the shape of `scores`, true where a position may
            be attended to, or `None`. Defaults to `None`.
        style: str, `"notebook"` or `"lecture"`; see `drawing_style`. Defaults
            to `"notebook"`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: For scores of another rank or not finite, an unknown key,
            and an alignment that needs more than scores.

    Example:

    >>> figure = compare_alignments([0.0, 1.0, 3.0], ["softmax", "sparsemax"])
    >>> [axes.get_title(loc="left").splitlines()[0] for axes in figure.axes]
    ['scores', 'softmax', 'sparsemax']

    See also:
        `temperature_animation`.
    """
    scores = _scores(scores)
    chosen = _alignments(keys, scores)
    weights = {
        title: _weights(layer, scores, mask) for title, layer in chosen.items()
    }
    with drawing_style(style):
        columns = min(_COLUMNS[style], len(weights) + 1)
        rows = -(-(len(weights) + 1) // columns)
        figure = NotebookFigure(
            figsize=slide(style, columns, rows), layout="constrained"
        )
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        _draw_scores(panels[0], scores, mask)
        for axes, (title, w) in zip(panels[1:], weights.items(), strict=False):
            _draw_weights(axes, w, shortened(title, _LONGEST))
        for axes in panels[len(weights) + 1 :]:
            axes.remove()
        for axes in figure.axes:
            _clear_frame(axes, scores.ndim)
        fit_titles(figure)
    return figure


def temperature_animation(
    scores, alignment="softmax", temperatures=None, style="notebook"
):
    """The weights while the temperature of their alignment falls.

    Args:
        scores: array `(positions,)` or `(height, width)`.
        alignment: str, the key of an alignment with a `temperature`. Defaults
            to `"softmax"`.
        temperatures: list of float, those of the frames, all above 0; `None`
            takes 25 from 10 down to 0.1. Defaults to `None`.
        style: str, `"notebook"` or `"lecture"`; see `drawing_style`. Defaults
            to `"notebook"`.

    Returns:
        A `TemperatureAnimation`, which a notebook plays and `save` writes as
        a GIF.

    Raises:
        ValueError: For scores of another rank, and for an alignment without a
            temperature.

    Example:

    >>> animation = temperature_animation([0.0, 1.0], temperatures=[2.0, 1.0])
    >>> len(animation.frames)
    2
    """
    scores = _scores(scores)
    if temperatures is None:
        temperatures = np.geomspace(10, 0.1, 25)
    frames = []
    for temperature in temperatures:
        layer = alignments.get(alignment, temperature=float(temperature))
        w = _weights(layer, scores, None)
        with drawing_style(style):
            figure = NotebookFigure(
                figsize=slide(style, 1, 1, 4.0, 2.6), layout="constrained"
            )
            axes = figure.subplots()
            _draw_weights(
                axes, w, f"{alignment}, temperature {temperature:.2f}"
            )
            _clear_frame(axes, scores.ndim)
            if scores.ndim == 1:
                axes.set_ylim(0, 1.05)
            frames.append(picture_of(figure))
    return TemperatureAnimation(frames)


class TemperatureAnimation(Animation):
    """Pictures one after the other, forwards and back.

    Args:
        frames: list of `PIL.Image` objects of one size.
    """

    def __init__(self, frames):
        super().__init__(frames, back=True)


def _scores(scores):
    scores = arguments.real_array("scores", scores).astype("float32")
    if scores.ndim not in (1, 2) or 0 in scores.shape:
        raise ValueError(
            "Invalid value for argument scores: expected (positions,) or "
            f"(height, width), not empty. Received: shape {scores.shape}"
        )
    if not np.isfinite(scores).all():
        count = int((~np.isfinite(scores)).sum())
        raise ValueError(
            "Invalid value for argument scores: expected finite numbers. "
            f"Received: {count} that are not, of {scores.size}"
        )
    return scores


def _alignments(keys, scores):
    """Title to layer; without keys those that need nothing but scores."""
    if keys is None:
        layers = {key: alignments.get(key) for key in alignments.available()}
        return {
            key: layer
            for key, layer in layers.items()
            if not _obstacle(layer, scores)
        }
    if not isinstance(keys, dict):
        keys = {key: key for key in keys}
    layers = {title: alignments.get(key) for title, key in keys.items()}
    for title, layer in layers.items():
        if obstacle := _obstacle(layer, scores):
            raise ValueError(
                "Invalid value for argument keys: these scores are not enough "
                f"for {title!r}, which {obstacle}."
            )
    return layers


def _obstacle(layer, scores):
    """Why an alignment cannot do with these scores alone, or `None`."""
    if layer.needs_query:
        return "needs a query"
    if layer.per_channel:
        return "gives every channel weights of its own"
    if getattr(layer, "k", 1) > scores.size:
        return f"takes the best {layer.k} of {scores.size}"
    if layer.positive_scores and (scores < 0).any():
        return "needs scores that are not negative"
    return None


def _weights(layer, scores, mask):
    grid = scores.shape if scores.ndim == 2 else (1, scores.size)
    if mask is not None:
        mask = np.asarray(mask, bool)
        if mask.shape != scores.shape:
            raise ValueError(
                "Invalid value for argument mask: expected the shape of the "
                f"scores, {scores.shape}. Received: {mask.shape}"
            )
        mask = mask.reshape(1, 1, 1, -1)
    flat = scores.reshape(1, 1, 1, -1)
    weights = layer(flat, mask=mask, grid_shape=grid)
    return ops.convert_to_numpy(weights).reshape(scores.shape)


def _draw_scores(axes, scores, mask):
    hidden = None if mask is None else ~np.asarray(mask, bool)
    shown = np.ma.masked_array(scores, hidden)
    if scores.ndim == 1:
        axes.bar(range(scores.size), shown.filled(0), color="#555555")
        axes.axhline(0, color="#222222", linewidth=0.8)
    else:
        axes.imshow(shown, cmap="Greys_r")
    axes.set_title(
        f"scores\n{shown.min():.2f} to {shown.max():.2f}", loc="left"
    )


def _draw_weights(axes, weights, title):
    used = int((weights > 0).sum())
    if weights.ndim == 1:
        axes.bar(range(weights.size), weights, color=COLOURS[0])
    else:
        axes.imshow(weights, vmin=0, vmax=max(weights.max(), 1e-12))
    axes.set_title(
        f"{title}\n{used} of {weights.size}, up to {weights.max():.2f}",
        loc="left",
    )


def _clear_frame(axes, rank):
    axes.set_xticks([])
    if rank == 2:
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
