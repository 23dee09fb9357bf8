"""The attention gate: coarse, deep features decide where fine ones count."""

import math

import keras
from keras import ops

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention.internals import arguments
from keras_attention.internals.recording import record_attention
from keras_attention.layers.attention_layer import AttentionLayer2D
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.parts import refuse_per_channel
from keras_attention.ops import at_least_float32
from keras_attention.ops import finite
from keras_attention.ops import grid_of
from keras_attention.ops import hide_masked
from keras_attention.ops import map_to_tokens
from keras_attention.ops import precise_dtype
from keras_attention.ops import resize_map
from keras_attention.ops import tokens_to_map


@registry.register(
    "gate",
    family="gate",
    aliases=("attention_gate",),
    search_space={"key_dim": [32, 64, 128, 256]},
)
class AttentionGate2D(AttentionLayer2D):
    """Attention gate: a deeper map gates the positions of a shallower one.

    `e = w . act(W_f F + up(W_q Q)) + b`, `a = alignment(e)`, one weight a
    position: `F` the features, `Q` the deeper map, `W_f`, `W_q` and `w` 1x1
    convolutions, `up` bilinear resizing to the size of `F`. The context is
    the gated map `a * F`, or a vector of it. With `sub_sample`, `W_f` moves in
    steps of that size, and the smaller map `a` is enlarged to `F`.

    Args:
        alignment: str, class, dict or `Alignment`: `"sigmoid"`, `"softmax"` or
            another one, unless it needs non-negative scores or a query vector,
            or has a map for every channel. Defaults to `"sigmoid"`.
        aggregation: str, class, dict or `Aggregation`: `"gate"` returns the
            gated map, `"gated_mean"` its mean over positions, `"weighted_sum"`
            its sum; or another one that needs no query vector. Defaults to
            `"gate"`.
        key_dim: int or `None`, channels in which both maps are compared; `None`
            takes the channels of the features. Defaults to `None`.
        activation: str or callable, `act`. Defaults to `"relu"`.
        use_bias: bool, whether `W_q` has a bias. Defaults to `False`.
        kernel_initializer: str, dict or `Initializer`, of the three
            convolutions, and of the fourth. Defaults to `"glorot_uniform"`.
        sub_sample: int, side and step of the windows of `W_f`. Odd sizes have
            a window that is cut off. Weights that sum to 1 do so again when
            they are enlarged. Defaults to `1`.
        output_projection: bool, whether a fourth 1x1 convolution and batch
            normalization follow the gated map. Only with an aggregation that
            keeps the map. Defaults to `False`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity; see
            `AttentionLayer2D`. Only with an aggregation that keeps the map.
            Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        query: The deeper map `(batch, h, w, query_channels)`, of any size.
        mask: Optional `(batch, height, width)`, true where a position may be
            attended to; elsewhere the gated map is 0.
        training: Whether BN uses the statistics of the batch.
        return_attention_scores: Whether to return the weights too.

    Returns:
        `(batch, height, width, channels)` with `aggregation="gate"`,
        otherwise a vector: `(batch, channels)`, unless the aggregation has
        another size. With `return_attention_scores=True` also the weights
        `(batch, 1, height, width)`, float32.

    Raises:
        ValueError: If there is no query, or one that is not a map, and for
            parts that ask for what a gate does not have.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> gate = layers.AttentionGate2D(key_dim=8)
    >>> features, deep = np.ones((2, 28, 28, 16)), np.ones((2, 7, 7, 32))
    >>> outputs, weights = gate(features, deep, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 28, 28, 16), (2, 1, 28, 28))

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019. The gate itself: Oktay et al.: Attention U-Net: Learning
        Where to Look for the Pancreas. MIDL 2018.

    Differs from the paper:
        In nothing from the melanoma network with `key_dim=256`,
        `kernel_initializer="he_normal"` and `"sigmoid"` with `"gated_mean"`
        or `"softmax"` with `"weighted_sum"`. Attention U-Net is `use_bias=True,
        sub_sample=2, output_projection=True`; there the last row or column of
        an odd size has no window, the fourth convolution has a bias, which
        batch normalization subtracts, and an enlarged softmax sums to more
        than 1.

    Cost:
        `N * (channels + 1) * key_dim` multiplications for the features and
        `n * query_channels * key_dim` for the deeper map, which is projected
        before it is enlarged; `key_dim * (channels + query_channels + 1) + 1`
        parameters. With `sub_sample=2` as many multiplications, four times
        the parameters of `W_f` and a quarter of the scores;
        `output_projection` adds `channels^2 + 2 channels` parameters.

    See also:
        `AttentionPooling2D`, guided by a vector.
    """

    query_kind = "map"

    renamed_arguments = {"filters": "key_dim"}  # noqa: RUF012

    def __init__(
        self,
        alignment="sigmoid",
        aggregation="gate",
        key_dim=None,
        activation="relu",
        use_bias=False,
        kernel_initializer="glorot_uniform",
        sub_sample=1,
        output_projection=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.key_dim = arguments.size("key_dim", key_dim, optional=True)
        self.activation = arguments.activation("activation", activation)
        self.use_bias = arguments.boolean("use_bias", use_bias)
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )
        self.sub_sample = arguments.size("sub_sample", sub_sample)
        self.output_projection = arguments.boolean(
            "output_projection", output_projection
        )
        self.alignment = self.get_part(alignments, alignment, "alignment")
        self.aggregation = self.get_part(
            aggregations, aggregation, "aggregation"
        )
        self._check_parts()
        self.set_shape_preserving(self.aggregation.keeps_positions)

    def build_attention(self, features_shape, query_shape):
        """Creates the convolutions; those of 1x1 as dense layers."""
        if query_shape is None:
            raise ValueError(
                f"{type(self).__name__} takes two maps: layer(features, "
                "query), with the deeper map as query. Received: no query"
            )
        batch, *grid, channels = features_shape
        key_dim = self.key_dim or channels
        if self.sub_sample == 1:
            self.features_dense = self._dense("features", key_dim)
        else:
            of_windows = {2: keras.layers.Conv2D, 3: keras.layers.Conv3D}
            self.features_dense = of_windows[self.rank](
                key_dim,
                self.sub_sample,
                strides=self.sub_sample,
                padding="same",
                data_format="channels_last",
                use_bias=False,
                kernel_initializer=self.kernel_initializer.clone(),
                name="features",
                dtype=self.dtype_policy,
            )
        self.features_dense.build(features_shape)
        self.query_dense = self._dense("query", key_dim, self.use_bias)
        self.query_dense.build(query_shape)
        self.score_dense = self._dense(
            "score", 1, True, dtype=precise_dtype(self.compute_dtype)
        )
        self.score_dense.build((batch, *grid, key_dim))
        positions = scored = None
        if None not in grid:
            positions = math.prod(grid)
            scored = math.prod(-(-size // self.sub_sample) for size in grid)
        self.alignment.build_inside(
            (batch, 1, 1, scored), None, (batch, scored, channels)
        )
        self.aggregation.build(
            (batch, 1, 1, positions), (batch, positions, channels)
        )
        if self.output_projection:
            self.output_dense = self._dense("output", channels)
            self.output_dense.build(features_shape)
            # The defaults of PyTorch, in which the paper's code is.
            self.batch_normalization = keras.layers.BatchNormalization(
                epsilon=1e-5,
                momentum=0.9,
                name="normalization",
                dtype=self.dtype_policy,
            )
            self.batch_normalization.build(features_shape)

    def attend(self, features, query, mask, training):
        """Scores every position and lets its features through."""
        features, _ = hide_masked(features, mask)
        hidden = at_least_float32(finite(self.features_dense(features)))
        grid = grid_of(hidden)
        guide = resize_map(finite(self.query_dense(query)), grid)
        hidden = hidden + at_least_float32(guide)
        weights = self.alignment(
            _row(self.score_dense(self.activation(hidden))),
            mask=self._scores_mask(mask),
            grid_shape=grid,
            training=training,
        )
        maps = tokens_to_map(ops.squeeze(weights, 2), grid)
        if self.sub_sample > 1:
            maps = self._enlarged(maps, grid_of(features), mask)
        maps = record_attention(self, maps)  # (b, 1, height, width)
        weights = _row(_with_channel(maps))
        context = self.aggregation(weights, map_to_tokens(features))
        if not self.shape_preserving:
            return ops.cast(ops.squeeze(context, 1), self.compute_dtype), maps
        context = ops.reshape(context, ops.shape(features))
        context = ops.cast(context, self.compute_dtype)
        if self.output_projection:
            context = self.batch_normalization(
                finite(self.output_dense(context)), training=training, mask=mask
            )
            context, _ = hide_masked(context, mask)
        return context, maps

    def attention_shapes(self, features_shape, query_shape):
        """The shapes of the gated map or its vector, and of the weights."""
        batch, *grid, channels = features_shape
        maps_shape = (batch, 1, *grid)
        if self.shape_preserving:
            return features_shape, maps_shape
        *_, dim = self.aggregation.compute_output_shape(
            (batch, 1, 1, None), (batch, None, channels)
        )
        return (batch, dim), maps_shape

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "key_dim": self.key_dim,
            "activation": keras.activations.serialize(self.activation),
            "alignment": alignments.serialize(self.alignment),
            "aggregation": aggregations.serialize(self.aggregation),
            "use_bias": self.use_bias,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
            "sub_sample": self.sub_sample,
            "output_projection": self.output_projection,
        }

    def _scores_mask(self, mask):
        """`(b, 1, 1, n)`: the windows in which a position is valid."""
        if mask is None:
            return None
        mask = ops.expand_dims(mask, -1)
        if self.sub_sample > 1:
            mask = ops.max_pool(
                ops.cast(mask, "float32"),
                self.sub_sample,
                strides=self.sub_sample,
                padding="same",
                data_format="channels_last",
            )
            mask = mask > 0
        return _row(mask)

    def _enlarged(self, maps, grid, mask):
        """`(b, 1, h, w)` of windows to `(b, 1, *grid)` of positions."""
        maps = resize_map(_with_channel(maps), grid)
        maps, _ = hide_masked(maps, mask)
        if self.alignment.normalized:
            axes = tuple(range(1, self.rank + 1))
            total = ops.sum(maps, axis=axes, keepdims=True)
            maps = maps / ops.where(total > 0, total, 1.0)
        return ops.expand_dims(maps[..., 0], 1)

    def _check_parts(self):
        name, gate = type(self.alignment).__name__, type(self).__name__
        if self.alignment.positive_scores:
            raise ValueError(
                f"{name} needs non-negative scores, and those of {gate} have "
                "both signs."
            )
        if self.alignment.needs_query:
            raise ValueError(
                f"{name} needs a query vector, and the query of {gate} is a "
                "map. AttentionPooling2D takes it."
            )
        if self.alignment.needs_grid and self.rank != 2:
            raise ValueError(
                f"{name} takes maps of height and width, and those of {gate} "
                "have a depth."
            )
        refuse_per_channel(self, self.alignment)
        if self.aggregation.needs_query:
            raise ValueError(
                f"{type(self.aggregation).__name__} needs a query vector, and "
                f"the query of {gate} is a map. AttentionPooling2D takes it."
            )
        if self.output_projection and not self.aggregation.keeps_positions:
            raise ValueError(
                "output_projection=True needs an aggregation that keeps the "
                f"map. Received: aggregation={self.aggregation.name!r}"
            )

    def _dense(self, name, units, use_bias=False, dtype=None):
        return keras.layers.Dense(
            units,
            use_bias=use_bias,
            kernel_initializer=self.kernel_initializer.clone(),
            name=name,
            dtype=dtype or self.dtype_policy,
        )


def _row(x):
    """`(b, height, width, 1)` to `(b, 1, 1, positions)`."""
    return ops.expand_dims(ops.transpose(map_to_tokens(x), (0, 2, 1)), 1)


def _with_channel(maps):
    """`(b, 1, height, width)` to `(b, height, width, 1)`."""
    # ONNX's converter makes of a transposition here a reshape that fails.
    return ops.expand_dims(maps[:, 0], -1)
