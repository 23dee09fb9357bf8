"""Chain CRF: neighbours along a chain over the map decide together."""

import numpy as np
from keras import initializers
from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.alignments.distributions import ChainDistribution
from keras_attention.internals import arguments
from keras_attention.internals.renamed import Renamed
from keras_attention.ops import at_least_float32
from keras_attention.ops import bounded
from keras_attention.ops import in_chain_order
from keras_attention.ops import masked_softmax

_ORDERS = ("rows", "columns", "snake")


@registry.register("chain_crf")
class ChainCRFAlignment(Alignment):
    """Marginals of a linear-chain conditional random field.

    Every position is in one of `K` states, levels of attention from 0 (off)
    to 1, and a learned table `T` says which states may follow each other
    along a chain over the map:
    `p(z) ~ exp(sum_i e_i z_i / (K - 1) + sum_i T[z_i, z_i+1])`. A weight is
    the expected level, `w_i = E[z_i] / (K - 1)`; for two states the
    probability that the position is on. With a table of zeros, as at the
    start, it is the sigmoid; a table that rewards equal neighbours attends to
    connected segments.

    Args:
        order: str, of the chain: `"rows"` one after another, `"columns"`, or
            `"snake"` (every other row backwards, so that each step goes to a
            neighbour). All but `"rows"` need `grid_shape`. Defaults to
            `"rows"`.
        states: int, `K`, at least 2. Defaults to `2`.
        normalize: bool, whether the weights are divided by their sum. Defaults
            to `False`.
        weights_multiplier: float, factor on the weights, above 0. Defaults to
            `1.0`.
        boundary: str, `"free"`, or `"mean"`: the first position gets the mean
            of the table's rows and the last one the mean of its columns, as if
            the chain came from and went on to any state. Defaults to `"free"`.
        pairwise_initializer: str, dict or `keras.initializers.Initializer`, of
            the table. Defaults to `"zeros"`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. The chain steps over masked positions, so that a
            padded map has the weights of the map without its padding. A row
            without any gives zeros.
        grid_shape: `(height, width)`; not used by `"rows"`.

    Returns:
        Weights in the shape of `scores`, float32, in `[0, 1]` without
        `normalize`, or each row summing to 1; times `weights_multiplier`.

    Raises:
        ValueError: For an unknown `order` or `boundary`, fewer than 2 states,
            a `weights_multiplier` that is not a finite number above 0, and a
            missing `grid_shape`.

    Example:

    >>> import keras
    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[3.0, 0.0, 3.0, -3.0, -3.0]]]])
    >>> segments = alignments.get(
    ...     "chain_crf", pairwise_initializer="identity"
    ... )
    >>> print(keras.ops.convert_to_numpy(segments(scores)).round(2))
    [[[[0.97 0.84 0.92 0.05 0.02]]]]

    Reference:
        Kim, Denton, Hoang, Rush: Structured Attention Networks. ICLR 2017.

    Differs from the paper:
        The translation model of the paper is `normalize=True`,
        `weights_multiplier=2`, `boundary="mean"`; the chain over a map, more
        than two levels and masks are ours. The paper differentiates by hand,
        in signed log-space; here the marginals are plain operations that every
        backend differentiates.

    Cost:
        About `2 N K^3` exponentials in `2 log2(N)` steps, and memory
        `4 N K^2` a head and query.

    See also:
        `GridCRFAlignment`, where rows and columns count alike but the
        marginals are approximate; `SigmoidAlignment`, without neighbours.
        `distribution` gives the most likely map, samples and the entropy.
    """

    renamed_arguments = {  # noqa: RUF012
        "normalization": Renamed("normalize", {None: False, "sum": True}),
        "scale": "weights_multiplier",
        "transition_initializer": "pairwise_initializer",
    }

    def __init__(
        self,
        order="rows",
        states=2,
        normalize=False,
        weights_multiplier=1.0,
        boundary="free",
        pairwise_initializer="zeros",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.order = arguments.one_of("order", order, _ORDERS)
        self.states = arguments.size("states", states)
        if states < 2:
            raise ValueError(
                arguments.invalid("states", states, "an integer of at least 2")
            )
        self.normalize = arguments.boolean("normalize", normalize)
        self.weights_multiplier = arguments.positive_float(
            "weights_multiplier", weights_multiplier
        )
        self.boundary = arguments.one_of("boundary", boundary, ("free", "mean"))
        self.pairwise_initializer = arguments.initializer(
            "pairwise_initializer", pairwise_initializer
        )

    @property
    def normalized(self):
        """Whether the weights of a row sum to 1."""
        return self.normalize and self.weights_multiplier == 1

    @property
    def needs_grid(self):
        """Whether `grid_shape` must be passed: not along rows."""
        return self.order != "rows"

    def build(self, scores_shape, query_shape=None):
        """Creates the table, one for all heads."""
        self.transition = self.add_weight(
            shape=(self.states, self.states),
            initializer=self.pairwise_initializer,
            name="transition",
        )

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Weighs; see the class."""
        view = self.distribution(scores, mask, grid_shape)
        if not self.normalize:
            return self.weights_multiplier * view.marginals
        # From logarithms: where all marginals are too small for a float their
        # shares are still defined.
        return self.weights_multiplier * masked_softmax(
            view.log_marginals, mask
        )

    def distribution(self, scores, mask=None, grid_shape=None, query=None):
        """`p(z)` itself: the most likely map, samples, entropy, `log Z`.

        Args:
            scores: tensor, as for a call, like the other arguments.
            mask: tensor or `None`, see the class. Defaults to `None`.
            grid_shape: tuple or `None`, see the class. Defaults to `None`.
            query: tensor or `None`, not looked at. Defaults to `None`.

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
            mask = in_chain_order(mask, self.order, grid_shape)
        # Cut off: an infinite score times the level 0 would be NaN.
        chain = in_chain_order(bounded(scores), self.order, grid_shape)
        levels = np.arange(self.states) / (self.states - 1)
        levels = ops.convert_to_tensor(levels, chain.dtype)
        transition = ops.cast(self.transition, chain.dtype)
        start = end = None
        if self.boundary == "mean":
            start, end = ops.mean(transition, 0), ops.mean(transition, 1)
        return ChainDistribution(
            ops.expand_dims(chain, -1) * levels,
            transition,
            mask,
            start,
            end,
            restore=lambda x: in_chain_order(
                x, self.order, grid_shape, inverse=True
            ),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "order": self.order,
            "states": self.states,
            "normalize": self.normalize,
            "weights_multiplier": self.weights_multiplier,
            "boundary": self.boundary,
            "pairwise_initializer": initializers.serialize(
                self.pairwise_initializer
            ),
        }
