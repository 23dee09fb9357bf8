"""The figure of one image's walk: image, features, scores, weights, context."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.visualization.panels import NotebookFigure
from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.pictures import grey
from keras_attention.visualization.styles import COLOURS
from keras_attention.visualization.styles import drawing_style
from keras_attention.visualization.styles import slide
from keras_attention.visualization.titles import fit_titles
from keras_attention.visualization.walk import follow

_ANSWERS = 5
_LONGEST = 18


def plot_walk(
    model,
    image,
    layer=None,
    *,
    picture=None,
    head=0,
    query=0,
    class_names=None,
    style="notebook",
):
    """One image on its way through a model, a panel a step.

    The image; the mean of the features' sizes over the channels; the scores
    of every position; the weights, over the image; the context; and the
    model's answer. A step that a layer does not have is left out.

    Args:
        model: `keras.Model` with one input.
        image: array `(height, width, channels)`, as the model takes it.
        layer: str, path or name of the attention layer; `None` takes the last.
            Defaults to `None`.
        picture: array, the image to show, if the model takes it preprocessed:
            `(height, width)` or `(height, width, channels)`, uint8 or floats in
            `[0, 1]`; `None` shows `image`. Defaults to `None`.
        head: int, which head of the layer to show. Defaults to `0`.
        query: int, which query of the layer to show. Defaults to `0`.
        class_names: list of str, names for the model's answer, by class; with
            `None` the classes are numbers. Defaults to `None`.
        style: str, `"notebook"` or `"lecture"`; see `drawing_style`. Defaults
            to `"notebook"`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: For a model without attention over positions, an unknown
            layer, head or query, and a picture that cannot be drawn.

    Example:

    >>> import keras
    >>> from keras_attention.layers import AttentionPooling2D
    >>> inputs = keras.Input((8, 8, 3))
    >>> pooled = AttentionPooling2D(name="where")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(3)(pooled))
    >>> figure = plot_walk(model, np.ones((8, 8, 3)))
    >>> [axes.get_title(loc="left").splitlines()[0] for axes in figure.axes]
    ['image', 'features', 'scores', 'weights', 'context', 'answer']

    See also:
        `plot_attention`, for many images; `worked_example`, for the numbers.
    """
    walk = follow(model, image, layer)
    shown = drawable(np.asarray(image if picture is None else picture)[None])[0]
    weights = _chosen(walk, head, query)
    grid = weights.shape
    steps = [(_draw_image, "image", _size(np.shape(image)), shown)]
    strength = np.abs(walk.features).mean(-1)
    steps.append((_draw_map, "features", _size(walk.features.shape), strength))
    if walk.scores is not None:
        scores = walk.scores[head, query].reshape(grid)
        steps.append((_draw_scores, "scores", walk.steps.get("score"), scores))
    overlay = (shown, weights)
    steps.append(
        (_draw_weights, "weights", walk.steps.get("alignment"), overlay)
    )
    steps.append(_context(walk))
    if walk.answer is not None and walk.answer.ndim == 1:
        answer = _best(walk.answer, class_names)
        steps.append(
            (_draw_answer, "answer", f"{walk.answer.size} classes", answer)
        )
    with drawing_style(style):
        columns = -(-len(steps) // 2) if style == "lecture" else len(steps)
        rows = -(-len(steps) // columns)
        figure = NotebookFigure(
            figsize=slide(style, columns, rows, height=2.3),
            layout="constrained",
        )
        panels = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (draw, title, detail, values) in zip(
            panels, steps, strict=False
        ):
            draw(axes, values)
            axes.set_title(f"{title}\n{detail or ''}", loc="left")
        for axes in panels[len(steps) :]:
            axes.remove()
        fit_titles(figure)
    return figure


def _chosen(walk, head, query):
    """The map `(height, width)` of one head and one query."""
    arguments.non_negative_int("head", head)
    arguments.non_negative_int("query", query)
    height, width = walk.features.shape[:2]
    weights = walk.weights
    if weights.shape[-2:] == (height * width,) * 2 and weights.ndim == 3:
        weights = weights.reshape(len(weights), -1, height, width)
    if weights.shape[-2:] != (height, width):
        raise ValueError(
            f"Layer {walk.layer!r} does not attend to the positions of its "
            f"map, {height} x {width}. Received: weights of shape "
            f"{weights.shape}"
        )
    weights = weights.reshape(len(weights), -1, height, width)
    if head >= weights.shape[0] or query >= weights.shape[1]:
        raise ValueError(
            f"Layer {walk.layer!r} has {weights.shape[0]} heads and "
            f"{weights.shape[1]} queries. Received: head={head}, "
            f"query={query}"
        )
    return weights[head, query]


def _context(walk):
    """The step of the context: a map, a vector, or one a query."""
    name = walk.steps.get("aggregation")
    if walk.context.ndim == 3:
        strength = np.abs(walk.context).mean(-1)
        return (
            _draw_map,
            "context",
            name or _size(walk.context.shape),
            strength,
        )
    rows = walk.context.reshape(-1, walk.context.shape[-1])
    return (_draw_vector, "context", name or _size(rows.shape), rows)


def _best(answer, class_names):
    """Names and shares of the likeliest classes, the likeliest first."""
    is_share = (answer >= 0).all() and abs(answer.sum() - 1) < 1e-3
    shares = answer
    if not is_share:
        shares = np.exp(answer - answer.max())
        shares = shares / shares.sum()
    order = np.argsort(-shares)[:_ANSWERS]
    if class_names is None:
        class_names = range(answer.size)
    if len(class_names) != answer.size:
        expected = f"{answer.size} names, one a class"
        raise ValueError(
            arguments.invalid("class_names", class_names, expected)
        )
    names = [str(class_names[i]) for i in order]
    return [name[:_LONGEST] for name in names], shares[order]


def _draw_image(axes, picture):
    axes.imshow(picture, interpolation="nearest")
    _bare(axes)


def _draw_map(axes, values):
    axes.imshow(values, cmap="viridis")
    _bare(axes)


def _draw_scores(axes, scores):
    # Both ends are told apart by lightness and by hue; 0 is white.
    limit = max(float(np.abs(scores).max()), 1e-12)
    axes.imshow(scores, cmap="RdBu_r", vmin=-limit, vmax=limit)
    _bare(axes)


def _draw_weights(axes, overlay):
    picture, weights = overlay
    height, width = picture.shape[:2]
    axes.imshow(grey(picture), cmap="gray", vmin=0, vmax=1)
    axes.imshow(
        weights,
        cmap="magma",
        vmin=0,
        vmax=max(float(weights.max()), 1e-12),
        alpha=0.75,
        interpolation="nearest",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )
    _bare(axes)


def _draw_vector(axes, rows):
    """One row of colours a query."""
    limit = max(float(np.abs(rows).max()), 1e-12)
    axes.imshow(rows, cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto")
    axes.set_xlabel(f"{rows.shape[1]} channels")
    _bare(axes)


def _draw_answer(axes, best):
    names, shares = best
    rows = range(len(names))
    colours = [COLOURS[0], *["#bbbbbb"] * (len(names) - 1)]
    axes.barh(rows, shares, color=colours[: len(names)])
    axes.set_yticks(rows, names)
    axes.set_xticks([0, 1])
    axes.set_xlim(0, 1)
    axes.invert_yaxis()


def _bare(axes):
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def _size(shape):
    return "x".join(map(str, shape))
