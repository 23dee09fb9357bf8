"""Checks of the shapes that come into a layer, with one wording."""

import numpy as np

#: How weights of pairs of positions become maps, for messages.
PAIRS_TO_MAPS = (
    ". What one query looks at, or all on average, is a map: "
    "np.mean(weights, -2).reshape(batch, -1, height, width)"
)


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
    if len(shape) > 3 and shape[-1] == 1 and _is_line(shape[-2], image):
        raise ValueError(
            f"Invalid value for argument {name}: expected (batch, heads, "
            "height, width), not one pixel wide under an image that is wider. "
            f"Channels last? Take weights[..., 0]. Received: {name} of shape "
            f"{tuple(shape)} for images {image[0]} x {image[1]}"
        )


def expect_no_channels(name, shape, image):
    """Raises for gates of channels: one row under an image that is higher.

    Args:
        name: str, the argument's name, for the message.
        shape: tuple, of weights.
        image: tuple `(height, width)`, of the image or mask.
    """
    shape = tuple(shape)
    is_row = len(shape) == 4 and shape[1:3] == (1, 1)
    if is_row and _is_line(shape[3], image[::-1]):
        raise ValueError(
            f"Invalid value for argument {name}: expected (batch, heads, "
            "height, width), not one row under an image that is higher. "
            "Weights of channels are no map. Is it a row of positions? Take "
            f"weights[:, 0]. Received: {name} of shape {shape} for images "
            f"{image[0]} x {image[1]}"
        )


def likely_kind(weights, image):
    """What weights run over where no layer says it.

    Rows that sum to 1 are what a query gives to each position: those of a map
    do so together, or not at all. One row under an image that is higher is no
    map of it either.

    Args:
        weights: array `(batch, height, width)`, or with heads, or queries.
        image: tuple `(height, width)`.

    Returns:
        `"spatial"`, `"channel"` or `"pairwise"`.

    Example:

    >>> pairs = np.full((2, 4, 9, 9), 1 / 9)
    >>> likely_kind(pairs, (30, 30)), likely_kind(pairs[:, :, 0], (30, 30))
    ('pairwise', 'spatial')
    """
    if weights.ndim != 4:
        return "spatial"
    heads, height, width = weights.shape[1:]
    if height == 1 and not _is_line(width, image[::-1]):
        return "spatial"
    # Of two or three gates it is a coincidence: 0.5 and 0.5.
    if width > 3 and np.allclose(weights.sum(-1), 1, atol=1e-3):
        return "pairwise"
    return "channel" if (heads, height) == (1, 1) else "spatial"


def _is_line(length, image):
    """Whether a line of positions is too thin to be a map of the image."""
    along, across = image
    if length in (1, None) or across in (1, None):
        return False
    return along is None or length * across >= 2 * along


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
