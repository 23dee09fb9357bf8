"""Grid CRF: every position decides together with its four neighbours."""

from keras import initializers
from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.alignments.distributions import IndependentDistribution
from keras_attention.internals import arguments
from keras_attention.internals.renamed import Renamed
from keras_attention.ops import at_least_float32
from keras_attention.ops import grid_log_odds
from keras_attention.ops import masked_sigmoid
from keras_attention.ops import masked_softmax
from keras_attention.ops import tokens_to_map

_METHODS = ("mean_field", "belief_propagation")


@registry.register("grid_crf")
class GridCRFAlignment(Alignment):
    """Approximate marginals of a binary random field on the map.

    `p(z) ~ exp(sum_i e_i z_i + sum_ij E[z_i, z_j])` over the pairs of
    horizontal and vertical neighbours, `z_i` in {0, 1}. The weight is the
    approximate probability that a position is on, `w_i = b_i(1)`, after some
    sweeps over the map, all positions at once:

    - mean field:
      `b_i(z) ~ psi_i(z) exp(sum_j sum_a E[a, z] b_j(a))`, from `b = psi`;
    - belief propagation:
      `m_ji(z) ~ sum_a psi_j(a) exp(E[a, z]) prod_{k != i} m_kj(a)`, from
      `m = 1`, and `b_i ~ psi_i prod_j m_ji`; exact on a map of one row or
      column once the sweeps reach from end to end;

    with `psi_i(1) = sigmoid(e_i)`. The tables `E`, one for horizontal and one
    for vertical pairs, are learned and symmetric: three numbers each, for
    both off, one of the two on, both on. With zeros, as at the start, the
    weights are the sigmoid's.

    Args:
        method: str, `"mean_field"` or `"belief_propagation"`. Defaults to
            `"mean_field"`.
        iterations: int, sweeps, at least 0; 0 is the sigmoid, and the tables
            then have no influence. Defaults to `3`.
        normalize: bool, whether the weights are divided by their sum. Defaults
            to `False`.
        pairwise_initializer: str, dict or `keras.initializers.Initializer`, of
            the three numbers of both tables. Defaults to `"zeros"`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. Masked positions get 0 and, like those beyond the
            border, tell their neighbours nothing.
        grid_shape: `(height, width)`.

    Returns:
        Weights in the shape of `scores`, float32, in `[0, 1]`; with
        `normalize=True` each row sums to 1.

    Raises:
        ValueError: For an unknown `method`, for
            `iterations` that are no integer of at least 0, and for a missing
            `grid_shape`.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[2.0, 0.0, 2.0, -2.0, -2.0, -2.0]]]])
    >>> smooth = alignments.get(
    ...     "grid_crf",
    ...     pairwise_initializer=keras.initializers.Constant([1.0, 0.0, 1.0]),
    ... )
    >>> weights = smooth(scores, grid_shape=(2, 3))
    >>> print(keras.ops.convert_to_numpy(weights).round(2))
    [[[[0.78 0.6  0.78 0.1  0.03 0.1 ]]]]

    Reference:
        Zhu, Zhao, Huang, Tu, Ma: Structured Attentions for Visual Question
        Answering. ICCV 2017.

    Differs from the paper:
        There a small network makes a table for every pair out of features and
        question; here the tables are the same everywhere. The published code
        reads a table that need not be symmetric the same way in both
        directions, which no joint distribution does. Its glimpse is
        `normalize=True`.

    Cost:
        4 messages a position and sweep, in each a few element-wise steps.
        Tables of large numbers need not settle: the weights stay finite, but
        may change with every further sweep.

    See also:
        `ChainCRFAlignment`, exact along a chain; `SigmoidAlignment`, without
        neighbours.
    """

    needs_grid = True

    renamed_arguments = {  # noqa: RUF012
        "normalization": Renamed("normalize", {None: False, "sum": True}),
        "table_initializer": "pairwise_initializer",
    }

    def __init__(
        self,
        method="mean_field",
        iterations=3,
        normalize=False,
        pairwise_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.method = arguments.one_of("method", method, _METHODS)
        self.iterations = arguments.non_negative_int("iterations", iterations)
        arguments.size("iterations", max(1, self.iterations))
        self.normalize = arguments.boolean("normalize", normalize)
        self.pairwise_initializer = arguments.initializer(
            "pairwise_initializer", pairwise_initializer
        )

    @property
    def normalized(self):
        """Whether the weights of a row sum to 1."""
        return self.normalize

    def build(self, scores_shape, query_shape=None):
        """Creates the tables: both off, one of the two on, both on."""
        self.horizontal, self.vertical = (
            self.add_weight(
                shape=(3,), initializer=self.pairwise_initializer, name=name
            )
            for name in ("horizontal", "vertical")
        )

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Weighs; see the class."""
        log_odds = self._log_odds(scores, mask, grid_shape)
        if not self.normalize:
            return masked_sigmoid(log_odds, mask)
        # Shares of the marginals, which may all be too small for a float.
        return masked_softmax(ops.log_sigmoid(log_odds), mask)

    def distribution(self, scores, mask=None, grid_shape=None, query=None):
        """The approximation itself: positions with their marginals.

        Args:
            scores: tensor, as for a call, like the other arguments.
            mask: tensor or `None`, see the class. Defaults to `None`.
            grid_shape: tuple or `None`, see the class. Defaults to `None`.
            query: tensor or `None`, not looked at. Defaults to `None`.

        Returns:
            An `IndependentDistribution`: samples and the most likely map know
            of neighbours only what the marginals do, and `log_partition` is
            that of the approximation.
        """
        scores = ops.convert_to_tensor(scores)
        if not self.built:
            self.build(scores.shape)
        return IndependentDistribution(
            self._log_odds(scores, mask, grid_shape), mask
        )

    def _log_odds(self, scores, mask, grid_shape):
        if grid_shape is None:
            raise ValueError(
                "grid_crf needs grid_shape, the height and width of the map. "
                "Received: grid_shape=None"
            )
        scores = at_least_float32(scores)
        if mask is not None:
            mask = ops.logical_and(mask, ops.ones_like(scores, dtype="bool"))
            mask = tokens_to_map(mask, grid_shape)
        log_odds = grid_log_odds(
            tokens_to_map(scores, grid_shape),
            _table(self.horizontal, scores.dtype),
            _table(self.vertical, scores.dtype),
            self.method,
            self.iterations,
            mask,
        )
        return ops.reshape(log_odds, (-1, *ops.shape(scores)[1:]))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "method": self.method,
            "iterations": self.iterations,
            "normalize": self.normalize,
            "pairwise_initializer": initializers.serialize(
                self.pairwise_initializer
            ),
        }


def _table(numbers, dtype):
    """`[[off, one], [one, on]]`, symmetric by construction."""
    numbers = ops.cast(numbers, dtype)
    off, one, on = numbers[0], numbers[1], numbers[2]
    return ops.reshape(ops.stack([off, one, one, on]), (2, 2))
