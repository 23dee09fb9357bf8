"""What a figure of layers is given: the maps, and what is none."""

import dataclasses

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.forms import expect_form
from keras_attention.internals.forms import form_distance
from keras_attention.internals.shapes import PAIRS_TO_MAPS
from keras_attention.internals.shapes import expect_channels_not_last
from keras_attention.internals.shapes import likely_kind
from keras_attention.visualization.attention_map import AttentionMap
from keras_attention.visualization.attention_map import mean_map

_PAIRS = (
    f"{PAIRS_TO_MAPS}; an AttentionMap has them as seen_from(row, column) and "
    "received()"
)
_OTHER_FORM = (
    ". Of photographs that were laid out, padded or cropped, collect_attention "
    "and the methods of keras_attention.explanation take originals="
    "examples.originals; else pass the images that the network was given"
)


@dataclasses.dataclass(frozen=True, eq=False)
class LayerMaps:
    """The maps of one layer, one an image.

    Args:
        values: list of float64 arrays `(rows, columns)`, as the layer has them.
        originals: `datasets.Originals` where the images are photographs and
            the maps are of what these were laid out to, else `None`. Defaults
            to `None`.
    """

    values: list
    originals: object | None = None

    def __getitem__(self, images):
        """The maps of a slice of the images."""
        originals = self.originals
        if originals is not None:
            originals = originals[images]
        return LayerMaps(self.values[images], originals)

    def over_images(self, values=None):
        """The maps, or others in their place, as they lie over the images.

        Args:
            values: list of array, such as the maps on another scale; `None`
                takes the maps. Defaults to `None`.
        """
        values = self.values if values is None else values
        if self.originals is None:
            return values
        return self.originals.bring_back(values)


def spatial_maps(maps, sizes):
    """The maps of every layer that attends to positions.

    Args:
        maps: dict, as `plot_attention` takes it.
        sizes: list of tuple `(height, width)`, of the images.

    Returns:
        A dictionary of name to `LayerMaps`, and the list of the names that are
        not in it, each with its kind.

    Raises:
        ValueError: For maps of another number of images or of other
            proportions than theirs, and if no layer attends to positions.
    """
    if not isinstance(maps, dict) or not maps:
        empty = ", empty: no layer of the model attends"
        raise ValueError(
            "Invalid value for argument maps: expected a dictionary of layer "
            f"name to weights, not empty. Received: {type(maps).__name__}"
            f"{empty * isinstance(maps, dict)}"
        )
    layers, left_out = {}, []
    for name, value in maps.items():
        values, kind = _values_and_kind(value, sizes[0])
        if kind != "spatial":
            left_out.append(f"{name} ({kind})")
            continue
        if len(values) != len(sizes):
            # Of one image the rows are images, and the channels columns.
            hint = ". One image? Pass images[None]." * (sizes[0][1] <= 4)
            raise ValueError(
                f"Invalid value for argument maps: expected {len(sizes)} maps, "
                f"one an image, of layer {name!r}. Received: "
                f"{len(values)}{hint}"
            )
        originals = getattr(value, "originals", None)
        layers[name] = placed(name, values, sizes, originals)
    if not layers:
        raise ValueError(
            "Invalid value for argument maps: expected at least one layer "
            f"that attends to positions. Received: {', '.join(left_out)}"
            f"{_PAIRS * ('(pairwise)' in str(left_out))}. A layer of "
            "your own whose weights are maps says weights_kind = 'spatial'."
        )
    return layers, left_out


def placed(name, values, sizes, originals=None):
    """Maps with the way to images of these sizes, whose form they have.

    Args:
        name: str, of the layer, for the message.
        values: list of array `(rows, columns)`, one an image.
        sizes: list of tuple `(height, width)`, of the images.
        originals: `datasets.Originals` or `None`: where the images have the
            form of these rather than of what was laid out. Defaults to `None`.

    Returns:
        `LayerMaps`.

    Raises:
        ValueError: For images that the maps cannot be of.
    """
    is_photograph = originals is not None and any(
        form_distance(size, original) < form_distance(size, originals.size)
        for size, original in zip(sizes, originals.sizes, strict=True)
    )
    forms = [*originals.sizes] if is_photograph else [v.shape for v in values]
    for form, size in zip(forms, sizes, strict=True):
        expect_form(f"maps, {name!r}", form, size, _OTHER_FORM)
    return LayerMaps(values, originals if is_photograph else None)


def described_sizes(layer, sizes):
    """The size of the maps, and whether it is that of the images.

    Args:
        layer: `LayerMaps`.
        sizes: list of tuple `(height, width)`, of the images.

    >>> described_sizes(LayerMaps([np.zeros((7, 7))]), [(64, 64)])
    '7x7'
    >>> described_sizes(LayerMaps([np.zeros((64, 64))]), [(64, 64)])
    "64x64, the image's pixels"
    """
    found = [value.shape for value in layer.values]
    same = ["the image's pixels"] * (found == [*map(tuple, sizes)])
    size = ["{}x{}".format(*found[0])] if len({*found}) == 1 else []
    return ", ".join(size + same) or "several sizes"


def _values_and_kind(value, size):
    """The maps as a list, or the weights of another kind."""
    if isinstance(value, (list, tuple)) and len({*map(np.shape, value)}) > 1:
        # Each in the pixels of its own photograph.
        values = [arguments.real_array("maps", one) for one in value]
        values = [mean_map("maps", one[None])[0] for one in values]
        return [one.astype("float64") for one in values], "spatial"
    is_map = isinstance(value, AttentionMap)
    values = arguments.real_array("maps", value.values if is_map else value)
    values = values.astype("float64")
    kind = value.kind if is_map else likely_kind(values, size)
    if kind == "spatial":
        means = mean_map("maps", values)
        expect_channels_not_last("maps", values.shape, size)
        values = [*means]
    return values, kind
