"""What every score is: a layer that compares queries with features."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.internals.projection import projection
from keras_attention.internals.registry import Registry
from keras_attention.internals.shapes import expect_axes
from keras_attention.internals.shapes import expect_equal
from keras_attention.internals.shapes import shape_of
from keras_attention.ops import finite
from keras_attention.ops import precise_dtype
from keras_attention.ops import split_heads

registry = Registry("score")


class Score(ConfiguredLayer):
    """Compares every query with the features at every position.

    `score(query, features)` takes a query `(batch, queries, query_channels)`
    and features `(batch, positions, channels)` and returns real numbers
    `(batch, heads, queries, positions)`, in float32 whatever the precision of
    its inputs. A query with batch 1 is shared by the whole batch.

    A subclass implements `compare(queries, keys)` on the heads of what
    `project_query` and `project_features` return.

    Whoever asks the same features again and again, as a decoder does word by
    word, calls `keys(features)` once and `ask(query, keys)` every time.

    Args:
        num_heads: int, number of independent comparisons. Each head sees its
            own slice of the (projected) channels. Defaults to `1`.
        key_dim: int or `None`, size of a head's projected query and key; `None`
            compares the channels as they are. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).
    """

    #: Whether every score is non-negative, which some alignments ask for.
    positive_scores = False
    #: Whether the number of positions must be known when the layer is built.
    needs_static_size = False
    #: Whether the features are looked at, or their positions only counted.
    looks_at_features = True

    def __init__(self, num_heads=1, key_dim=None, **kwargs):
        # Scores stay in float32: inputs are cast where they are projected.
        super().__init__(autocast=False, **kwargs)
        self.num_heads = arguments.size("num_heads", num_heads)
        self.key_dim = arguments.size("key_dim", key_dim, optional=True)
        self.query_dense = None
        self.key_dense = None

    def __call__(self, query, features, *args, **kwargs):
        """Checks what is compared, whoever calls, and compares."""
        query_shape, features_shape = shape_of(query), shape_of(features)
        axes = ("batch", "queries", "query_channels")
        expect_axes(self, "a query", query_shape, axes)
        axes = ("batch", "positions", "channels")
        expect_axes(self, "features", features_shape, axes)
        batches = {"query": query_shape[0], "features": features_shape[0]}
        expect_equal(self, "images", batches, one_for_all=True)
        return super().__call__(query, features, *args, **kwargs)

    def build(self, query_shape, features_shape):
        """Creates the projections if `key_dim` asks for them."""
        if self.key_dim is not None:
            self.add_projections(query_shape, features_shape, self.key_dim)
            return
        if query_shape[-1] != features_shape[-1]:
            raise ValueError(
                f"{type(self).__name__} compares channels as they are, so "
                "query and features need equally many. Received: query "
                f"{tuple(query_shape)} and features {tuple(features_shape)}. "
                "Set key_dim to project both."
            )
        self.head_dim(features_shape)

    def head_dim(self, features_shape):
        """`key_dim`, or a head's share of the channels."""
        channels = features_shape[-1]
        if self.key_dim is None and channels % self.num_heads:
            raise ValueError(
                f"{type(self).__name__} needs channels divisible by "
                f"num_heads when key_dim is None. Received: {channels} "
                f"channels and num_heads={self.num_heads}"
            )
        return self.key_dim or channels // self.num_heads

    def add_projections(
        self, query_shape, features_shape, key_dim, query_bias=False
    ):
        """Creates the linear maps `W_q` and `W_k`, for all heads at once."""
        units = self.num_heads * key_dim
        self.query_dense = projection(
            "bn", units, "query", self.dtype_policy, use_bias=query_bias
        )
        self.query_dense.build(query_shape)
        # A bias of the key would add nothing to a bias of the query.
        self.key_dense = projection(
            "bn", units, "key", self.dtype_policy, use_bias=False
        )
        self.key_dense.build(features_shape)

    def project_query(self, query):
        """The vectors whose heads are compared: projected, or as they are."""
        return query if self.query_dense is None else self.query_dense(query)

    def project_features(self, features):
        """The vectors that they are compared with."""
        return features if self.key_dense is None else self.key_dense(features)

    def keys(self, features):
        """What of the features does not depend on the query."""
        return self._heads(self.project_features(features))

    def ask(self, query, keys):
        """The scores of a query, given `keys(features)`."""
        return self.compare(self._heads(self.project_query(query)), keys)

    def call(self, query, features):
        """Compares; see the class."""
        return self.ask(query, self.keys(features))

    def compute_output_shape(self, query_shape, features_shape):
        """`(batch, heads, queries, positions)`."""
        return (
            features_shape[0],
            self.num_heads,
            query_shape[1],
            features_shape[1],
        )

    def compute_output_spec(self, query, features):
        """As `compute_output_shape`, in float32."""
        return keras.KerasTensor(
            self.compute_output_shape(query.shape, features.shape),
            precise_dtype(self.compute_dtype),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "key_dim": self.key_dim,
        }

    def _heads(self, x):
        x = ops.cast(finite(x), precise_dtype(self.compute_dtype))
        return split_heads(x, self.num_heads)


registry.base = Score
