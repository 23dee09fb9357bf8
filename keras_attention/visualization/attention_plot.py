"""The figure: images, and where each layer looks."""

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from keras_attention.internals import arguments
from keras_attention.visualization.captions import captions
from keras_attention.visualization.drawing import draw_map
from keras_attention.visualization.drawing import draw_outline
from keras_attention.visualization.drawing import flat_word
from keras_attention.visualization.entropy import normalized_entropy
from keras_attention.visualization.influence import described_influence
from keras_attention.visualization.influence import has_influence
from keras_attention.visualization.layer_maps import described_sizes
from keras_attention.visualization.layer_maps import spatial_maps
from keras_attention.visualization.overlays import COLORMAP
from keras_attention.visualization.panels import Panels
from keras_attention.visualization.pictures import lines_of
from keras_attention.visualization.pictures import pictures_of
from keras_attention.visualization.pictures import tile_size
from keras_attention.visualization.scaling import scaled

# Okabe and Ito's vermilion: what is not as it looks.
WARNING = "#d55e00"


def plot_attention(
    images,
    maps,
    *,
    outlines=None,
    labels=None,
    predictions=None,
    class_names=None,
    normalize="relative",
    max_images=8,
):
    """Images side by side, and below them where each layer looks.

    The first row has the images with what the model says about them; right
    and wrong answers differ in sign, colour and frame. Every further row is a
    layer: the mean of its weights over heads and queries, smoothly enlarged,
    over the grey image. A row has one scale, on its colour bar. Its title says
    how large the map is; the mean of the maps' entropies, 1 for maps without
    preference; and, where the layer has one, its gain: at a gain of 0 the
    weights have no influence, whatever they look like.

    Args:
        images: array `(batch, height, width)` or `(batch, height, width,
            channels)`, uint8, or floats in `[0, 1]`; or a list of such images
            of any sizes: photographs. Of more than three channels the first
            three are shown, of two the first.
        maps: dict, what `collect_attention` returns, or name to array
            `(batch, height, width)`, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`, or to a list of arrays
            `(height, width)`, each in the pixels of its photograph. Attention
            that was collected with `originals=` is brought back to the
            photographs, if these are the images. Positions that are not
            finite are left without colour. Channel and pairwise attention is no
            map over the image; a note names what is not shown. (Of pairs,
            `AttentionMap.received` and `seen_from` make maps.) Arrays, such as
            those of an `AttentionExtractor`, do not say what they are and are
            judged by their shapes and sums.
        outlines: array or `None`, where the objects are: masks
            `(batch, height, width)` or `(batch, height, width, 1)`, or boxes
            `(batch, 4)` or `(batch, boxes, 4)`, `(ymin, xmin, ymax, xmax)` as
            shares of the image; of photographs of several sizes a list.
            Defaults to `None`.
        labels: int array `(batch,)` or `None`, the true classes. Defaults
            to `None`.
        predictions: array or `None`, the predicted classes, integers
            `(batch,)`, or scores `(batch, classes)`, the largest of which
            counts. Defaults to `None`.
        class_names: list of str or `None`, names by class. Defaults to `None`.
        normalize: str, what the colours stand for:

            - `"relative"`: for weights that sum to 1, the weight times the
              number of positions, so that 1 is no preference, up to the
              peak of the median image; for others, such as sigmoid gates, the
              weight from 0 to 1;
            - `"ratio"`: the same for maps that do not sum to 1, such as those
              of gradients: the weight over the mean of its map;
            - `"shared"`: the weight, from 0 to the largest of the layer;
            - `"per_image"`: from the lowest to the highest weight of each
              image, which makes structure of any difference, however small;
            - `"none"`: the weight from 0 to 1.

            Defaults to `"relative"`.
        max_images: int, how many images to show, the first ones. Defaults to
            `8`.

    Returns:
        A `matplotlib.figure.Figure` at 150 dots an inch, unknown to pyplot.
        Notebooks show it as the value of a cell; `figure.savefig` saves it.

    Raises:
        ValueError: Naming the argument that does not fit the images; maps of
            other proportions are not stretched over them.

    Example:

    >>> images = np.zeros((3, 32, 32))
    >>> maps = {"block3": np.full((3, 1, 8, 8), 1 / 64)}
    >>> figure = plot_attention(images, maps, labels=[0, 1, 2])
    >>> [axes.get_title(loc="left") for axes in figure.axes[3:4]]
    ['block3 8x8, entropy 1.00']

    See also:
        `collect_attention`, and `keras_attention.metrics.attention_energy`
        for how much of the attention is inside the outline.
    """
    count = len(pictures_of(images))
    texts = captions(count, labels, predictions, class_names)
    return attention_figure(
        images, maps, texts, outlines, normalize, max_images
    )


def attention_figure(images, maps, texts, outlines, normalize, max_images):
    """`plot_attention` with other texts below the images.

    Args:
        images: array, as there, and so are `maps`, `outlines`, `normalize` and
            `max_images`.
        maps: dict.
        texts: list of `Caption`, one an image.
        outlines: array or `None`.
        normalize: str.
        max_images: int.
    """
    arguments.positive_int("max_images", max_images)
    pictures = pictures_of(images)
    sizes = [picture.shape[:2] for picture in pictures]
    layers, left_out = spatial_maps(maps, sizes)
    paths = lines_of(outlines, sizes)

    pictures, sizes = pictures[:max_images], sizes[:max_images]
    height, width = tile_size(sizes)
    panels = Panels(
        rows=1 + len(layers),
        columns=len(pictures),
        aspect=height / width,
        caption_lines=max(text.lines for text in texts[:max_images]),
        note=bool(left_out),
    )
    for column, picture in enumerate(pictures):
        axes = panels.axes(0, column)
        axes.imshow(picture, interpolation="nearest")
        draw_outline(axes, paths[column])
        texts[column].draw(axes)
    panels.title(0, "image" if outlines is None else "image, object outlined")
    for row, (name, layer) in enumerate(layers.items(), start=1):
        layer = layer[:max_images]
        scale = scaled(layer.values, normalize)
        words = [flat_word(value) for value in layer.values]
        values = layer.over_images(scale.values)
        _draw_layer(panels, row, scale, values, pictures, paths, words)
        size = described_sizes(layer, sizes)
        gain = getattr(maps[name], "gain", None)
        entropy = described_entropy(layer.values)
        panels.title(
            row,
            name,
            f" {size}{entropy}{described_influence(maps[name], ', ')}",
            **({} if has_influence(gain) else {"colour": WARNING}),
        )
    if left_out:
        panels.note("No maps, not shown: ", left_out)
    return panels.figure


def _draw_layer(panels, row, scale, values, pictures, paths, words):
    norm = Normalize(0, scale.high)
    for column, (picture, value) in enumerate(
        zip(pictures, values, strict=True)
    ):
        axes = panels.axes(row, column)
        draw_map(axes, picture, value, norm, paths[column], words[column])
    panels.colour_bar(row, ScalarMappable(norm, COLORMAP), scale)


def described_entropy(values):
    """The mean entropy of maps, or nothing where none has one.

    >>> [described_entropy(x * np.ones((2, 3, 3))) for x in (1, -1)]
    [', entropy 1.00', '']
    """
    entropies = normalized_entropy(values)
    known = entropies[~np.isnan(entropies)]
    return f", entropy {known.mean():.2f}" if known.size else ""
