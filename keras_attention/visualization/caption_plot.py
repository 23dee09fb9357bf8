"""Captions word by word: where each was looked for."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from keras_attention.internals import arguments
from keras_attention.internals.words import shortened
from keras_attention.visualization.animation import Animation
from keras_attention.visualization.animation import picture_of
from keras_attention.visualization.drawing import draw_map
from keras_attention.visualization.drawing import draw_outline
from keras_attention.visualization.overlays import COLORMAP
from keras_attention.visualization.panels import Panels
from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.pictures import outline_paths
from keras_attention.visualization.scaling import scaled

_LONGEST = 16  # letters of a word above its panel


def plot_caption_attention(images, said, outlines=None, max_images=4):
    """A row an image: the image, a panel a word, and their sum over time.

    Colours of words are the weight times the number of positions, so that 1
    is no preference, with one scale a row. The last panel is the sum over all
    words, from 0 to its largest, which doubly stochastic attention would have
    the same everywhere.

    Args:
        images: array `(batch, height, width)` or `(batch, height, width,
            channels)`, uint8, or floats in `[0, 1]`.
        said: `Captions`, what `keras_attention.tasks.captioning.generate`
            returns of these images. Heads are averaged.
        outlines: array or `None`, masks or boxes, as in `plot_attention`.
            Defaults to `None`.
        max_images: int, how many images to show, the first ones. Defaults to
            `4`.

    Returns:
        A `matplotlib.figure.Figure`.

    Raises:
        ValueError: For images that are not those of the captions.

    Example:

    >>> from keras_attention.tasks.captioning import Captions
    >>> said = Captions(
    ...     ["a dog"], np.array([[4, 5, 2, 0]]), np.zeros(1), np.ones(1, bool),
    ...     np.full((1, 1, 4, 2, 2), 0.25),
    ... )
    >>> figure = plot_caption_attention(np.zeros((1, 8, 8)), said)
    >>> [axes.get_title(loc="left") for axes in figure.axes[:5]]
    ['image', 'a', 'dog', '<end>', 'all words']

    Reference:
        Xu et al.: Show, Attend and Tell. ICML 2015, figures 2 and 5.

    See also:
        `caption_animation`, and `plot_attention` for images without words.
    """
    arguments.positive_int("max_images", max_images)
    pictures, words, maps, paths = _checked(images, said, outlines, max_images)
    panels = Panels(
        rows=len(pictures),
        columns=2 + max(map(len, words)),
        aspect=pictures.shape[1] / pictures.shape[2],
        caption_lines=0,
        note=False,
    )
    for row, picture in enumerate(pictures):
        axes = panels.axes(row, 0)
        axes.imshow(picture, interpolation="nearest")
        draw_outline(axes, paths[row])
        scale = scaled(maps[row], "relative")
        norm = Normalize(0, scale.high)
        total = maps[row].sum(0)
        shown = [
            *(
                (word, v, norm)
                for word, v in zip(words[row], scale.values, strict=True)
            ),
            ("all words", total, Normalize(0, total.max() or 1.0)),
        ]
        for column, (word, value, own_norm) in enumerate(shown, start=1):
            axes = panels.axes(row, column)
            _draw_word(axes, picture, word, value, own_norm, paths[row])
        panels.title(row, "image")
        panels.colour_bar(row, ScalarMappable(norm, COLORMAP), scale)
    return panels.figure


def caption_animation(images, said, index=0, milliseconds=900):
    """One image while its caption is said, a frame a word.

    Args:
        images: array, as in `plot_caption_attention`.
        said: `Captions`, of these images.
        index: int, which of them. Defaults to `0`.
        milliseconds: int, of a word. Defaults to `900`.

    Returns:
        An `Animation`, which a notebook plays and `save` writes as a GIF.

    Raises:
        ValueError: For images that are not those of the captions, and an index
            that none of them has.

    Example:

    >>> from keras_attention.tasks.captioning import Captions
    >>> said = Captions(
    ...     ["a dog"], np.array([[4, 5, 2, 0]]), np.zeros(1), np.ones(1, bool),
    ...     np.full((1, 1, 4, 2, 2), 0.25),
    ... )
    >>> len(caption_animation(np.zeros((1, 8, 8)), said).frames)
    3
    """
    arguments.one_of("index", index, range(len(said.texts)))
    pictures, words, maps, _ = _checked(images, said, None, index + 1)
    picture, words, maps = pictures[index], words[index], maps[index]
    scale = scaled(maps, "relative")
    frames = []
    for place, value in enumerate(scale.values):
        panels = Panels(1, 2, picture.shape[0] / picture.shape[1], 0, True)
        panels.axes(0, 0).imshow(picture, interpolation="nearest")
        axes = panels.axes(0, 1)
        norm = Normalize(0, scale.high)
        _draw_word(axes, picture, words[place], value, norm)
        panels.title(0, "image")
        panels.note(" ".join(words[: place + 1]), [])
        panels.colour_bar(0, ScalarMappable(norm, COLORMAP), scale)
        frames.append(picture_of(panels.figure))
    return Animation(frames, milliseconds)


def _draw_word(axes, picture, word, value, norm, paths=()):
    draw_map(axes, picture, value, norm, paths)
    axes.set_title(shortened(word, _LONGEST), loc="left", fontsize=9, pad=4.5)


def _checked(images, said, outlines, most):
    """Pictures, words, maps `(words, height, width)`, lines: one an image."""
    pictures = drawable(images)
    if len(pictures) != len(said.texts):
        raise ValueError(
            f"Invalid value for argument images: expected {len(said.texts)}, "
            f"one a caption. Received: {len(pictures)} images"
        )
    paths = [[]] * len(pictures)
    if outlines is not None:
        paths = outline_paths(outlines, pictures.shape[:3])
    words = [
        [*text.split(), *["<end>"] * bool(ended)]
        for text, ended in zip(said.texts, said.ended, strict=True)
    ]
    maps = np.asarray(said.attention, "float64").mean(1)
    maps = [m[: len(w)] for m, w in zip(maps, words, strict=True)]
    return pictures[:most], words[:most], maps, paths
