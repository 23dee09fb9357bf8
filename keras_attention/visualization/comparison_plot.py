"""Maps of several kinds side by side, and how far they agree."""

import itertools

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from keras_attention.internals import arguments
from keras_attention.internals.words import shortened
from keras_attention.visualization.agreement import rank_correlation
from keras_attention.visualization.agreement import top_overlap
from keras_attention.visualization.attention_map import AttentionMap
from keras_attention.visualization.attention_plot import WARNING
from keras_attention.visualization.drawing import draw_map
from keras_attention.visualization.drawing import draw_outline
from keras_attention.visualization.drawing import flat_word
from keras_attention.visualization.entropy import normalized_entropy
from keras_attention.visualization.influence import described_influence
from keras_attention.visualization.influence import has_influence
from keras_attention.visualization.layer_maps import described_sizes
from keras_attention.visualization.layer_maps import spatial_maps
from keras_attention.visualization.objects import each_mask
from keras_attention.visualization.objects import energy_and_lift
from keras_attention.visualization.overlays import COLORMAP
from keras_attention.visualization.panels import INK
from keras_attention.visualization.panels import LETTER
from keras_attention.visualization.panels import MEDIUM
from keras_attention.visualization.panels import PALE
from keras_attention.visualization.panels import Sheet
from keras_attention.visualization.panels import colour_bar
from keras_attention.visualization.panels import whole
from keras_attention.visualization.pictures import mask_lines
from keras_attention.visualization.pictures import pictures_of
from keras_attention.visualization.pictures import tile_size
from keras_attention.visualization.scaling import scaled

# In inches. Between two maps there is room for their agreement.
_TILE, _LEAST, _GAP, _BETWEEN, _MARGIN = 1.7, 1.5, 0.12, 0.56, 0.12
_TITLE, _CAPTION, _LINE, _BAR = 0.6, 0.42, 0.16, 0.9


def compare_maps(images, maps, mask=None, *, max_images=4):
    """Maps of several kinds side by side: learned attention, Grad-CAM, ...

    A row an image and a column a kind. All maps have one scale, times the mean
    of the map, so that a vivid map is a map with a preference and no other. Of
    the columns, two by two, it is said how far they agree: `rank`, Spearman's
    rank correlation of the positions, and `IoU`, the overlap of the highest
    fifth, about 0.11 by chance. Below a map stands its entropy, 1 for a map
    without preference, and with a mask its energy, the share that is on the
    object, and lift, how many times that is the object's share of the image.

    Args:
        images: array, one image `(height, width)` or `(height, width,
            channels)`, or a batch of these; uint8, or floats in `[0, 1]`; or a
            list of photographs of any sizes.
        maps: dict, name to `AttentionMap`, array or list, as in
            `plot_attention`; for one image also `(rows, columns)`. Of any
            resolution, and not negative.
        mask: array or `None`, where the object is, for each image, of any size;
            of photographs of several sizes a list. Defaults to `None`.
        max_images: int, how many images to show, the first ones. Defaults to
            `4`.

    Returns:
        A `matplotlib.figure.Figure`. Where a map is the same everywhere or not
        finite there is no agreement, and it is marked.

    Raises:
        ValueError: Naming the argument that does not fit the images.

    Example:

    >>> image, attention = np.zeros((32, 32)), np.eye(4) / 4
    >>> figure = compare_maps(
    ...     image, {"attention": attention, "mirrored": attention[::-1]}
    ... )
    >>> [t.get_text() for t in figure.texts if "rank" in t.get_text()]
    ['rank\\n-0.33\\n\\nIoU\\n0.00']

    See also:
        `plot_attention`, for the layers of one network.
    """
    arguments.positive_int("max_images", max_images)
    images, maps, mask = _as_batches(images, maps, mask)
    pictures = pictures_of(images)
    sizes = [picture.shape[:2] for picture in pictures]
    layers, left_out = spatial_maps(maps, sizes)
    if left_out:
        raise ValueError(
            "Invalid value for argument maps: expected maps over the image; an "
            "AttentionMap of pairs has them as received() and seen_from(row, "
            f"column). Received: {', '.join(left_out)}"
        )
    for name, layer in layers.items():
        lowest = min(np.nanmin(value, initial=0.0) for value in layer.values)
        if lowest < 0:
            raise ValueError(
                "Invalid value for argument maps: expected maps that are not "
                f"negative. Received: {name!r} from {lowest:.3g}"
            )
    count = len(pictures)
    pictures, sizes = pictures[:max_images], sizes[:max_images]
    layers = {name: layer[:max_images] for name, layer in layers.items()}
    masks = each_mask(mask, count)[:max_images]
    paths = [
        [] if one is None else mask_lines(one, size)[0]
        for one, size in zip(masks, sizes, strict=True)
    ]
    sheet = _Columns(len(pictures), len(layers), tile_size(sizes))
    for row, picture in enumerate(pictures):
        axes = sheet.tile(row, 0)
        axes.imshow(picture, interpolation="nearest")
        draw_outline(axes, paths[row])
    outlined = "object outlined" if mask is not None else ""
    sheet.title(0, "image", outlined)
    scales = {n: scaled(one.values, "ratio") for n, one in layers.items()}
    # The widest of them, so that all can be compared.
    widest = max(scales.values(), key=lambda scale: scale.high)
    norm = Normalize(0, widest.high)
    sheet.bar(widest, norm)
    for column, (name, layer) in enumerate(layers.items(), start=1):
        lines = _numbers(layer, masks)
        words = [flat_word(value) for value in layer.values]
        values = layer.over_images(scales[name].values)
        for row, picture in enumerate(pictures):
            axes = sheet.tile(row, column)
            draw_map(axes, picture, values[row], norm, paths[row], words[row])
            sheet.caption(row, column, lines[row])
        size = described_sizes(layer, sizes)
        gain = getattr(maps[name], "gain", None)
        colour = PALE if has_influence(gain) else WARNING
        sheet.title(
            column, name, size, described_influence(maps[name]), colour=colour
        )
    for column, pair in enumerate(itertools.pairwise(layers), start=1):
        _write_agreement(sheet, column, *(layers[name] for name in pair))
    return sheet.figure


class _Columns:
    """Where everything stands: columns of pictures, and words around them."""

    def __init__(self, rows, maps, size):
        longest = max(size)
        self.size = [whole(_TILE * side / longest) for side in size[::-1]]
        # Room for the words below.
        self.pitch = max(self.size[0], _LEAST) + _BETWEEN
        self.step = self.size[1] + _CAPTION
        self.height = _TITLE + rows * self.step
        width = self._left(maps) + self.pitch - _BETWEEN + _BAR
        self.figure = Sheet(width, self.height + 0.04)

    def tile(self, row, column):
        """New axes for a picture."""
        place = self._left(column), _TITLE + row * self.step
        return self.figure.panel(*place, *self.size)

    def title(self, column, name, *details, colour=PALE):
        """A name above a column, and what is known of it in lines below."""
        x = self._left(column)
        room = int((self.pitch - _GAP) / (LETTER * MEDIUM))
        name = shortened(name, room)
        self.figure.write(x, 0.14, name, size=MEDIUM, colour=INK)
        for line, detail in enumerate(details):
            y = 0.32 + line * _LINE
            self.figure.write(x, y, detail, colour=colour if line else PALE)

    def caption(self, row, column, lines):
        """Numbers below a picture."""
        y = _TITLE + row * self.step + self.size[1] + 0.1
        for line, text in enumerate(lines):
            self.figure.write(self._left(column), y + line * _LINE, text)

    def between(self, row, column, text):
        """Words between a column and the next one."""
        x = self._left(column) + self.pitch - _BETWEEN / 2
        y = _TITLE + row * self.step + self.size[1] / 2
        self.figure.write(x, y, text, colour=INK, ha="center", va="center")

    def bar(self, scale, norm):
        """The scale of all maps, at the right of the first row."""
        left = self.figure.get_size_inches()[0] - _BAR + 0.06
        place = self.figure.place(left, _TITLE, 0.1, self.size[1])
        axes = self.figure.add_axes(place)
        colour_bar(axes, ScalarMappable(norm, COLORMAP), scale)

    def _left(self, column):
        """The image stands nearer: with it there is no agreement."""
        start = _MARGIN + self.pitch - _BETWEEN + _GAP
        return _MARGIN if column == 0 else start + (column - 1) * self.pitch


def number(value):
    """Two digits, or a word where there is no answer.

    >>> number(0.333), number(np.nan)
    ('0.33', 'none')
    """
    return "none" if np.isnan(value) else f"{value:.2f}"


def _numbers(layer, masks):
    """Two lines for every image."""
    entropies = normalized_entropy(layer.values)
    lines = [[f"entropy {number(entropy)}"] for entropy in entropies]
    if masks[0] is None:
        return lines
    pairs = zip(*energy_and_lift(layer, masks), strict=True)
    for line, (energy, lift) in zip(lines, pairs, strict=True):
        line.insert(0, f"energy {number(energy)}, lift {number(lift)}")
    return lines


def _write_agreement(sheet, column, first, second):
    pairs = zip(first.over_images(), second.over_images(), strict=True)
    for row, (one, other) in enumerate(pairs):
        [rank] = rank_correlation(one[None], other[None])
        [overlap] = top_overlap(one[None], other[None])
        text = f"rank\n{number(rank)}\n\nIoU\n{number(overlap)}"
        sheet.between(row, column, text)


def _as_batches(images, maps, mask):
    """One image, its maps and its mask, as batches of one."""
    if isinstance(images, (list, tuple)) and len({*map(np.shape, images)}) > 1:
        return images, maps, mask
    shape = np.shape(images)
    is_one = len(shape) == 2 or (
        len(shape) == 3 and shape[-1] in (1, 3, 4) and min(shape[:2]) > 4
    )
    if not is_one:
        return images, maps, mask

    def batch(values):
        return np.asarray(values)[None] if np.ndim(values) == 2 else values

    if isinstance(maps, dict):
        maps = {
            name: values if isinstance(values, AttentionMap) else batch(values)
            for name, values in maps.items()
        }
    return np.asarray(images)[None], maps, None if mask is None else batch(mask)
