"""Weights as probabilities: what an alignment believes beyond its marginals.

An alignment with a `distribution` method gives one of these for scores
`(batch, heads, queries, positions)`. Marginals, best guess and samples have
that shape too, in `[0, 1]`, so that the mean of many samples tends to the
marginals and any of them can serve as weights.
"""

import keras
import numpy as np
from keras import ops

from keras_attention.ops import chain_argmax
from keras_attention.ops import chain_entropy
from keras_attention.ops import chain_log_marginals
from keras_attention.ops import chain_log_partition
from keras_attention.ops import chain_sample
from keras_attention.ops import largest


class ChainDistribution:
    """Levels of attention along a chain of positions, which depend in pairs.

    `p(z) = exp(sum_i u_i[z_i] + sum_i T[z_i, z_i+1]) / Z`; state `z` of `K`
    attends at the level `z / (K - 1)`.

    Args:
        unary: tensor `(batch, heads, queries, positions, states)`, `u`.
        transition: tensor `(states, states)`, `T`.
        mask: tensor or `None`, boolean, `(batch, heads, queries, positions)` or
            one that broadcasts to it. Defaults to `None`.
        start: tensor `(states,)` or `None`, added at the first position.
            Defaults to `None`.
        end: tensor `(states,)` or `None`, added at the last position. Defaults
            to `None`.
        restore: callable or `None`, brings the positions of a result
            `(batch, heads, queries, positions)` from the chain's order into
            that of the scores; `None` if they are the same. Defaults to `None`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[2.0, -1.0, 2.0]]]])
    >>> view = alignments.get("chain_crf").distribution(scores)
    >>> print(np.array(view.argmax))
    [[[[1. 0. 1.]]]]
    >>> view.sample(seed=0).shape == (1, 1, 1, 3)
    True
    """

    def __init__(
        self, unary, transition, mask=None, start=None, end=None, restore=None
    ):
        self._chain = (unary, transition, mask, start, end)
        self._mask = mask
        self._restore = restore or (lambda x: x)
        self._float_type = keras.backend.standardize_dtype(unary.dtype)
        states = unary.shape[-1]
        self._levels = np.arange(states) / (states - 1)

    @property
    def marginals(self):
        """The expected level of every position, 0 where masked."""
        log_marginals = chain_log_marginals(*self._chain)
        levels = ops.convert_to_tensor(self._levels, self._float_type)
        # Without state 0, whose level is 0.
        expected = ops.sum(
            ops.exp(log_marginals[..., 1:]) * levels[1:, ...], axis=-1
        )
        return self._restore(_shown(expected, self._mask))

    @property
    def log_marginals(self):
        """The logarithm of `marginals`, but anything where masked."""
        log_marginals = chain_log_marginals(*self._chain)[..., 1:]
        logs = ops.convert_to_tensor(np.log(self._levels[1:]), self._float_type)
        return self._restore(ops.logsumexp(log_marginals + logs, axis=-1))

    @property
    def argmax(self):
        """The levels of the most likely sequence, 0 where masked."""
        return self._level(chain_argmax(*self._chain))

    @property
    def entropy(self):
        """Of the whole sequence in nats, `(batch, heads, queries)`."""
        return chain_entropy(*self._chain)

    @property
    def log_partition(self):
        """`log Z`, `(batch, heads, queries)`."""
        return chain_log_partition(*self._chain)

    def sample(self, seed=None):
        """The levels of a sequence drawn from `p`, 0 where masked.

        Args:
            seed: int, `keras.random.SeedGenerator` or `None`; an int always
                draws the same. Defaults to `None`.
        """
        return self._level(chain_sample(*self._chain, seed=seed))

    def _level(self, states):
        highest = float(len(self._levels) - 1)
        return self._restore(ops.cast(states, self._float_type) / highest)


class IndependentDistribution:
    """Positions that are on or off, each by itself.

    `p(z) = prod_i sigmoid(l_i)^z_i (1 - sigmoid(l_i))^(1 - z_i)`: what the
    `sigmoid` alignment means, and what mean field approximates a grid by.

    Args:
        log_odds: tensor `(batch, heads, queries, positions)`, `l`.
        mask: tensor or `None`, boolean, broadcasts to `log_odds`; where it is
            false a position is off. Defaults to `None`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> view = alignments.IndependentDistribution(np.zeros((1, 1, 1, 2)))
    >>> print(np.array(view.entropy).round(4), round(2 * np.log(2), 4))
    [[[1.3863]]] 1.3863
    """

    def __init__(self, log_odds, mask=None):
        self._log_odds = _shown(ops.convert_to_tensor(log_odds), mask)
        self._mask = mask

    @property
    def marginals(self):
        """The probability that a position is on, 0 where masked."""
        return _shown(ops.sigmoid(self._log_odds), self._mask)

    @property
    def argmax(self):
        """1 where on is more likely than off, 0 elsewhere."""
        on = _shown(self._log_odds, self._mask) > 0
        return ops.cast(on, self._log_odds.dtype)

    @property
    def entropy(self):
        """The sum of the positions' entropies in nats, without `positions`."""
        # By the distance from 1/2, where nothing cancels.
        sure = ops.abs(self._log_odds)
        entropy = ops.softplus(-sure) + sure * ops.sigmoid(-sure)
        return ops.sum(_shown(entropy, self._mask), axis=-1)

    @property
    def log_partition(self):
        """`sum_i log (1 + exp(l_i))`, without the axis of positions."""
        terms = ops.softplus(self._log_odds)
        return ops.sum(_shown(terms, self._mask), axis=-1)

    def sample(self, seed=None):
        """On and off drawn from `p`.

        Args:
            seed: int, `keras.random.SeedGenerator` or `None`; an int always
                draws the same. Defaults to `None`.
        """
        marginals = self.marginals
        noise = keras.random.uniform(
            ops.shape(marginals), dtype=_dtype(marginals), seed=seed
        )
        return ops.cast(noise < marginals, marginals.dtype)


class CategoricalDistribution:
    """One position of all, drawn with the probability of its weight.

    What every `normalized` alignment means: hard attention draws from it.
    Weights alone have no `log_partition`.

    Args:
        weights: tensor `(batch, heads, queries, positions)`, rows summing to 1,
            or to 0 where everything is masked.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> weights = alignments.get("softmax")(np.zeros((1, 1, 1, 4)))
    >>> view = alignments.CategoricalDistribution(weights)
    >>> print(np.array(view.argmax), np.array(view.entropy).round(4))
    [[[[1. 0. 0. 0.]]]] [[[1.3863]]]
    """

    def __init__(self, weights):
        self._weights = ops.convert_to_tensor(weights)

    @property
    def marginals(self):
        """The weights."""
        return self._weights

    @property
    def argmax(self):
        """1 at the first of the highest weights, 0 elsewhere."""
        best = largest(self._weights, axis=-1, keepdims=True)
        return self._first(ops.equal(self._weights, best))

    @property
    def entropy(self):
        """`-sum_i w_i log w_i` in nats, without the axis of positions."""
        positive = self._weights > 0
        # The derivative of the logarithm is infinite at 0.
        logs = ops.log(ops.where(positive, self._weights, 1.0))
        return -ops.sum(self._weights * logs, axis=-1)

    def sample(self, seed=None):
        """1 at a position drawn from the weights, 0 elsewhere.

        Args:
            seed: int, `keras.random.SeedGenerator` or `None`; an int always
                draws the same. Defaults to `None`.
        """
        below = ops.cumsum(self._weights, axis=-1)
        noise = keras.random.uniform(
            ops.shape(below[..., :1]), dtype=_dtype(below), seed=seed
        )
        # Of the sum, which is 1 but for rounding.
        return self._first(below > noise * below[..., -1:])

    def _first(self, candidates):
        candidates = ops.logical_and(candidates, self._weights > 0)
        count = ops.shape(self._weights)[-1]
        places = ops.arange(count)
        first = ops.min(
            ops.where(candidates, places, count), axis=-1, keepdims=True
        )
        return ops.cast(ops.equal(places, first), self._weights.dtype)


def _shown(x, mask):
    return x if mask is None else ops.where(mask, x, ops.zeros_like(x))


def _dtype(x):
    return keras.backend.standardize_dtype(x.dtype)
