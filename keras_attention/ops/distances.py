"""Distances between all queries and all keys, by way of a product."""

from keras import ops

from keras_attention.ops.precision import at_least_one
from keras_attention.ops.precision import highest
from keras_attention.ops.precision import product_limit


def squared_distances(queries, keys):
    """`|q - k|^2 = |q|^2 + |k|^2 - 2 q . k`, never below 0.

    The differences themselves would be a number for every query, key and
    channel. The expansion loses what is far below the lengths of both vectors:
    in float32, a distance below about 3e-4 of them is rounding. A vector
    that all have in common is taken off first, and costs no digits; with a
    single query the distances are those of the differences.

    Where rounding gives a number below 0 the result is 0, and so is the
    gradient. Where one is above 1e17 in float32, so that
    squares might be infinite, all shrink alike.

    Args:
        queries: `(batch, heads, queries, dim)`, float32 or float64; batch may
            be 1.
        keys: `(batch, heads, positions, dim)`.

    Returns:
        `(batch, heads, queries, positions)`.

    Example:

    >>> q, k = ops.zeros((1, 1, 1, 2)), ops.array([[[[3.0, 4.0]]]])
    >>> print(float(squared_distances(q, k)[0, 0, 0, 0]))
    25.0
    """
    # Distances do not depend on the origin, nor do their gradients.
    origin = ops.stop_gradient(ops.mean(queries, axis=2, keepdims=True))
    queries, keys = queries - origin, keys - origin
    for x in (queries, keys):
        far = at_least_one(highest(x) / product_limit(x) ** 0.5)
        queries, keys = queries / far, keys / far
    products = ops.matmul(queries, ops.transpose(keys, (0, 1, 3, 2)))
    lengths = ops.sum(ops.square(queries), axis=-1, keepdims=True)
    key_lengths = ops.sum(ops.square(keys), axis=-1, keepdims=True)
    key_lengths = ops.transpose(key_lengths, (0, 1, 3, 2))
    return ops.relu(lengths + key_lengths - 2.0 * products)
