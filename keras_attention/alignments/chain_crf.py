"""Chain CRF: neighbours along a walk over the map decide together."""

import numpy as np
from keras import initializers
from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.alignments.distributions import ChainDistribution
from keras_attention.internals import arguments
from keras_attention.ops import along_walk
from keras_attention.ops import at_least_float32
from keras_attention.ops import bounded
from keras_attention.ops import masked_softmax

_ORDERS = ("rows", "columns", "snake")


@registry.register("chain_crf")
class ChainCRFAlignment(Alignment):
    """Marginals of a linear-chain conditional random field.

    Every position is in one of `K` states, levels of attention from 0 (off)
    to 1, and a learned table `T` says which states may follow each other
    along a walk over the map:
    `p(z) ~ exp(sum_i e_i z_i / (K - 1) + sum_i T[z_i, z_i+1])`. A weight is
    the expected level, `w_i = E[z_i] / (K - 1)`; for two states the
    probability that the position is on. With a table of zeros, as at the
    start, it is the sigmoid; a table that rewards equal neighbours attends to
    connected segments.

    Args:
        order: The walk: `"rows"` one after another, `"columns"`, or `"snake"`
            (every other row backwards, so that each step goes to a
            neighbour). All but `"rows"` need `grid_shape`.
        states: `K`, at least 2.
        normalization: `None`, or `"sum"`: weights divided by their sum.
        scale: Factor on the weights, above 0.
        boundary: `"free"`, or `"mean"`: the first position gets the mean of
            the table's rows and the last one the mean of its columns, as if
            the walk came from and went on to any state.
        transition_initializer: Of the table.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. The walk steps over masked positions, so that a
            padded map has the weights of the map without its padding. A row
            without any gives zeros.
        grid_shape: `(height, width)`; not used by `"rows"`.

    Returns:
        Weights in the shape of `scores`, float32, in `[0, 1]` without
        `normalization`, or each row summing to `scale`.

    Raises:
        ValueError: For an unknown `order`, `normalization` or `boundary`,
            fewer than 2 states, a `scale` that is not a finite number above
            0, and a missing `grid_shape`.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[3.0, 0.0, 3.0, -3.0, -3.0]]]])
    >>> segments = alignments.get(
    ...     "chain_crf", transition_initializer="identity"
    ... )
    >>> print(keras.ops.convert_to_numpy(segments(scores)).round(2))
    [[[[0.97 0.84 0.92 0.05 0.02]]]]

    Reference:
        Kim, Denton, Hoang, Rush: Structured Attention Networks. ICLR 2017.

    Differs from the paper:
        The translation model of the paper is `normalization="sum"`,
        `scale=2`, `boundary="mean"`; the walk over a map, more than two
        levels and masks are ours. The paper differentiates by hand, in signed
        log-space; here the marginals are plain operations that every backend
        differentiates.

    Cost:
        About `2 N K^3` exponentials in `2 log2(N)` steps, and memory
        `4 N K^2` a head and query.

    See also:
        `GridCRFAlignment`, where rows and columns count alike but the
        marginals are approximate; `SigmoidAlignment`, without neighbours.
        `distribution` gives the most likely map, samples and the entropy.
    """

    def __init__(
        self,
        order="rows",
        states=2,
        normalization=None,
        scale=1.0,
        boundary="free",
        transition_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.order = arguments.one_of("order", order, _ORDERS)
        self.states = arguments.positive_int("states", states)
        if states < 2:
            raise ValueError(
                arguments.invalid("states", states, "an integer of at least 2")
            )
        self.normalization = arguments.one_of(
            "normalization", normalization, (None, "sum")
        )
        self.scale = arguments.positive_float("scale", scale)
        self.boundary = arguments.one_of("boundary", boundary, ("free", "mean"))
        self.transition_initializer = initializers.get(transition_initializer)

    @property
    def normalized(self):
        """Whether the weights of a row sum to 1."""
        return self.normalization == "sum" and self.scale == 1

    @property
    def needs_grid(self):
        """Whether `grid_shape` must be passed: not to walk along rows."""
        return self.order != "rows"

    def build(self, scores_shape, query_shape=None):
        """Creates the table, one for all heads."""
        self.transition = self.add_weight(
            shape=(self.states, self.states),
            initializer=self.transition_initializer,
            name="transition",
        )

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Weighs; see the class."""
        view = self.distribution(scores, mask, grid_shape)
        if self.normalization is None:
            return self.scale * view.marginals
        # From logarithms: where all marginals are too small for a float their
        # shares are still defined.
        return self.scale * masked_softmax(view.log_marginals, mask)

    def distribution(self, scores, mask=None, grid_shape=None, query=None):
        """`p(z)` itself: the most likely map, samples, entropy, `log Z`.

        Args:
            scores: As for a call, like the other arguments.
            mask: See the class.
            grid_shape: See the class.
            query: Not looked at.

        Returns:
            A `ChainDistribution`.
        """
        scores = at_least_float32(ops.convert_to_tensor(scores))
        if not self.built:
            self.build(scores.shape)
        if self.needs_grid and grid_shape is None:
            raise ValueError(
                f'chain_crf with order="{self.order}" needs grid_shape, the '
                "height and width of the map. Received: grid_shape=None"
            )
        if mask is not None and self.needs_grid:
            mask = ops.logical_and(mask, ops.ones_like(scores, dtype="bool"))
            mask = along_walk(mask, self.order, grid_shape)
        # Cut off: an infinite score times the level 0 would be NaN.
        walk = along_walk(bounded(scores), self.order, grid_shape)
        levels = np.arange(self.states) / (self.states - 1)
        levels = ops.convert_to_tensor(levels, walk.dtype)
        transition = ops.cast(self.transition, walk.dtype)
        start = end = None
        if self.boundary == "mean":
            start, end = ops.mean(transition, 0), ops.mean(transition, 1)
        return ChainDistribution(
            ops.expand_dims(walk, -1) * levels,
            transition,
            mask,
            start,
            end,
            restore=lambda x: along_walk(
                x, self.order, grid_shape, inverse=True
            ),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "order": self.order,
            "states": self.states,
            "normalization": self.normalization,
            "scale": self.scale,
            "boundary": self.boundary,
            "transition_initializer": initializers.serialize(
                self.transition_initializer
            ),
        }
