"""Which positions are near which places, in one dimension or on a grid."""

import math

from keras import ops


def spread_anchors(queries, sizes):
    """Places for a number of queries, spread evenly.

    One query is in the middle, and as many queries as there are positions
    are at one position each. On a grid the anchors form rows and columns
    about as far apart; the last row may not be full.

    Args:
        queries: Number of queries, an integer or a scalar tensor.
        sizes: One or two sizes, integers or scalar tensors.

    Returns:
        A list of tensors `(queries,)`, float32, one for every size: in units
        of positions, the first of which is 0.
    """
    count = ops.cast(queries, "float32")
    sizes = [ops.cast(size, "float32") for size in sizes]
    order = ops.cast(ops.arange(queries), "float32")
    if len(sizes) == 1:
        return [(order + 0.5) * sizes[0] / count - 0.5]
    rows = ops.round(ops.sqrt(count * sizes[0] / sizes[1]))
    rows = ops.minimum(ops.maximum(rows, 1.0), count)
    columns = ops.ceil(count / rows)
    # A row may be left without a query by rounding the columns up.
    rows = ops.ceil(count / columns)
    row = ops.floor((order + 0.5) / columns)
    column = order - row * columns
    return [
        (row + 0.5) * sizes[0] / rows - 0.5,
        (column + 0.5) * sizes[1] / columns - 0.5,
    ]


def distances(places, sizes):
    """How far every position is from a place, along every dimension.

    Args:
        places: A list of `(..., queries)`, in units of positions.
        sizes: As many integers or scalar tensors.

    Returns:
        A list of `(..., queries, size)`.
    """
    found = []
    for place, size in zip(places, sizes, strict=True):
        positions = ops.cast(ops.arange(size), place.dtype)
        found.append(positions - ops.expand_dims(place, -1))
    return found


def outer(factors):
    """The product over the dimensions, flattened to positions.

    Args:
        factors: One tensor `(..., queries, size)` a dimension.

    Returns:
        `(..., queries, positions)`.
    """
    if len(factors) == 1:
        return factors[0]
    down, right = factors
    product = ops.expand_dims(down, -1) * ops.expand_dims(right, -2)
    sizes = down.shape[-1], right.shape[-1]
    positions = -1 if None in sizes else math.prod(sizes)
    return ops.reshape(product, (*ops.shape(down)[:-1], positions))


def inside(offsets, radius):
    """Whether positions are no further than `radius` in every dimension.

    Args:
        offsets: What `distances` returns.
        radius: A number.

    Returns:
        Boolean, `(..., queries, positions)`.
    """
    near = [ops.cast(ops.abs(x) <= radius, x.dtype) for x in offsets]
    return outer(near) > 0.5
