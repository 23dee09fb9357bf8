"""Messages along chains: a binary tree of products in place of a loop.

In a chain every position has a matrix `(from, to)` of log-weights, and what
comes before or after a position is a product of such matrices. A loop over
`n` positions takes `n` steps; here neighbours are multiplied in pairs, pairs
of pairs and so on, and the messages come down the same tree: about
`2 log2(n)` steps, made of plain tensor operations, which run compiled, with
sizes unknown, and can be differentiated any number of times.
"""

import keras
import numpy as np
from keras import ops

from keras_attention.ops.largest import largest

#: Log-weight of a step that is not taken. Finite, for the gradients; sums of
#: scores, which are clipped at 1e18, do not come near it.
NEVER = -1e30
# Of the tree where the number of positions is unknown: a million of them. A
# longer chain raises, since its messages do not fit together.
_MAX_DEPTH = 20


def _compiled(function):
    """Compiles calls outside of a compiled function, on JAX.

    It would compile each of the tree's many operations by itself, for every
    size of map anew.
    """
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function, static_argnames="total")


@_compiled
def chain_messages(steps, start, end, total=ops.logsumexp):
    """What every position hears from the positions before and after it.

    `before_i[a] = total over all paths from start that reach i in state a`,
    `after_i[b] = total over all paths from state b behind i to the end`.

    Args:
        steps: `(positions, from, to, rows)`, the log-weights of entering each
            position; `rows` are chains side by side.
        start: `(states,)`, log-weights of the states before all positions.
        end: `(states,)`, log-weights of the states behind all positions.
        total: `ops.logsumexp`, or `ops.max` for the best path instead of the
            sum over paths.

    Returns:
        `before` and `after`, both `(positions, states, rows)`, up to a
        constant for each vector: its height, which grows with the chain and
        would cost digits, is left out.
    """
    levels = _pair_up(steps, total)
    rows = ops.zeros_like(steps[:1, 0])  # (1, s, r)
    before = lift(rows + ops.reshape(start, (1, -1, 1)), 1)
    after = lift(rows + ops.reshape(end, (1, -1, 1)), 1)
    for left, right, size in reversed(levels):
        # Of two neighbours the right one hears the left one, and back.
        passed = lift(ops.expand_dims(before, 2) + left, (1, 2))
        returned = lift(right + ops.expand_dims(after, 1), (1, 2))
        before = _interleave(before, total(passed, axis=1), size)
        after = _interleave(total(returned, axis=2), after, size)
    return before, after


def stay(states, dtype):
    """The neutral matrix `(from, to)`: no step, the state stays."""
    steps = np.where(np.eye(states), 0.0, NEVER)
    return ops.convert_to_tensor(steps, dtype)


def lift(x, axes):
    """Log-weights with their maximum shifted to 0, for sums that follow.

    `log(e^x + e^x)` is `x` if `x` is large; beside 0 the `log 2` counts.
    """
    return x - ops.stop_gradient(largest(x, axis=axes, keepdims=True))


def _pair_up(steps, total):
    """Left and right neighbours, and their number, from leaves to root."""
    states, dtype = steps.shape[1], keras.backend.standardize_dtype(steps.dtype)
    neutral = ops.reshape(stay(states, dtype), (1, states, states, 1))
    neutral = neutral + ops.zeros_like(steps[:1, ...])
    count = steps.shape[0]
    depth = _MAX_DEPTH if count is None else (count - 1).bit_length()
    levels = []
    for _ in range(depth):
        # With an ellipsis: Keras has no plain slice of a symbolic tensor.
        left = steps[0::2, ...]
        # Of an odd number the last one is paired with no step at all.
        if steps.shape[0] is None or steps.shape[0] % 2:
            right = ops.concatenate([steps, neutral])[1::2, ...]
        else:
            right = steps[1::2, ...]
        levels.append((left, right, ops.shape(steps)[0]))
        # (n, from, via, 1, r) + (n, 1, via, to, r)
        pairs = ops.expand_dims(left, 3) + ops.expand_dims(right, 1)
        steps = total(lift(pairs, (1, 2, 3)), axis=2)
    return levels


def _interleave(left, right, size):
    """`(n, s, r)` twice to `(size, s, r)`; `size` is `2 n` or one less."""
    states = left.shape[1]
    both = ops.stack([left, right], axis=1)
    if isinstance(size, int):
        both = ops.reshape(both, (2 * left.shape[0], states, -1))
    else:
        both = ops.reshape(both, (-1, states, ops.shape(left)[2]))
    return both[:size, ...]
