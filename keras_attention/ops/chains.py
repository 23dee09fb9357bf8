"""Chains laid out for the tree of messages, and brought back."""

import keras
import numpy as np
from keras import ops

from keras_attention.ops.chain_messages import NEVER
from keras_attention.ops.chain_messages import chain_messages
from keras_attention.ops.chain_messages import lift
from keras_attention.ops.chain_messages import stay
from keras_attention.ops.largest import largest

# Far from `NEVER`, however many potentials are added.
_LIMIT = 1e18


class Chains:
    """Chains side by side: `steps` is `(positions, from, to, rows)`.

    Positions come first and rows last, so that the tree takes and joins
    slices of memory in one piece, and sums over states run along rows.
    """

    def __init__(self, unary, transition, mask, start, end):
        self.sizes = ops.shape(unary)
        self.states = states = unary.shape[-1]
        self.dtype = keras.backend.standardize_dtype(unary.dtype)
        if transition.shape[-2:] != (states, states):
            raise ValueError(
                "The transition table needs a row and a column for each of "
                f"the {states} states. Received: shape {transition.shape}"
            )
        if mask is not None:
            mask = ops.logical_and(
                mask, ops.ones_like(unary[..., 0], dtype="bool")
            )
            mask = _positions_first(ops.expand_dims(mask, -1))  # (n, 1, r)
        self.mask = mask
        # Of every state a number, along the axis of the states that follow.
        self.places = np.arange(states, dtype="int32").reshape(1, 1, -1, 1)
        unary = self._shown(_positions_first(unary))  # (n, s, r)
        unary = ops.expand_dims(self._limited(unary), 1)
        self.end = self._boundary(end)
        # Before the first position there is one state only.
        self.origin = stay(states, self.dtype)[0]
        self.steps = self._steps(unary, transition, mask, start)

    def messages(self, total=ops.logsumexp):
        """`before` and `after` of every position."""
        return chain_messages(self.steps, self.origin, self.end, total)

    def enter(self, before):
        """Log-weights of being in `from` and stepping to `to`."""
        return ops.expand_dims(before, 2) + self.steps

    def follow(self, choices):
        """The states along the path that `choices` make, `(..., positions)`.

        Args:
            choices: `(positions, from, to, rows)`, true at the one state that
                follows each state.
        """
        steps = ops.where(choices, ops.zeros_like(self.steps), NEVER)
        before, _ = chain_messages(
            steps, self.origin, ops.zeros_like(self.origin), ops.max
        )
        reached = largest(ops.expand_dims(before, 2) + steps, axis=1)
        states = ops.where(reached > NEVER / 2, self.places[0], 0)
        states = ops.sum(states, axis=1, keepdims=True)
        states = ops.transpose(self._shown(states)[:, 0])  # (r, n)
        return ops.reshape(states, (-1, *self.sizes[1:-1]))

    def restore(self, x):
        """`(positions, states, rows)` to `(..., positions, states)`, masked."""
        x = ops.transpose(self._shown(x), (2, 0, 1))
        return ops.reshape(x, (-1, *self.sizes[1:]))

    def restore_rows(self, x):
        """`(rows,)` to `(...)`; a chain without positions has 0."""
        if self.mask is not None:
            x = ops.where(ops.any(self.mask, axis=(0, 1)), x, ops.zeros_like(x))
        leading = self.sizes[:-2]
        return ops.reshape(x, (-1, *leading[1:]) if leading else ())

    def _steps(self, unary, transition, mask, start):
        transition = self._limited(ops.cast(transition, self.dtype))
        if len(transition.shape) == 2:
            table = ops.expand_dims(ops.expand_dims(transition, 0), -1)
        elif transition.shape[-3] == 0:
            table = ops.zeros((1, self.states, self.states, 1), self.dtype)
        else:
            table = _edges_first(transition)
            table = ops.concatenate([ops.zeros_like(table[:1, ...]), table])
        steps = unary + table  # (n, s, s, r)
        entry = self._boundary(start)
        entry = unary + ops.reshape(entry, (1, 1, self.states, 1))
        places = ops.reshape(ops.arange(ops.shape(unary)[0]), (-1, 1, 1, 1))
        if mask is None:
            return ops.where(places == 0, entry, steps)
        seen = ops.cumsum(ops.cast(mask, "int32"), axis=0)  # (n, 1, r)
        mask, seen = ops.expand_dims(mask, 1), ops.expand_dims(seen, 1)
        steps = ops.where(seen == 1, entry, steps)
        neutral = ops.expand_dims(stay(self.states, self.dtype), -1)
        return ops.where(mask, steps, neutral)

    def _boundary(self, x):
        if x is None:
            return ops.zeros((self.states,), dtype=self.dtype)
        return self._limited(ops.cast(x, self.dtype))

    def _limited(self, x):
        return ops.clip(x, -_LIMIT, _LIMIT)

    def _shown(self, x):
        """Zeros in the masked places of `(positions, any, rows)`."""
        if self.mask is None:
            return x
        return ops.where(self.mask, x, ops.zeros_like(x))


def log_softmax(x, axis):
    """Log-weights that sum to 1 along an axis."""
    x = lift(x, axis)
    return x - ops.logsumexp(x, axis=axis, keepdims=True)


def _positions_first(x):
    """`(..., positions, k)` to `(positions, k, rows)`."""
    x = ops.reshape(x, (-1, ops.shape(x)[-2], x.shape[-1]))
    return ops.transpose(x, (1, 2, 0))


def _edges_first(x):
    """`(..., edges, from, to)` to `(edges, from, to, rows)`."""
    x = ops.reshape(x, (-1, ops.shape(x)[-3], *x.shape[-2:]))
    return ops.transpose(x, (1, 2, 3, 0))
