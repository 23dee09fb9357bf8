"""Positions in a row -> rows and columns of a map."""

import math

import numpy as np


def grid_of_queries(count, grid, prefix=0, known=None):
    """The grid of so many positions: the one given, the layer's, or a square.

    Args:
        count: int, positions, without a prefix.
        grid: tuple `(height, width)` or `None`.
        prefix: int, tokens in front that were left out. Defaults to `0`.
        known: tuple or `None`, the map that the layer was built for, with the
            prefix. Of a row of tokens it is not known how they lie. Defaults to
            `None`.

    Returns:
        `(height, width)`.

    Raises:
        ValueError: If it has another number of positions, or none is known.

    Example:

    >>> grid_of_queries(12, (3, 4)), grid_of_queries(9, None)
    ((3, 4), (3, 3))
    """
    is_row = known is not None and min(known) == 1 and count > 1
    if grid is None and not prefix and known is not None and not is_row:
        grid = known
    side = math.isqrt(count)
    if grid is None and side * side == count and (prefix or not is_row):
        return side, side
    if grid is not None and tuple(grid) == _sizes(grid, count):
        return tuple(grid)
    hint = ""
    if not prefix:
        hint = (
            f". Is one a class token? Pass prefix=1 and a grid of {count - 1}"
        )
    raise ValueError(
        f"Invalid value for argument grid: expected (height, width) of {count} "
        f"positions{' that the layer has in a row' * is_row}. Received: "
        f"grid={grid!r}{hint}"
    )


def grid_of_keys(count, queries):
    """The grid of the keys: the queries', or one that is as many times coarser.

    Args:
        count: int, keys.
        queries: tuple `(height, width)`, of the queries.

    Returns:
        `(height, width)`.

    Raises:
        ValueError: If no such grid has so many positions.

    Example:

    >>> grid_of_keys(12, (6, 8)), grid_of_keys(4, (5, 5))
    ((3, 4), (2, 2))
    """
    for step in range(1, max(queries) + 1):
        grid = queries[0] // step, queries[1] // step
        if math.prod(grid) == count:
            return grid
    raise ValueError(
        f"{count} keys are no grid that is as many times coarser than that of "
        f"the queries, {queries[0]} x {queries[1]}."
    )


def distances(queries, keys):
    """How far every key is from every query, in positions of the queries.

    Args:
        queries: tuple `(height, width)`.
        keys: tuple `(height, width)`, the same or a coarser grid of the same
            area.

    Returns:
        `(queries, keys)`, float64.

    Example:

    >>> print(distances((1, 3), (1, 3)))
    [[0. 1. 2.]
     [1. 0. 1.]
     [2. 1. 0.]]
    """

    def centres(grid):
        # Of the cells, as shares of both sides, in positions of the queries.
        places = [
            (np.arange(size) + 0.5) / size * side
            for size, side in zip(grid, queries, strict=True)
        ]
        return np.stack(np.meshgrid(*places, indexing="ij"), -1).reshape(-1, 2)

    apart = centres(queries)[:, None] - centres(keys)[None]
    return np.sqrt((apart**2).sum(-1))


def _sizes(grid, count):
    """`grid` if it is two positive integers of this product, else `None`."""
    is_pair = len(grid) == 2 and all(
        isinstance(size, int) and size > 0 for size in grid
    )
    return tuple(grid) if is_pair and math.prod(grid) == count else None
