"""The figure: images, and where each layer looks."""

import numpy as np
from matplotlib import patheffects
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.patches import Polygon

from keras_attention.internals import arguments
from keras_attention.internals.shapes import PAIRS_TO_MAPS
from keras_attention.internals.shapes import expect_channels_not_last
from keras_attention.internals.shapes import likely_kind
from keras_attention.visualization.attention_maps import AttentionMap
from keras_attention.visualization.attention_maps import mean_map
from keras_attention.visualization.captions import captions
from keras_attention.visualization.panels import Panels
from keras_attention.visualization.pictures import drawable
from keras_attention.visualization.pictures import grey
from keras_attention.visualization.pictures import outline_paths
from keras_attention.visualization.scaling import is_flat
from keras_attention.visualization.scaling import scaled

COLORMAP = "magma"
# Seen on grey and on every colour of the map.
_OUTLINE = "#35f0e6"
_HALO = [
    patheffects.Stroke(linewidth=2.3, foreground="black", alpha=0.75),
    patheffects.Normal(),
]
# Little attention lets the image through, much shows the colour of the bar.
_OPACITY = (0.45, 0.85)
# Black in the image stays apart from no attention.
_DARKEST = 0.2


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
    over the grey image. A row has one scale, on its colour bar.

    Args:
        images: array `(batch, height, width)` or `(batch, height, width,
            channels)`, uint8, or floats in `[0, 1]`. Of more than three
            channels the first three are shown, of two the first.
        maps: dict, what `collect_attention` returns, or name to array
            `(batch, height, width)`, `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`. Positions that are not
            finite are left without colour. Channel and pairwise attention is no
            map over the image; a note names what is not shown. Arrays, such as
            those of an `AttentionExtractor`, do not say what they are and are
            judged by their shapes and sums.
        outlines: array or `None`, where the objects are: masks
            `(batch, height, width)` or `(batch, height, width, 1)`, or boxes
            `(batch, 4)` or `(batch, boxes, 4)`, `(ymin, xmin, ymax, xmax)` as
            shares of the image. Defaults to `None`.
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
        ValueError: Naming the argument that does not fit the images.

    Example:

    >>> images = np.zeros((3, 32, 32))
    >>> maps = {"block3": np.full((3, 1, 8, 8), 1 / 64)}
    >>> figure = plot_attention(images, maps, labels=[0, 1, 2])
    >>> [axes.get_title(loc="left") for axes in figure.axes[3:4]]
    ['block3 8x8']

    See also:
        `collect_attention`, and `keras_attention.metrics.attention_energy`
        for how much of the attention is inside the outline.
    """
    arguments.positive_int("max_images", max_images)
    pictures = drawable(images)
    count = len(pictures)
    layers, left_out = _spatial_maps(maps, pictures.shape)
    paths = [[]] * count
    if outlines is not None:
        paths = outline_paths(outlines, pictures.shape[:3])
    texts = captions(count, labels, predictions, class_names)

    pictures = pictures[:max_images]
    panels = Panels(
        rows=1 + len(layers),
        columns=len(pictures),
        aspect=pictures.shape[1] / pictures.shape[2],
        caption_lines=max(text.lines for text in texts[:max_images]),
        note=bool(left_out),
    )
    for column, picture in enumerate(pictures):
        axes = panels.axes(0, column)
        axes.imshow(picture, interpolation="nearest")
        draw_outline(axes, paths[column])
        texts[column].draw(axes)
    panels.title(0, "image" if outlines is None else "image, object outlined")
    for row, (name, values) in enumerate(layers.items(), start=1):
        scale = scaled(values[:max_images], normalize)
        _draw_layer(panels, row, scale, pictures, paths)
        panels.title(row, f"{name} {values.shape[1]}x{values.shape[2]}")
    if left_out:
        panels.note("No maps, not shown: ", left_out)
    return panels.figure


def _draw_layer(panels, row, scale, pictures, paths):
    norm = Normalize(0, scale.high)
    for column, (picture, value) in enumerate(
        zip(grey(pictures), scale.values, strict=True)
    ):
        axes = panels.axes(row, column)
        draw_overlay(axes, picture, value, norm)
        draw_outline(axes, paths[column])
        if not np.isfinite(value).any():
            panels.mark(axes, "not finite")
        elif is_flat(value):
            panels.mark(axes, "uniform")
    panels.colour_bar(row, ScalarMappable(norm, COLORMAP), scale)


def draw_overlay(axes, picture, value, norm):
    """A grey picture, and the colours of a map smoothly enlarged over it."""
    height, width = picture.shape
    picture = _DARKEST + (1 - _DARKEST) * picture
    axes.imshow(picture, cmap="gray", vmin=0, vmax=1)
    axes.imshow(
        np.ma.masked_invalid(value),
        cmap=COLORMAP,
        norm=norm,
        alpha=np.interp(np.nan_to_num(value), (0, norm.vmax), _OPACITY),
        interpolation="bicubic",
        extent=(-0.5, width - 0.5, height - 0.5, -0.5),
    )


def draw_outline(axes, paths):
    """The lines around the objects of an image."""
    for path in paths:
        axes.add_patch(
            Polygon(
                path,
                fill=False,
                edgecolor=_OUTLINE,
                linewidth=1.3,
                joinstyle="round",
                path_effects=_HALO,
            )
        )


def _spatial_maps(maps, shape):
    """Name to `(batch, height, width)`, and the names that have none."""
    if not isinstance(maps, dict) or not maps:
        empty = ", empty: no layer of the model attends"
        raise ValueError(
            "Invalid value for argument maps: expected a dictionary of layer "
            f"name to weights, not empty. Received: {type(maps).__name__}"
            f"{empty * isinstance(maps, dict)}"
        )
    layers, left_out = {}, []
    for name, value in maps.items():
        kind = value.kind if isinstance(value, AttentionMap) else None
        values = value.values if isinstance(value, AttentionMap) else value
        values = arguments.real_array("maps", values).astype("float64")
        kind = kind or likely_kind(values, shape[1:3])
        if kind != "spatial":
            left_out.append(f"{name} ({kind})")
            continue
        layers[name] = mean_map("maps", values)
        expect_channels_not_last("maps", values.shape, shape[1:3])
        if len(layers[name]) != shape[0]:
            # Of one image the rows are images, and the channels columns.
            hint = ". One image? Pass images[None]." * (shape[2] <= 4)
            raise ValueError(
                f"Invalid value for argument maps: expected {shape[0]} maps, "
                f"one an image, of layer {name!r}. Received: "
                f"{len(layers[name])}{hint}"
            )
    if not layers:
        raise ValueError(
            "Invalid value for argument maps: expected at least one layer "
            f"that attends to positions. Received: {', '.join(left_out)}"
            f"{PAIRS_TO_MAPS * ('(pairwise)' in str(left_out))}. A layer of "
            "your own whose weights are maps says weights_kind = 'spatial'."
        )
    return layers, left_out
