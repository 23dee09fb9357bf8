"""The orders in which a chain can visit the positions of a map."""

from keras import ops

from keras_attention.ops.maps import tokens_to_map


def in_chain_order(x, order, grid, inverse=False):
    """Positions in the order of a chain, or back.

    Args:
        x: `(batch, heads, queries, height * width)`.
        order: `"rows"` one after another, as they stand; `"columns"`; or
            `"snake"`, rows with every other one backwards.
        grid: `(height, width)`, integers or scalar tensors; not used for
            `"rows"`.
        inverse: Whether `x` is in the order of the chain and goes back.

    Returns:
        `x` with its last axis reordered.
    """
    if order == "rows":
        return x
    height, width = grid
    if order == "columns":
        grid = (width, height) if inverse else (height, width)
        ordered = ops.swapaxes(tokens_to_map(x, grid), -1, -2)
    else:
        rows = tokens_to_map(x, grid)
        odd = ops.reshape(ops.arange(height) % 2 == 1, (-1, 1))
        ordered = ops.where(odd, ops.flip(rows, axis=-1), rows)
    return ops.reshape(ordered, (-1, *ops.shape(x)[1:]))
