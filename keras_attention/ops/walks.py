"""Walks over a map: the orders in which a chain can visit its positions."""

from keras import ops

from keras_attention.ops.maps import tokens_to_map


def along_walk(x, order, grid, inverse=False):
    """Positions in the order of a walk, or back.

    Args:
        x: `(batch, heads, queries, height * width)`.
        order: `"rows"` one after another, as they stand; `"columns"`; or
            `"snake"`, rows with every other one backwards.
        grid: `(height, width)`, integers or scalar tensors; not used for
            `"rows"`.
        inverse: Whether `x` is in the order of the walk and goes back.

    Returns:
        `x` with its last axis reordered.
    """
    if order == "rows":
        return x
    height, width = grid
    if order == "columns":
        grid = (width, height) if inverse else (height, width)
        walked = ops.swapaxes(tokens_to_map(x, grid), -1, -2)
    else:
        rows = tokens_to_map(x, grid)
        odd = ops.reshape(ops.arange(height) % 2 == 1, (-1, 1))
        walked = ops.where(odd, ops.flip(rows, axis=-1), rows)
    return ops.reshape(walked, (-1, *ops.shape(x)[1:]))
