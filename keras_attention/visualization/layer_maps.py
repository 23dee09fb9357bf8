"""What a figure of layers is given: the maps, and what is none."""

from keras_attention.internals import arguments
from keras_attention.internals.shapes import PAIRS_TO_MAPS
from keras_attention.internals.shapes import expect_channels_not_last
from keras_attention.internals.shapes import likely_kind
from keras_attention.visualization.attention_maps import AttentionMap
from keras_attention.visualization.attention_maps import mean_map

_PAIRS = (
    f"{PAIRS_TO_MAPS}; an AttentionMap has them as seen_from(row, column) and "
    "received()"
)


def spatial_maps(maps, shape):
    """The maps of every layer that attends to positions.

    Args:
        maps: dict, as `plot_attention` takes it.
        shape: tuple `(batch, height, width, ...)` of the images.

    Returns:
        A dictionary of name to array `(batch, height, width)`, float64, and the
        list of the names that are not in it, each with its kind.

    Raises:
        ValueError: For maps of another number of images, and if no layer
            attends to positions.
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
            f"{_PAIRS * ('(pairwise)' in str(left_out))}. A layer of "
            "your own whose weights are maps says weights_kind = 'spatial'."
        )
    return layers, left_out
