"""Criss-cross attention: a position gathers from its row and its column."""

from keras import ops

from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.query_key_value import QueryKeyValue2D
from keras_attention.ops import at_least_float32
from keras_attention.ops import finite
from keras_attention.ops import grid_of
from keras_attention.ops import hide_masked
from keras_attention.ops import masked_softmax
from keras_attention.ops import products


@registry.register(
    "criss_cross",
    family="self",
    aliases=("ccnet", "criss_cross_attention"),
    search_space={"reduction_ratio": [8, 4, 16]},
)
class CrissCrossAttention2D(QueryKeyValue2D):
    """Criss-cross attention: a position takes from its row and its column.

    `y_i = x_i + gamma sum_j softmax_j(q_i . k_j) v_j`, where `j` are the
    positions in the column and in the row of `i`, itself once. `q` and `k` are
    linear maps to fewer channels, `v` one to as many. Called twice, with the
    same weights, every position hears of every other: `layer(layer(x))`.
    `gamma` is a scalar that starts at 0: the layer starts as the identity.

    Args:
        reduction_ratio: int; queries and keys have `channels /
            reduction_ratio` channels, rounded down, at least 1. Defaults to
            `8`.
        key_dim: int or `None`, this number itself; overrides
            `reduction_ratio`. Defaults to `None`.
        use_bias: bool, whether `q` and `v` have a bias; that of `k` would be
            cancelled by the softmax. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the gain of `AttentionLayer2D` is what
            starts at 0; `gamma` then starts at 1. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position may be
            gathered from; elsewhere the outputs are 0.
        return_attention_scores: Whether to return the weights too.

    Returns:
        A map in the shape of `features`; with `return_attention_scores=True`
        also the weights `(batch, 1, positions, height + width)`, float32:
        `[b, 0, i]` is what `i` takes from its column, top to bottom, with 0 at
        itself, and then from its row, left to right.

    Raises:
        ValueError: For arguments out of range.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("criss_cross")
    >>> features = np.ones((2, 6, 5, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 6, 5, 16), (2, 1, 30, 11))

    Reference:
        Huang, Wang, Huang, Huang, Wei, Liu: CCNet: Criss-Cross Attention for
        Semantic Segmentation. ICCV 2019.

    Differs from the paper:
        Keys have no bias. The recurrence of two is the caller's.

    Cost:
        `2 N C D + N C^2` multiplications for the linear maps with a `key_dim`
        of `D`, and `N (height + width) (C + D)`; `C^2 + 2 C D + C + D + 1`
        parameters; memory for `N (height + width)` weights.

    See also:
        `NonLocal2D` and `DualAttention2D`, of all pairs.
    """

    def attend(self, features, query, mask, training):
        """Adds what positions gather from their crosses."""
        features, _ = hide_masked(features, mask)
        queries, keys, values = self.projected(features)
        values, _ = hide_masked(values, mask)
        rows = products(at_least_float32(queries), at_least_float32(keys))
        columns = _across(
            products(
                at_least_float32(_across(queries)),
                at_least_float32(_across(keys)),
            )
        )  # (b, h, w, h), as rows are (b, h, w, w)
        scores = ops.concatenate([columns, rows], axis=-1)
        weights = masked_softmax(scores, _valid(columns, rows, mask))
        height, width = grid_of(features)
        batch, positions = ops.shape(features)[0], -1
        if isinstance(height, int):
            batch, positions = -1, height * width
        shape = (batch, 1, positions, height + width)
        weights = record_attention(self, ops.reshape(weights, shape))
        crosses = ops.reshape(weights, (batch, height, width, height + width))
        values = at_least_float32(values)
        context = ops.matmul(crosses[..., height:], values)
        context = context + _across(
            ops.matmul(_across(crosses[..., :height]), _across(values))
        )
        change = at_least_float32(self.gamma) * context
        outputs = features + finite(change, self.compute_dtype)
        outputs, _ = hide_masked(outputs, mask)
        return outputs, weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, positions, height + width)`."""
        batch, height, width, _ = features_shape
        if None in (height, width):
            return features_shape, (batch, 1, None, None)
        return features_shape, (batch, 1, height * width, height + width)


def _across(x):
    """`(b, h, w, c)` to `(b, w, h, c)`, so that rows are columns."""
    return ops.transpose(x, (0, 2, 1, 3))


def _valid(columns, rows, mask):
    """Where a position may gather from: `(b, h, w, h + w)`."""
    height = ops.shape(columns)[1]
    places = ops.arange(height)
    # Itself is in the row already.
    others = ops.not_equal(ops.expand_dims(places, 1), places)
    others = ops.reshape(others, (1, height, 1, height))
    columns = ops.logical_or(ops.zeros_like(columns, "bool"), others)
    rows = ops.ones_like(rows, "bool")
    if mask is not None:
        columns = ops.logical_and(
            columns, ops.expand_dims(ops.transpose(mask, (0, 2, 1)), 1)
        )
        rows = ops.logical_and(rows, ops.expand_dims(mask, 2))
    return ops.concatenate([columns, rows], axis=-1)
