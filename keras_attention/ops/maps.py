"""Feature maps, tokens and heads: the reshapes that every mechanism shares.

A *map* is `(batch, height, width, channels)`; its *tokens* are
`(batch, positions, channels)` with `positions = height * width`. A volume is a
map with a depth in front of its height.
"""

import math

from keras import ops


def map_to_tokens(x):
    """Flattens `(batch, height, width, channels)` to one axis of positions.

    Args:
        x: A map or a volume; batch and sizes may be unknown.

    Returns:
        `(batch, height * width, channels)`.
    """
    *grid, channels = x.shape[1:]
    if None in grid:
        return ops.reshape(x, (ops.shape(x)[0], -1, channels))
    return ops.reshape(x, (-1, math.prod(grid), channels))


def grid_of(x):
    """The `(height, width)` of a map: all integers, or all scalar tensors.

    Keras lets no layer be called with some of each, which is what TensorFlow
    gives where one side is known and another is not.
    """
    grid = tuple(ops.shape(x)[1:-1])
    if any(ops.is_tensor(size) for size in grid):
        return tuple(ops.convert_to_tensor(size, "int32") for size in grid)
    return grid


def hide_masked(x, mask):
    """Zeros in the masked places of a map, so that NaN cannot leak from them.

    A weight of 0 is not enough: `0 * NaN` is NaN.

    Args:
        x: `(batch, height, width, channels)`.
        mask: `(batch, height, width)`, true where `x` is valid, or `None`.

    Returns:
        `x` with zeros where the mask is false, and the mask in the shape
        that broadcasts to scores, `(batch, 1, 1, positions)`; or `x, None`.
    """
    if mask is None:
        return x, None
    mask = ops.expand_dims(mask, -1)
    x = ops.where(mask, x, ops.zeros_like(x))
    tokens = map_to_tokens(mask)  # (b, n, 1)
    return x, ops.expand_dims(ops.transpose(tokens, (0, 2, 1)), 1)


def tokens_to_map(x, grid):
    """Unfolds `(..., positions)` to `(..., height, width)`.

    Args:
        x: A tensor whose last axis runs over positions.
        grid: `(height, width)`, integers or scalar tensors.

    Returns:
        The tensor with the last axis unfolded.
    """
    return ops.reshape(x, (*_dynamic_batch(x)[:-1], *grid))


def split_heads(x, num_heads):
    """`(batch, positions, heads * dim)` to `(batch, heads, positions, dim)`."""
    batch, positions, width = x.shape
    if positions is None:
        # Not the size read from the tensor: ONNX's converter would lose it.
        batch, positions = ops.shape(x)[0], -1
    else:
        batch = -1
    x = ops.reshape(x, (batch, positions, num_heads, width // num_heads))
    return ops.transpose(x, (0, 2, 1, 3))


def merge_heads(x):
    """`(batch, heads, positions, dim)` to `(batch, positions, heads * dim)`."""
    batch, heads, positions, dim = _dynamic_batch(x)
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (batch, positions, heads * dim))


def resize_map(x, grid):
    """Linear resizing by pixel centres, to sizes known or not.

    The same numbers as `keras.ops.image.resize(..., "bilinear")`, which
    raises under TensorFlow inside `fit` when the size is only known at run
    time. There the resize is written as two products with matrices of hat
    functions, `y = R x C^T` per channel, and so are volumes by a product for
    each of their axes.

    Args:
        x: `(batch, height, width, channels)`, or a volume.
        grid: The new `(height, width)`, integers or scalar tensors.

    Returns:
        `(batch, *grid, channels)` in the dtype of `x`. No antialiasing when
        the map shrinks.
    """
    old = x.shape[1:-1]
    known = all(isinstance(size, int) for size in (*old, *grid))
    if known and old == tuple(grid):
        return x
    if known and len(grid) == 2:
        resized = ops.image.resize(
            x, grid, interpolation="bilinear", data_format="channels_last"
        )
        return ops.cast(resized, x.dtype)
    axes = "dhw"[-len(grid) :]
    sizes = zip(axes, ops.shape(x)[1:-1], grid, strict=True)
    for axis, size, new_size in sizes:
        matrix = _hat_functions(size, new_size, x.dtype)  # (new size, size)
        resized = axes.replace(axis, "i")
        x = ops.einsum(f"i{axis},b{axes}c->b{resized}c", matrix, x)
    return x


def _hat_functions(size, new_size, dtype):
    sources = ops.cast(ops.arange(size), "float32")
    targets = ops.cast(ops.arange(new_size), "float32")
    ratio = ops.cast(size, "float32") / ops.cast(new_size, "float32")
    last = ops.cast(size, "float32") - 1.0
    # Borders repeat: the outermost half pixel reads the outermost source.
    centres = ops.clip((targets + 0.5) * ratio - 0.5, 0.0, last)
    distance = ops.abs(
        ops.expand_dims(centres, 1) - ops.expand_dims(sources, 0)
    )
    return ops.cast(ops.maximum(0.0, 1.0 - distance), dtype)


def _dynamic_batch(x):
    """The shape with -1 for an unknown batch, so that reshapes stay static."""
    static = x.shape
    if None in static[1:]:
        return tuple(ops.shape(x))
    return (-1, *static[1:])
