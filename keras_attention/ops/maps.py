"""Feature maps, tokens and heads: the reshapes that every mechanism shares.

A *map* is `(batch, height, width, channels)`; its *tokens* are
`(batch, positions, channels)` with `positions = height * width`.
"""

from keras import ops


def map_to_tokens(x):
    """Flattens `(batch, height, width, channels)` to one axis of positions.

    Args:
        x: A map; batch, height and width may be unknown.

    Returns:
        `(batch, height * width, channels)`.
    """
    height, width, channels = x.shape[1:]
    if height is None or width is None:
        return ops.reshape(x, (ops.shape(x)[0], -1, channels))
    return ops.reshape(x, (-1, height * width, channels))


def grid_of(x):
    """The `(height, width)` of a map: two integers, or two scalar tensors.

    Keras lets no layer be called with one of each, which is what TensorFlow
    gives where one side is known and the other is not.
    """
    grid = tuple(ops.shape(x)[1:3])
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
    """Bilinear resizing by pixel centres, to sizes known or not.

    The same numbers as `keras.ops.image.resize(..., "bilinear")`, which
    raises under TensorFlow inside `fit` when the size is only known at run
    time. There the resize is written as two products with matrices of hat
    functions, `y = R x C^T` per channel.

    Args:
        x: `(batch, height, width, channels)`.
        grid: The new `(height, width)`, integers or scalar tensors.

    Returns:
        `(batch, *grid, channels)` in the dtype of `x`. No antialiasing when
        the map shrinks.
    """
    sizes = (*x.shape[1:3], *grid)
    if all(isinstance(size, int) for size in sizes):
        if x.shape[1:3] == tuple(grid):
            return x
        resized = ops.image.resize(
            x, grid, interpolation="bilinear", data_format="channels_last"
        )
        return ops.cast(resized, x.dtype)
    height, width = ops.shape(x)[1:3]
    rows = _hat_functions(height, grid[0], x.dtype)  # (new height, height)
    columns = _hat_functions(width, grid[1], x.dtype)  # (new width, width)
    x = ops.einsum("ih,bhwc->biwc", rows, x)
    return ops.einsum("jw,biwc->bijc", columns, x)


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
