"""A small network over every pair of a query and a key, in bounded memory.

Its hidden units are a number for every query, position and unit: 2.5 GB for
an image of 56 x 56 positions that attend to each other with 64 units. Blocks
of queries are therefore compared one after another, and once more for the
gradient, so that only the scores themselves are ever held for all queries.
"""

import keras
from keras import ops

from keras_attention.ops.activations import activate
from keras_attention.ops.activations import activation_derivative

# Hidden units an image that are held at a time: 8 MiB in float32.
_UNITS_AT_A_TIME = 2**21


def pair_network(
    queries, keys, vector, layers=(), activation="tanh", chunk_size=None
):
    """`v . h_L`, with `h_1 = act(q + k)` and `h_l = act(W_l h_(l-1) + b_l)`.

    The result is the same in blocks of queries and at once. In blocks the
    gradient is exact too, but has no gradient of its own.

    Args:
        queries: `(batch, heads, queries, units)`; batch may be 1.
        keys: `(batch, heads, positions, units)`.
        vector: `v`, `(heads, units)`.
        layers: Pairs of `W_l`, `(heads, units, units)`, and `b_l`,
            `(heads, units)`.
        activation: A name of `ACTIVATIONS`.
        chunk_size: Number of queries at a time. `None` takes as many as need
            8 MiB an image in float32, at least one. Where only the number of
            positions is unknown, it takes all.

    Returns:
        `(batch, heads, queries, positions)` in the dtype of the keys.
    """
    if activation == "linear" and not layers:
        return _sum_of_projections(queries, keys, vector)
    size = _queries_at_a_time(queries, keys, chunk_size)
    weights = (vector, *(weight for layer in layers for weight in layer))
    # What is only traced for its shapes takes no memory.
    if size is None or isinstance(keys, keras.KerasTensor):
        return _compare(queries, keys, weights, activation)
    return _compare_in_chunks(queries, keys, weights, activation, size)


def _sum_of_projections(queries, keys, vector):
    """`v . q + v . k`, without hidden units."""
    vector = ops.expand_dims(vector, 1)
    queries = ops.sum(queries * vector, axis=-1, keepdims=True)
    keys = ops.sum(keys * vector, axis=-1, keepdims=True)
    return queries + ops.transpose(keys, (0, 1, 3, 2))


def _queries_at_a_time(queries, keys, chunk_size):
    """An integer, a scalar tensor, or `None` for all of them."""
    heads, count, units = queries.shape[1:]
    positions = keys.shape[2]
    if chunk_size is None and positions is None:
        if count is not None:
            return None
        row = heads * units * ops.shape(keys)[2]
        return ops.maximum(_UNITS_AT_A_TIME // row, 1)
    if chunk_size is None:
        chunk_size = max(1, _UNITS_AT_A_TIME // (heads * units * positions))
    if count is not None and count <= chunk_size:
        return None
    return chunk_size


def _hidden(queries, keys, weights, activation):
    """`h_1` to `h_L`, each `(batch, heads, queries, positions, units)`."""
    hidden = ops.expand_dims(queries, 3) + ops.expand_dims(keys, 2)
    hidden = [activate(activation, hidden)]
    for matrix, bias in _layers(weights):
        # (h, a) to (h, 1, 1, a)
        bias = ops.expand_dims(bias, (1, 2))
        x = ops.einsum("bhqna,hac->bhqnc", hidden[-1], matrix) + bias
        hidden.append(activate(activation, x))
    return hidden


def _compare(queries, keys, weights, activation):
    hidden = _hidden(queries, keys, weights, activation)[-1]
    return ops.einsum("bhqna,ha->bhqn", hidden, weights[0])


def _layers(weights):
    return list(zip(weights[1::2], weights[2::2], strict=True))


def _compare_in_chunks(queries, keys, weights, activation, size):
    batch, heads, positions, units = _shape(keys)
    count = _shape(queries)[2]
    chunks = (count + size - 1) // size
    # Gradients are not written for a query that is shared.
    queries = ops.broadcast_to(queries, (batch, heads, count, units))
    missing = chunks * size - count
    if not isinstance(missing, int) or missing > 0:
        padding = ops.zeros((batch, heads, missing, units), queries.dtype)
        queries = ops.concatenate([queries, padding], axis=2)
    queries = ops.reshape(queries, (batch, heads, chunks, size, units))
    queries = ops.transpose(queries, (2, 0, 1, 3, 4))

    @ops.custom_gradient
    def compare(queries, keys, *weights):
        scores = ops.map(
            lambda chunk: _compare(chunk, keys, weights, activation), queries
        )

        # PyTorch gives the upstream gradient by its name.
        def gradient(*args, upstream=None):
            upstream = args[0] if upstream is None else upstream
            return _gradients(queries, keys, weights, activation, upstream)

        return scores, gradient

    scores = compare(queries, keys, *weights)  # (chunks, b, h, size, n)
    scores = ops.transpose(scores, (1, 2, 0, 3, 4))
    scores = ops.reshape(scores, (batch, heads, chunks * size, positions))
    return scores[:, :, :count]


def _gradients(queries, keys, weights, activation, upstream):
    """Of queries in chunks, keys and weights, chunk by chunk."""
    chunks = _shape(queries)[0]
    places = ops.reshape(ops.arange(chunks), (-1, 1, 1, 1, 1))

    def step(i, of_queries, *totals):
        of_chunk, *parts = _chunk_gradients(
            ops.take(queries, i, axis=0),
            keys,
            weights,
            activation,
            ops.take(upstream, i, axis=0),
        )
        # Not `slice_update`, which copies under PyTorch and does not export.
        of_queries = ops.where(places == i, of_chunk, of_queries)
        totals = [a + b for a, b in zip(totals, parts, strict=True)]
        return i + 1, of_queries, *totals

    zeros = [ops.zeros_like(x) for x in (queries, keys, *weights)]
    return ops.while_loop(lambda i, *_: i < chunks, step, (0, *zeros))[1:]


def _chunk_gradients(queries, keys, weights, activation, upstream):
    """Of the queries of a chunk, the keys and the weights, by the chain rule.

    `upstream` is `(batch, heads, queries, positions)`.
    """
    hidden = _hidden(queries, keys, weights, activation)
    of_vector = ops.einsum("bhqna,bhqn->ha", hidden[-1], upstream)
    # (b, h, q, n, 1) x (h, 1, 1, a)
    vector = ops.expand_dims(weights[0], (1, 2))
    error = ops.expand_dims(upstream, -1) * vector
    of_layers = []
    layers = _layers(weights)
    for number in range(len(layers), 0, -1):
        error = error * activation_derivative(activation, hidden[number])
        of_matrix = ops.einsum("bhqna,bhqnc->hac", hidden[number - 1], error)
        of_layers = [of_matrix, ops.sum(error, axis=(0, 2, 3)), *of_layers]
        matrix = layers[number - 1][0]
        error = ops.einsum("bhqnc,hac->bhqna", error, matrix)
    error = error * activation_derivative(activation, hidden[0])
    of_queries, of_keys = ops.sum(error, axis=3), ops.sum(error, axis=2)
    return of_queries, of_keys, of_vector, *of_layers


def _shape(x):
    """Sizes as integers where they are known, else as scalar tensors."""
    return [
        dynamic if static is None else static
        for static, dynamic in zip(x.shape, ops.shape(x), strict=True)
    ]
