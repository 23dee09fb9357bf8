"""Checks of the shapes that come into a layer, with one wording."""

import numpy as np


def shape_of(x):
    """The shape of a tensor, known or not, or of nested lists."""
    return tuple(x.shape if hasattr(x, "shape") else np.shape(x))


def expect_axes(layer, name, shape, axes):
    """Raises `ValueError` unless a shape has the axes, none of them empty.

    The batch, which comes first, may be empty, and only the number of
    channels must be known.

    Args:
        layer: `keras.layers.Layer`, for the message.
        name: str, the argument's name, for the message.
        shape: tuple, of a tensor.
        axes: tuple of str, what it should run over.
    """
    shape = tuple(shape)
    unknown = axes[-1].endswith("channels") and shape[-1:] == (None,)
    if len(shape) != len(axes) or 0 in shape[1:] or unknown:
        raise ValueError(
            f"{type(layer).__name__} takes {name} of shape "
            f"({', '.join(axes)}), with something in every image and a known "
            f"number of channels. Received: {name} of shape {shape}"
        )


def expect_channels_not_last(name, shape, image):
    """Raises for maps that are a column under an image that is wider.

    Args:
        name: str, the argument's name, for the message.
        shape: tuple, of maps `(batch, heads, height, width)`, or with queries.
        image: tuple `(height, width)`, of the image or mask.
    """
    unknown_or_single = (1, None)
    if (
        len(shape) > 3
        and shape[-1] == 1
        and shape[-2] not in unknown_or_single
        and image[1] not in unknown_or_single
    ):
        raise ValueError(
            f"Invalid value for argument {name}: expected (batch, heads, "
            "height, width), not one pixel wide under an image that is wider. "
            f"Channels last? Take weights[..., 0]. Received: {name} of shape "
            f"{tuple(shape)} for images {image[0]} x {image[1]}"
        )


def expect_equal(layer, what, sizes, one_for_all=False):
    """Raises `ValueError` unless the sizes agree that are known.

    Args:
        layer: `keras.layers.Layer`, for the message.
        what: str, what is counted, for the message.
        sizes: dict, `{name of an argument: int or None}`.
        one_for_all: bool, whether the first of them may be 1 too. Defaults to
            `False`.
    """
    known = [size for size in sizes.values() if size is not None]
    first = next(iter(sizes.values()))
    if len({*known}) > 1 and not (one_for_all and first == 1):
        received = ", ".join(
            f"{size} in {name}" for name, size in sizes.items()
        )
        raise ValueError(
            f"{type(layer).__name__} needs equally many {what}. Received: "
            f"{received}"
        )


def expect_broadcast(layer, name, shape, target):
    """Raises `ValueError` unless a shape broadcasts to the target's.

    Args:
        layer: `keras.layers.Layer`, for the message.
        name: str, the argument's name, for the message.
        shape: tuple, of a tensor.
        target: tuple, the shape that it must not enlarge.
    """
    pairs = zip(reversed(shape), reversed(target), strict=False)
    fits = all(None in (a, b) or a in (1, b) for a, b in pairs)
    if len(shape) > len(target) or not fits:
        raise ValueError(
            f"{type(layer).__name__} takes {name} that broadcasts to "
            f"{target}. Received: {name} of shape {shape}"
        )
