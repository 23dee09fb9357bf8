"""Scores of relative positions on a grid: how far down, how far right."""

import numpy as np
from keras import ops


def relative_position_scores(queries, rows, columns):
    """`s_ij = q_i . (rows[y_j - y_i] + columns[x_j - x_i])`.

    Every distance between two rows of the map, and every distance between two
    columns, has a vector of its own; a query is compared with both.

    Args:
        queries: `(batch, heads, height * width, dim)`.
        rows: `(2 * height - 1, dim)`, from `1 - height` to `height - 1`.
        columns: `(2 * width - 1, dim)`, from `1 - width` to `width - 1`.

    Returns:
        `(batch, heads, height * width, height * width)` in the dtype of the
        queries.
    """
    heads, positions, dim = queries.shape[1:]
    height, width = (rows.shape[0] + 1) // 2, (columns.shape[0] + 1) // 2
    # Batch and heads are one axis, to stay at rank 4.
    queries = ops.reshape(queries, (-1, height, width, dim))
    down = _compare(queries, rows, height)  # (bh, y_i, x_i, y_j)
    right = _compare(ops.swapaxes(queries, 1, 2), columns, width)
    right = ops.swapaxes(right, 1, 2)  # (bh, y_i, x_i, x_j)
    scores = ops.add(
        ops.reshape(down, (-1, positions, height, 1)),
        ops.reshape(right, (-1, positions, 1, width)),
    )
    return ops.reshape(scores, (-1, heads, positions, positions))


def _compare(queries, table, size):
    """Products with the vectors at every distance along the second axis.

    `(batch, size, others, dim)` to `(batch, size, others, size)`.
    """
    others, dim = queries.shape[2:]
    places = np.arange(size)
    distances = places[None, :] - places[:, None] + size - 1
    vectors = ops.take(table, distances, axis=0)  # (from, to, dim)
    # The batch joins `others`, since the vectors must not broadcast: for those
    # with a last axis of 1, TensorFlow's product on the CPU is then wrong.
    queries = ops.reshape(ops.swapaxes(queries, 0, 1), (size, -1, dim))
    products = ops.matmul(queries, ops.transpose(vectors, (0, 2, 1)))
    products = ops.reshape(products, (size, -1, others, size))
    return ops.swapaxes(products, 0, 1)
