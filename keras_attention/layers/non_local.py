"""The non-local block: every position gathers from all others."""

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.projection import projection
from keras_attention.internals.recording import record_attention
from keras_attention.internals.renamed import Renamed
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.pairwise import refuse_large_map
from keras_attention.layers.pairwise import weigh
from keras_attention.layers.query_key_value import QueryKeyValue2D
from keras_attention.ops import at_least_float32
from keras_attention.ops import finite
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import masked_softmax
from keras_attention.ops import precise_dtype
from keras_attention.ops import products

_SOFTMAX_MODES = ("embedded_gaussian", "gaussian")
_MODES = (*_SOFTMAX_MODES, "dot_product", "concatenation")


@registry.register(
    "nonlocal",
    family="self",
    aliases=("non_local",),
    search_space={"reduction_ratio": [16, 8, 4]},
)
class NonLocal2D(QueryKeyValue2D):
    """Non-local block: a position's answer is a sum over all positions.

    `y_i = BN(W_z (1 / C_i) sum_j f(x_i, x_j) g(x_j)) + x_i` with `g` a linear
    map to fewer channels and, for linear maps `theta` and `phi` to as many,

    | mode | `f(x_i, x_j)` | `C_i` |
    |---|---|---|
    | `embedded_gaussian` | `exp(theta(x_i) . phi(x_j))` | `sum_j f` |
    | `gaussian` | `exp(x_i . x_j)` | `sum_j f` |
    | `dot_product` | `theta(x_i) . phi(x_j)` | `N` |
    | `concatenation` | `relu(w . [theta(x_i), phi(x_j)])` | `N` |

    where `N` is the number of positions `j`. The first two are a softmax. The
    weights are `f / C` in every mode: those of `dot_product` can be negative,
    and neither they nor those of `concatenation` are bounded, so that extreme
    features overflow in float16 there.

    Args:
        mode: str, one of the four. Defaults to `"embedded_gaussian"`.
        reduction_ratio: int; `theta`, `phi` and `g` have
            `channels / reduction_ratio` channels, rounded down, at least 1.
            Defaults to `2`.
        key_dim: int or `None`, this number itself; overrides `reduction_ratio`.
            Defaults to `None`.
        sub_sample: bool, whether `phi(x)` and `g(x)` are max-pooled 2x2, so
            that there are a quarter as many positions to gather from. Defaults
            to `False`.
        scaled_by: str or `None`, what the products of the first three modes are
            divided by: `None` nothing, `"channels"` the root of the number of
            channels of `x`, `"key_dim"` the root of the length of the vectors
            compared. Defaults to `None`.
        normalization: str or `None`: `"batch"` for BN, or `None`. Defaults to
            `"batch"`.
        use_bias: bool, whether the linear maps have biases, but for those that
            what follows cancels: of `phi` under a softmax, of `W_z` under BN.
            Defaults to `True`.
        residual: bool, whether `x_i` is added. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        max_positions: int or `None`, the largest `height * width` to accept,
            against running out of memory; `None` sets no limit. Defaults to
            `16384`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity; see
            `AttentionLayer2D`. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`, true where a position may be
            gathered from, which `N` and the statistics of BN follow; elsewhere
            the outputs are 0.
        training: Whether BN uses the statistics of the batch.
        return_attention_scores: Whether to return the weights too.

    Returns:
        A map in the shape of `features`; with `return_attention_scores=True`
        also the weights `(batch, 1, positions, gathered)`, float32:
        `[b, 0, i, j]` is how much `i` takes from `j`. With `sub_sample`, `j`
        runs over the pooled map, half as high and wide, rounded up.

    Raises:
        ValueError: For unknown modes, divisors and normalizations, for a
            divisor in the mode `concatenation`, and for a map with more than
            `max_positions`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("nonlocal", sub_sample=True)
    >>> features = np.ones((2, 8, 8, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 8, 8, 16), (2, 1, 64, 16))

    Reference:
        Wang, Girshick, Gupta, He: Non-local Neural Networks. CVPR 2018.

    Differs from the paper:
        The paper starts as the identity by a BN whose `gamma` is 0; here
        `gamma` is 1, and `identity_init=True` starts as the identity. timm's
        `NonLocalAttn` is `scaled_by="channels"` with `key_dim` an eighth of the
        channels, rounded to a multiple of 8. mmcv's `NonLocal2d` is
        `scaled_by="key_dim"` in the mode `embedded_gaussian`, and
        `normalization=None` unless asked for; its pooling leaves the last
        row or column of an odd size out, which the paper does not have.

    Cost:
        `4 N C D + 2 N^2 D` multiplications for a `key_dim` of `D`, `4 C D`
        parameters without biases, and memory for `N^2` weights; a quarter of
        both squares with `sub_sample`.

    See also:
        `MultiHeadSelfAttention2D`, with several heads and positions.
    """

    renamed_arguments = {  # noqa: RUF012
        "filters": "key_dim",
        "scale": Renamed("scaled_by", {"filters": "key_dim"}),
    }

    def __init__(
        self,
        mode="embedded_gaussian",
        reduction_ratio=2,
        key_dim=None,
        sub_sample=False,
        scaled_by=None,
        normalization="batch",
        use_bias=True,
        residual=True,
        kernel_initializer="glorot_uniform",
        max_positions=16384,
        **kwargs,
    ):
        super().__init__(
            reduction_ratio=reduction_ratio,
            key_dim=key_dim,
            use_bias=use_bias,
            kernel_initializer=kernel_initializer,
            **kwargs,
        )
        self.mode = arguments.one_of("mode", mode, _MODES)
        self.sub_sample = arguments.boolean("sub_sample", sub_sample)
        self.scaled_by = arguments.one_of(
            "scaled_by", scaled_by, (None, "channels", "key_dim")
        )
        if mode == "concatenation" and scaled_by is not None:
            raise ValueError(
                "mode='concatenation' has no product to scale. Received: "
                f"scaled_by={scaled_by!r}"
            )
        self.normalization = arguments.one_of(
            "normalization", normalization, ("batch", None)
        )
        self.residual = arguments.boolean("residual", residual)
        self.max_positions = arguments.positive_int(
            "max_positions", max_positions, optional=True
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the linear maps and the normalization."""
        self._refuse_large_map(features_shape)
        channels = features_shape[-1]
        key_dim = self.reduced(channels)
        value_dim = self.value_dim(channels, key_dim)
        reduced_shape = (*features_shape[:3], key_dim)
        compared = channels if self.mode == "gaussian" else key_dim
        lengths = {None: 1, "channels": channels, "key_dim": compared}
        self.factor = lengths[self.scaled_by] ** -0.5
        if self.mode != "gaussian":
            self.query_dense = self.linear("query", key_dim, features_shape)
            self.key_dense = self.linear(
                "key",
                key_dim,
                features_shape,
                self.mode != "embedded_gaussian",
            )
        if self.mode == "concatenation":
            # w . [a, b] is the sum of two products, one of N and one of M.
            self.query_score = self._score("query_score", reduced_shape)
            self.key_score = self._score("key_score", reduced_shape)
        self.value_dense = self.linear("value", value_dim, features_shape)
        self.output_dense = self.linear(
            "output",
            channels,
            (*features_shape[:3], value_dim),
            self.normalization is None,
        )
        if self.normalization == "batch":
            # The values of the paper's code, and PyTorch's.
            self.batch_normalization = keras.layers.BatchNormalization(
                epsilon=1e-5,
                momentum=0.9,
                name="normalization",
                dtype=self.dtype_policy,
            )
            self.batch_normalization.build(features_shape)

    def value_dim(self, channels, key_dim):
        """The channels of `g(x)`, for a mechanism with others."""
        return key_dim

    def aligned(self, f, mask):
        """`f / C`, with `C` a sum or the number of valid positions.

        For a mechanism with other weights.
        """
        if self.mode in _SOFTMAX_MODES:
            return masked_softmax(f, mask)
        if mask is None:
            return f / ops.cast(ops.shape(f)[-1], f.dtype)
        count = ops.sum(ops.cast(mask, f.dtype), axis=-1, keepdims=True)
        return ops.where(mask, f / ops.maximum(count, 1), 0.0)

    def attend(self, features, query, mask, training):
        """Gathers from all positions and adds the features."""
        self._refuse_large_map(features.shape)
        features, _ = hide_masked(features, mask)
        queries = keys = features
        if self.mode != "gaussian":
            queries = finite(self.query_dense(features))
            keys = finite(self.key_dense(features))
        values, keys_mask = finite(self.value_dense(features)), mask
        if self.sub_sample:
            keys, _ = _pool(keys, mask)
            values, keys_mask = _pool(values, mask)
        values, scores_mask = hide_masked(values, keys_mask)
        f = self._scored(map_to_tokens(queries), map_to_tokens(keys))
        weights = self.aligned(f, scores_mask)
        weights = record_attention(self, weights)
        values = ops.expand_dims(map_to_tokens(values), 1)
        context = ops.reshape(  # (b, 1, n, d) to a map
            weigh(weights, values), (*ops.shape(features)[:3], values.shape[-1])
        )
        context = finite(context, self.compute_dtype)
        outputs = finite(self.output_dense(context))
        if self.normalization == "batch":
            outputs = self.batch_normalization(
                outputs, training=training, mask=mask
            )
        if self.residual:
            outputs = outputs + features
        outputs, _ = hide_masked(outputs, mask)
        return outputs, weights

    def attention_shapes(self, features_shape, query_shape):
        """The map's shape and `(batch, 1, positions, gathered)`."""
        batch, height, width, _ = features_shape
        if None in (height, width):
            return features_shape, (batch, 1, None, None)
        gathered = height * width
        if self.sub_sample:
            gathered = -(-height // 2) * -(-width // 2)
        return features_shape, (batch, 1, height * width, gathered)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "mode": self.mode,
            "sub_sample": self.sub_sample,
            "scaled_by": self.scaled_by,
            "normalization": self.normalization,
            "residual": self.residual,
            "max_positions": self.max_positions,
        }

    def _scored(self, queries, keys):
        """`f`, or its logarithm for a softmax: `(batch, 1, n, m)`, float32."""
        if self.mode == "concatenation":
            rows = self.query_score(at_least_float32(queries))  # (b, n, 1)
            columns = self.key_score(at_least_float32(keys))  # (b, m, 1)
            f = ops.relu(rows + ops.transpose(columns, (0, 2, 1)))
            return ops.expand_dims(f, 1)
        queries = at_least_float32(queries) * self.factor
        f = products(queries, at_least_float32(keys))
        return ops.expand_dims(f, 1)

    def _refuse_large_map(self, shape):
        refuse_large_map(self, shape, sub_sample=4 if self.sub_sample else 1)

    def _score(self, name, shape):
        layer = projection(
            "bn",
            1,
            name,
            precise_dtype(self.compute_dtype),
            use_bias=False,
            initializer=self.kernel_initializer,
        )
        layer.build((shape[0], None, shape[-1]))
        return layer


def _pool(x, mask):
    """2x2 max pooling where the mask is true, and of the mask itself.

    At an odd size the last row or column is a window of its own. A window
    without a valid position has zeros.
    """
    x = at_least_float32(x)
    if mask is None:
        return _max_pool(x), None
    lowest = float(np.finfo(keras.backend.standardize_dtype(x.dtype)).min)
    mask = ops.expand_dims(mask, -1)
    pooled = _max_pool(ops.where(mask, x, lowest))
    mask = _max_pool(ops.cast(mask, x.dtype)) > 0
    return ops.where(mask, pooled, 0.0), ops.squeeze(mask, -1)


def _max_pool(x):
    return ops.max_pool(
        x, 2, strides=2, padding="same", data_format="channels_last"
    )
