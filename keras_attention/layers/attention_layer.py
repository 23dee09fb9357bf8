"""The base class: what every attention layer on feature maps shares."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.internals.recording import sublayers
from keras_attention.internals.registry import Registry
from keras_attention.internals.registry import takes_config
from keras_attention.internals.shapes import shape_of
from keras_attention.ops import finite
from keras_attention.ops import hide_masked
from keras_attention.ops import precise_dtype

registry = Registry("attention layer")


class AttentionLayer2D(ConfiguredLayer):
    """An attention layer on feature maps `(batch, height, width, channels)`.

    The base class transposes `channels_first` in and out, declares the
    output's shape and dtype, starts as the identity if asked to, and keeps
    the dtype policies of quantized sub-layers through saving. A mechanism
    implements three methods, all of them on channels-last shapes:

    - `build_attention(features_shape, query_shape)` creates sub-layers,
    - `attend(features, query, mask, training)` returns
      `(outputs, weights)`, having passed the weights through
      `keras_attention.record_attention`,
    - `attention_shapes(features_shape, query_shape)` returns the shapes of
      both.

    Args:
        data_format: str or `None`: `"channels_last"` or `"channels_first"`;
            `None` is `keras.config.image_data_format()`. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity:
            `y = x + gain * (F(x) - x)` with a trainable scalar `gain` that
            starts at 0, and `y = x` at masked positions. For layers that keep
            the shape of the map. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Example: a gate on positions. Spatial weights are
    `(batch, heads, height, width)`, or with queries behind the heads; weights
    of channels are `(batch, 1, 1, channels)`, of pairs
    `(batch, heads, positions, positions)`.

    >>> from keras_attention import layers, record_attention
    >>> from keras_attention.ops import hide_masked
    >>> class Gate2D(layers.AttentionLayer2D):
    ...     weights_kind = "spatial"
    ...     def build_attention(self, features_shape, query_shape):
    ...         self.score = keras.layers.Dense(
    ...             1, name="score", dtype=self.dtype_policy
    ...         )
    ...         self.score.build(features_shape)
    ...     def attend(self, features, query, mask, training):
    ...         features, _ = hide_masked(features, mask)
    ...         weights = ops.sigmoid(self.score(features))  # (b, h, w, 1)
    ...         if mask is not None:
    ...             weights = ops.where(mask[..., None], weights, 0.0)
    ...         weights = ops.transpose(weights, (0, 3, 1, 2))
    ...         weights = record_attention(self, ops.cast(weights, "float32"))
    ...         gates = ops.transpose(weights, (0, 2, 3, 1))
    ...         return features * ops.cast(gates, features.dtype), weights
    ...     def attention_shapes(self, features_shape, query_shape):
    ...         batch, height, width, _ = features_shape
    ...         return features_shape, (batch, 1, height, width)
    >>> outputs, weights = Gate2D()(
    ...     ops.ones((2, 6, 7, 8)), return_attention_scores=True
    ... )
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 6, 7, 8), (2, 1, 6, 7))

    See also:
        `keras_attention.layers.register`, which gives it a key;
        `keras_attention.testing.check_attention_layer`.
    """

    #: What the layer takes as `query`: `None`, `"vector"` for
    #: `(batch, channels)` or `(batch, queries, channels)`, or `"map"`.
    query_kind = None
    #: How many axes positions have: 2, or 3 of volumes.
    rank = 2
    #: Whether outputs have the shape of the features.
    shape_preserving = True
    #: What the weights run over: `"spatial"`, a map of positions;
    #: `"channel"`; or `"pairwise"`, positions and positions.
    weights_kind = "spatial"
    #: Whether it was built with a query.
    has_query = False
    _channels = None, None  # of the features and the query, from `build`

    def __init__(self, *, data_format=None, identity_init=False, **kwargs):
        super().__init__(**kwargs)
        if data_format is None:
            data_format = keras.config.image_data_format()
        self.data_format = arguments.one_of(
            "data_format", data_format, ("channels_last", "channels_first")
        )
        self.identity_init = arguments.boolean("identity_init", identity_init)
        self.set_shape_preserving(self.shape_preserving)

    def set_shape_preserving(self, value):
        """For a mechanism whose arguments decide whether it keeps the map."""
        if self.identity_init and not value:
            raise ValueError(
                "identity_init=True needs a layer that keeps the shape of its "
                f"input, which {type(self).__name__} does not as configured."
            )
        self.shape_preserving = value

    def build_attention(self, features_shape, query_shape):
        """Creates the sub-layers of a mechanism."""
        raise self._not_implemented("build_attention")

    def attend(self, features, query, mask, training):
        """The `(outputs, weights)` of a mechanism."""
        raise self._not_implemented("attend")

    def attention_shapes(self, features_shape, query_shape):
        """The shapes of a mechanism's `(outputs, weights)`."""
        raise self._not_implemented("attention_shapes")

    @property
    def is_insertable(self):
        """Whether it can stand behind any map: it keeps it, and asks nobody."""
        return self.shape_preserving and self.query_kind is None

    def build(self, features_shape, query_shape=None):
        """Checks the shapes and creates the weights."""
        features_shape = self._checked_map("features", features_shape)
        self.has_query = query_shape is not None
        if self.has_query:
            query_shape = self._checked_query(query_shape)
        self._channels = features_shape[-1], (query_shape or (None,))[-1]
        self.build_attention(features_shape, query_shape)
        if self.identity_init:
            self.gain = self.add_weight(
                shape=(), initializer="zeros", name="gain"
            )

    def call(
        self,
        features,
        query=None,
        mask=None,
        training=None,
        return_attention_scores=False,
    ):
        """Attends; see the class of the mechanism."""
        if (query is not None) != self.has_query:
            built, called = ("with", "without")[:: 1 if self.has_query else -1]
            raise ValueError(
                f"{type(self).__name__} was built {built} a query and cannot "
                f"be called {called} one."
            )
        # Keras casts floating-point inputs only; these may be pixels.
        features = self._to_channels_last(self._cast("features", features))
        if query is not None:
            query = self._to_channels_last(self._cast("query", query))
        self._expect_built_for(
            features.shape, None if query is None else query.shape
        )
        if mask is not None:
            mask = self._checked_mask(mask, features.shape)
        attended = self.attend(features, query, mask, training)
        if not isinstance(attended, list | tuple) or len(attended) != 2:
            raise ValueError(
                f"{type(self).__name__}.attend must return (outputs, weights). "
                f"Received: {type(attended).__name__}"
            )
        outputs, weights = attended
        outputs = finite(outputs)
        if self.identity_init:
            change = finite(outputs - features)
            if mask is not None:
                # NaN at a masked position would reach the gain's gradient.
                change, _ = hide_masked(change, mask)
            outputs = finite(features + self.gain * change)
        if self._is_channels_first(outputs.shape):
            outputs = ops.moveaxis(outputs, -1, 1)
        return (outputs, weights) if return_attention_scores else outputs

    def compute_output_shape(
        self, features_shape, query_shape=None, return_attention_scores=False
    ):
        """The shape of the outputs and, if asked for, of the weights."""
        outputs, weights = self.attention_shapes(
            self._channels_last_shape(features_shape),
            self._channels_last_shape(query_shape),
        )
        if self._is_channels_first(outputs):
            outputs = (outputs[0], outputs[-1], *outputs[1:-1])
        return (outputs, weights) if return_attention_scores else outputs

    def compute_output_spec(
        self,
        features,
        query=None,
        mask=None,
        training=None,
        return_attention_scores=False,
    ):
        """Outputs in the compute dtype and weights in float32."""
        query_shape = None if query is None else query.shape
        if self.built:
            shapes = [
                self._channels_last_shape(shape)
                for shape in (features.shape, query_shape)
            ]
            self._expect_built_for(*shapes)
            if mask is not None:
                self._expect_mask(mask, shapes[0])
        outputs, weights = self.compute_output_shape(
            features.shape, query_shape, return_attention_scores=True
        )
        outputs = keras.KerasTensor(outputs, self.compute_dtype)
        weights = keras.KerasTensor(weights, precise_dtype(self.compute_dtype))
        return (outputs, weights) if return_attention_scores else outputs

    def compute_mask(self, features, previous_mask=None):
        """None: no layer behind would know a mask over a map."""
        return None

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "data_format": self.data_format,
            "identity_init": self.identity_init,
        }

    def get_build_config(self):
        """Beside the shapes, the policies that `quantize` gave sub-layers."""
        config = super().get_build_config()
        quantized = {
            name: keras.dtype_policies.serialize(layer.dtype_policy)
            for name, layer in sublayers(self)
            if layer.dtype_policy.quantization_mode is not None
        }
        return {**config, "quantized": quantized} if quantized else config

    def build_from_config(self, config):
        """Builds, then quantizes what was quantized when it was saved."""
        config = dict(config)
        quantized = config.pop("quantized", {})
        super().build_from_config(config)
        layers = dict(sublayers(self))
        for name, policy in quantized.items():
            # On a built layer, setting the policy quantizes the weights.
            layers[name].dtype_policy = keras.dtype_policies.deserialize(policy)

    def get_part(self, axis, identifier, name, **config):
        """A score, alignment or aggregation as a sub-layer of this layer.

        Args:
            axis: module: `scores`, `alignments` or `aggregations`.
            identifier: str, class, dict or layer that its `get` accepts; a
                layer is copied, so that it can be given to several others.
            name: str, of the sub-layer, if it is made here.
            **config: Its arguments, if it is made here.
        """
        if takes_config(identifier):
            config = {**config, "name": name, "dtype": self.dtype_policy}
        elif isinstance(identifier, keras.layers.Layer):
            identifier = axis.serialize(axis.get(identifier))
        return axis.get(identifier, **config)

    def _not_implemented(self, name):
        return NotImplementedError(
            f"{type(self).__name__} does not implement {name}. In place of "
            "build and call, an attention layer implements "
            "build_attention(features_shape, query_shape), attend(features, "
            "query, mask, training) and attention_shapes(features_shape, "
            "query_shape)."
        )

    def _cast(self, name, x):
        dtype = keras.backend.standardize_dtype(x.dtype)
        if dtype == "string" or dtype.startswith("complex"):
            raise ValueError(
                f"{type(self).__name__} takes {name} of real numbers. "
                f"Received: {name} of dtype {dtype}"
            )
        return ops.cast(x, self.compute_dtype)

    def _expect_built_for(self, features_shape, query_shape):
        """Channels are those of `build`, and a query goes with each image."""
        named = [("features", features_shape, self._channels[0])]
        if query_shape is not None:
            named.append(("query", query_shape, self._channels[1]))
            batches = features_shape[0], query_shape[0]
            if None not in batches and batches[1] not in (1, batches[0]):
                raise ValueError(
                    f"{type(self).__name__} takes one query an image, or one "
                    f"for all. Received: {batches[1]} queries for "
                    f"{batches[0]} images"
                )
        for name, shape, channels in named:
            if None not in (channels, shape[-1]) and channels != shape[-1]:
                raise ValueError(
                    f"{type(self).__name__} was built for {name} of "
                    f"{channels} channels. Received: {name} of "
                    f"{shape[-1]} channels"
                )

    def _to_channels_last(self, x):
        is_first = self._is_channels_first(x.shape)
        return ops.moveaxis(x, 1, -1) if is_first else x

    def _channels_last_shape(self, shape):
        if shape is None:
            return None
        if self._is_channels_first(shape):
            return (shape[0], *shape[2:], shape[1])
        return tuple(shape)

    def _is_channels_first(self, shape):
        is_map = len(shape) == self.rank + 2
        return is_map and self.data_format == "channels_first"

    def _checked_map(self, name, shape):
        if len(shape) != self.rank + 2:
            raise ValueError(
                f"{type(self).__name__} takes {name} of rank {self.rank + 2}, "
                f"{self._axes_of_maps()}. Received: {name} of shape "
                f"{tuple(shape)}"
            )
        last = self._channels_last_shape(shape)
        if last[-1] is None or 0 in last[1:]:
            raise ValueError(
                f"{type(self).__name__} needs a known number of channels and "
                f"a map that is not empty. Received: {name} of shape "
                f"{tuple(shape)}, data_format={self.data_format!r}"
            )
        return last

    def _checked_query(self, shape):
        if self.query_kind is None:
            raise ValueError(
                f"{type(self).__name__} takes no query as configured. "
                f"Received: a query of shape {tuple(shape)}"
            )
        if self.query_kind == "map":
            return self._checked_map("query", shape)
        if len(shape) not in (2, 3) or 0 in shape[1:] or shape[-1] is None:
            raise ValueError(
                f"{type(self).__name__} takes a query of shape "
                "(batch, channels) or (batch, queries, channels), with a known "
                "number of channels and at least one query. Received: "
                f"a query of shape {tuple(shape)}"
            )
        return tuple(shape)

    def _checked_mask(self, mask, features_shape):
        self._expect_mask(mask, features_shape)
        return ops.cast(mask, "bool")

    def _expect_mask(self, mask, features_shape):
        shape = shape_of(mask)
        sizes = zip(shape, features_shape[:-1], strict=False)
        fits = all(None in pair or pair[0] == pair[1] for pair in sizes)
        if len(shape) != self.rank + 1 or not fits:
            raise ValueError(
                f"{type(self).__name__} takes a mask of shape "
                f"(batch, {self._axes()}), true where a position may be "
                f"attended to. Received: a mask of shape {shape} "
                f"for a map of {tuple(features_shape[1:-1])}"
            )

    def _axes(self):
        return "depth, height, width"[0 if self.rank == 3 else 7 :]

    def _axes_of_maps(self):
        if self.data_format == "channels_first":
            return f"(batch, channels, {self._axes()})"
        return f"(batch, {self._axes()}, channels)"


registry.base = AttentionLayer2D
