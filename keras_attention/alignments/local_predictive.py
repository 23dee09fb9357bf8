"""Local attention around positions that the queries ask for."""

from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.windowed import WindowedAlignment
from keras_attention.internals import arguments
from keras_attention.internals.projection import projection
from keras_attention.ops import distances
from keras_attention.ops import inside
from keras_attention.ops import masked_softmax
from keras_attention.ops import outer
from keras_attention.ops import precise_dtype


@registry.register("local_predictive", aliases=("local_p",))
class LocalPredictiveAlignment(WindowedAlignment):
    """Local-p alignment: the query says where to look.

    `p = S * sigmoid(v . tanh(W q))` is the centre, for a map of size `S`.
    Within `D` of it,
    `w_i = softmax(e / t)_i * exp(-(i - p)^2 / (2 sigma^2))` with
    `sigma = D / 2`, and the softmax is over that window; elsewhere `w_i = 0`.
    On a grid there are a row and a column of `p`, and the Gaussian is the
    product of two. Position `i` is at `i + 1/2`, so `p` runs from one border
    of the map to the other, and `p = S / 2` is its middle.

    Args:
        radius: int, `D`. A window that reaches beyond the map is cut off there;
            as `D` grows, the weights become those of a softmax. Defaults to
            `3`.
        dimensions: int, 2 for a centre on the map, 1 for one in the sequence of
            its positions, row by row. Defaults to `2`.
        hidden_dim: int or `None`, rows of `W`; `None` takes the channels of the
            query. Defaults to `None`.
        temperature: float, `t` > 0 of the softmax. Defaults to `1.0`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`. Each head has a centre
            of its own.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any in its window gives zeros.
        grid_shape: `(height, width)` of the map, where `dimensions` is 2.
        query: `(batch, queries, query_channels)`; batch may be 1.

    Returns:
        Weights in the shape of `scores`, float32, in `[0, 1]`. A row sums to
        less than 1: it is not normalised again after the Gaussian, so that
        the centre has a gradient even where all scores are equal.

    Raises:
        ValueError: If `radius` or `hidden_dim` is not a positive integer,
            `dimensions` not 1 or 2, `temperature` not a finite number above 0
            or `learnable_temperature` not a boolean; without `query`, and
            without `grid_shape` where it is needed.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> alignment = alignments.get("local_predictive", radius=2)
    >>> scores, query = np.zeros((1, 1, 1, 25)), np.zeros((1, 1, 8))
    >>> weights = alignment(scores, grid_shape=(5, 5), query=query)
    >>> print(np.array(weights).reshape(5, 5)[2].round(4))
    [0.0054 0.0243 0.04   0.0243 0.0054]

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        The row and the column; centres for several heads; the half position.
        `D` = 10 there, on sentences.

    Cost:
        A dense layer of the queries, and two exponentials a score.

    See also:
        `LocalMonotonicAlignment`, whose windows stay where they are.
    """

    normalized = False
    needs_query = True

    renamed_arguments = {"units": "hidden_dim"}  # noqa: RUF012

    def __init__(
        self, radius=3, dimensions=2, hidden_dim=None, temperature=1.0, **kwargs
    ):
        super().__init__(radius, dimensions, temperature, **kwargs)
        self.hidden_dim = arguments.size(
            "hidden_dim", hidden_dim, optional=True
        )

    def build(self, scores_shape, query_shape=None):
        """Creates `W` and `v`."""
        super().build(scores_shape, query_shape)
        self._check(query_shape)
        dtype = precise_dtype(self.compute_dtype)
        hidden_dim = self.hidden_dim or query_shape[-1]
        self.hidden_dense = projection(
            "bq", hidden_dim, "hidden", dtype, use_bias=False
        )
        self.hidden_dense.build(query_shape)
        self.center_dense = projection(
            "bq",
            scores_shape[1] * self.dimensions,
            "center",
            dtype,
            use_bias=False,
        )
        self.center_dense.build((*query_shape[:-1], hidden_dim))

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Looks where the query says; see the class."""
        self._check(query)
        sizes = self.sizes(scores, grid_shape)
        centers = self._centers(query, sizes)
        offsets = distances(centers, sizes)  # (b, h, q, size) each
        window = inside(offsets, self.radius)
        if mask is not None:
            window = ops.logical_and(window, mask)
        weights = masked_softmax(self.cooled(scores, window), window)
        # sigma = radius / 2
        factors = [ops.exp(-2.0 * ops.square(x / self.radius)) for x in offsets]
        return weights * ops.cast(outer(factors), weights.dtype)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "hidden_dim": self.hidden_dim}

    def _centers(self, query, sizes):
        """The centre along every dimension, `(batch, heads, queries)`."""
        shares = ops.sigmoid(
            self.center_dense(ops.tanh(self.hidden_dense(query)))
        )
        shares = ops.transpose(shares, (0, 2, 1))  # (b, d * h, q)
        heads = shares.shape[1] // self.dimensions
        return [
            shares[:, heads * axis : heads * (axis + 1)]
            * ops.cast(size, shares.dtype)
            - 0.5
            for axis, size in enumerate(sizes)
        ]

    def _check(self, query):
        if query is None:
            raise ValueError(
                f"{type(self).__name__} asks the query where to look. "
                "Received: query=None"
            )
