"""Local attention around fixed positions."""

from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.windowed import WindowedAlignment
from keras_attention.ops import distances
from keras_attention.ops import inside
from keras_attention.ops import masked_softmax
from keras_attention.ops import spread_anchors


@registry.register("local_monotonic", aliases=("local_m",))
class LocalMonotonicAlignment(WindowedAlignment):
    """Local-m alignment: a softmax in a window around a fixed anchor.

    `w_i = exp(e_i / t) / sum_{j in T} exp(e_j / t)` for `i` in `T`, the
    positions at most `radius` from the anchor of the query, otherwise 0. One
    query has its anchor in the middle of the map; several have theirs spread
    evenly over it, and as many as there are positions have one each, so that
    every position attends to its neighbours.

    Args:
        radius: int, `D`: the window is `[p - D, p + D]` in every dimension,
            less what is outside the map. A window larger than the map is all of
            it. Defaults to `3`.
        dimensions: int, 2 for a window of rows and columns of the map, 1 for
            one over the positions as a sequence, row by row. Defaults to `2`.
        temperature: float, `t` > 0. Towards 0 all weight goes to the highest
            score of the window, towards infinity it spreads evenly there.
            Defaults to `1.0`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any in its window gives zeros.
        grid_shape: `(height, width)` of the map, where `dimensions` is 2.

    Returns:
        Weights in the shape of `scores`, float32, each row summing to 1.

    Raises:
        ValueError: If `radius` is not a positive integer, `dimensions` not 1
            or 2, `temperature` not a finite number above 0 or
            `learnable_temperature` not a boolean; without `grid_shape` where
            it is needed.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> alignment = alignments.get("local_monotonic", radius=1)
    >>> weights = alignment(np.zeros((1, 1, 1, 15)), grid_shape=(3, 5))
    >>> print(np.array(weights).reshape(3, 5).round(2))
    [[0.   0.11 0.11 0.11 0.  ]
     [0.   0.11 0.11 0.11 0.  ]
     [0.   0.11 0.11 0.11 0.  ]]

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        There the anchor of word `t` is source position `t`; with as many
        queries as positions and `dimensions=1` it is here too. `D` = 10
        there, on sentences.

    Cost:
        That of the softmax: the scores outside the window are not saved.

    See also:
        `LocalPredictiveAlignment`, which moves its window.
    """

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Cuts out and normalises; see the class."""
        sizes = self.sizes(scores, grid_shape)
        anchors = spread_anchors(ops.shape(scores)[2], sizes)
        window = inside(distances(anchors, sizes), self.radius)  # (q, n)
        if mask is not None:
            window = ops.logical_and(window, mask)
        return masked_softmax(self.cooled(scores, window), window)
