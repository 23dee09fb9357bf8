"""Linear-chain conditional random fields: exact inference on every backend.

`p(z) = exp(sum_i u_i[z_i] + sum_i T[z_i, z_i+1]) / Z` over the states
`z_1 ... z_n` of a chain. All functions take

- `unary`: `(..., positions, states)`, `u`, in float32 or float64;
- `transition`: `(from, to)`, `T`, or a table for each edge,
  `(..., positions - 1, from, to)` with the leading axes of `unary`;
- `mask`: optional boolean tensor that broadcasts to `(..., positions)`. A
  position where it is false is left out, and its neighbours become each
  other's, as if the chain were shorter: a padded chain is the chain without
  its padding. Into the first position behind a gap leads that position's own
  table. What stands in a masked place, NaN included, has no influence;
- `start`, `end`: optional `(states,)`, added at the first and last position.
"""

import keras
from keras import ops

from keras_attention.ops.chain_messages import lift
from keras_attention.ops.chains import Chains
from keras_attention.ops.chains import log_softmax
from keras_attention.ops.largest import largest


def chain_marginals(unary, transition, mask=None, start=None, end=None):
    """`p(z_i = k)`: how likely each state is at each position.

    Differentiable any number of times, in all arguments but the mask.

    Returns:
        `(..., positions, states)`, summing to 1 over the states, and 0 in
        masked places.
    """
    chain = Chains(unary, transition, mask, start, end)
    return chain.restore(ops.exp(_log_marginals(chain)))


def chain_log_marginals(unary, transition, mask=None, start=None, end=None):
    """`log p(z_i = k)`, finite also where `p` is too small for a float.

    Returns:
        `(..., positions, states)`, 0 in masked places.
    """
    chain = Chains(unary, transition, mask, start, end)
    return chain.restore(_log_marginals(chain))


def chain_log_partition(unary, transition, mask=None, start=None, end=None):
    """`log Z`, the logarithm of the sum over all sequences of states.

    Returns:
        `(...)`; 0 for a chain without valid positions.
    """
    chain = Chains(unary, transition, mask, start, end)
    before, _ = chain.messages()
    # Position by position, how much a step adds given all before: these
    # terms are small, so that a long sum of them keeps its digits.
    entered = chain.enter(log_softmax(before, 1))  # (n, s, s, r)
    highest = ops.stop_gradient(largest(entered, axis=(1, 2), keepdims=True))
    entered = entered - highest
    added = ops.logsumexp(entered, axis=(1, 2)) + highest[:, 0, 0]  # (n, r)
    last = log_softmax(ops.logsumexp(entered[-1], axis=0), 0)  # (s, r)
    ended = ops.logsumexp(last + ops.expand_dims(chain.end, 1), axis=0)
    return chain.restore_rows(ops.sum(added, axis=0) + ended)


def chain_entropy(unary, transition, mask=None, start=None, end=None):
    """`-sum_z p(z) log p(z)` in nats, of whole sequences.

    Returns:
        `(...)`; 0 for a chain without valid positions.
    """
    chain = Chains(unary, transition, mask, start, end)
    before, after = chain.messages()
    # The sum of what every position leaves open given the one before it:
    # all terms are positive, nothing cancels.
    onwards = chain.steps + ops.expand_dims(after, 1)  # (n, from, to, r)
    onwards = lift(onwards, (1, 2))
    log_steps = log_softmax(onwards, 2)
    origins = ops.exp(log_softmax(before + ops.logsumexp(onwards, axis=2), 1))
    open_ = -ops.sum(ops.exp(log_steps) * log_steps, axis=2)
    return chain.restore_rows(ops.sum(origins * open_, axis=(0, 1)))


def chain_argmax(unary, transition, mask=None, start=None, end=None):
    """The most likely sequence of states, found as by Viterbi's algorithm.

    Of equally likely states the lowest counts, from the first position on.
    Has no gradient.

    Returns:
        `(..., positions)`, int32; 0 in masked places.
    """
    chain = Chains(ops.stop_gradient(unary), transition, mask, start, end)
    _, after = chain.messages(ops.max)
    values = chain.steps + ops.expand_dims(after, 1)  # (n, from, to, r)
    best = ops.equal(values, largest(values, axis=2, keepdims=True))
    states = chain.places
    # By comparison: `ops.argmax` cannot be exported.
    first = ops.min(
        ops.where(best, states, chain.states), axis=2, keepdims=True
    )
    return chain.follow(ops.equal(states, first))


def chain_sample(unary, transition, mask=None, start=None, end=None, seed=None):
    """Draws a sequence of states with probability `p(z)`.

    Backward filtering, forward sampling. Has no gradient.

    Args:
        unary: As for all functions here, like the four next arguments.
        transition: See the module.
        mask: See the module.
        start: See the module.
        end: See the module.
        seed: An integer, a `keras.random.SeedGenerator` or `None`.

    Returns:
        `(..., positions)`, int32; 0 in masked places.
    """
    chain = Chains(ops.stop_gradient(unary), transition, mask, start, end)
    _, after = chain.messages()
    onwards = log_softmax(chain.steps + ops.expand_dims(after, 1), 2)
    below = ops.cumsum(ops.exp(onwards), axis=2)[:, :, :-1]
    count, _, rows = ops.shape(after)
    noise = keras.random.uniform(
        (count, 1, 1, rows), dtype=chain.dtype, seed=seed
    )
    # One number decides, for every state before, which state comes next.
    drawn = ops.sum(ops.cast(noise >= below, "int32"), axis=2, keepdims=True)
    return chain.follow(ops.equal(chain.places, drawn))


def _log_marginals(chain):
    before, after = chain.messages()
    entered = ops.logsumexp(lift(chain.enter(before), (1, 2)), axis=1)
    return log_softmax(entered + after, 1)
