"""Luong's attentional vector: what was found, beside what was asked."""

import keras
from keras import ops

from keras_attention.aggregations.aggregation import registry
from keras_attention.aggregations.weighted_sum import WeightedSum
from keras_attention.internals import arguments
from keras_attention.internals.projection import projection
from keras_attention.ops import finite


@registry.register("concat_query")
class ConcatQuery(WeightedSum):
    """Combines the weighted sum with the query that asked for it.

    `h = tanh(W_c [c; q])` with `c = sum_i w_i f_i`.

    Args:
        output_dim: int or `None`, size of `h`; `None` takes the channels of the
            query. Defaults to `None`.
        activation: str, callable or `None`, in place of `tanh`; `None` is
            linear. Defaults to `"tanh"`.
        use_bias: bool, whether `W_c` has a bias. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        weights: `(batch, heads, queries, positions)`.
        features: `(batch, positions, channels)`.
        query: `(batch, queries, query_channels)`; batch may be 1.

    Returns:
        `(batch, queries, output_dim)` in the compute dtype. Weights of 0, of
        an image that is masked everywhere, leave the query alone.

    Raises:
        ValueError: If the channels are not divisible by the heads, and
            without a query.

    Example:

    >>> import numpy as np
    >>> from keras_attention import aggregations
    >>> concat = aggregations.get("concat_query")
    >>> weights, features = np.full((2, 1, 3, 49), 0.1), np.ones((2, 49, 6))
    >>> concat(weights, features, query=np.ones((2, 3, 5))).shape == (2, 3, 5)
    True

    Reference:
        Luong, Pham, Manning: Effective Approaches to Attention-based Neural
        Machine Translation. EMNLP 2015.

    Differs from the paper:
        Luong's query is the state of a decoder, which `h` replaces on the way
        to the output; here it may be a learned one. The paper has no bias,
        which is the default here.

    Cost:
        `N * C` multiplications a query for the sum and
        `(C + query_channels) * output_dim` for `W_c`, which are its
        parameters.

    See also:
        `WeightedSum`, which is `c` alone.
    """

    needs_query = True

    def __init__(
        self, output_dim=None, activation="tanh", use_bias=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.output_dim = arguments.size(
            "output_dim", output_dim, optional=True
        )
        self.activation = arguments.activation("activation", activation)
        self.use_bias = arguments.boolean("use_bias", use_bias)

    def build(self, weights_shape, features_shape, query_shape=None):
        """Creates `W_c`."""
        if query_shape is None:
            raise ValueError(
                "ConcatQuery combines the context with the query: "
                "aggregation(weights, features, query=queries). Received: no "
                "query"
            )
        super().build(weights_shape, features_shape)
        batch, queries, query_channels = query_shape
        self.output_dense = projection(
            "bn",
            self.output_dim or query_channels,
            "output",
            self.dtype_policy,
            use_bias=self.use_bias,
        )
        self.output_dense.build(
            (batch, queries, features_shape[-1] + query_channels)
        )

    def call(self, weights, features, query=None):
        """Sums, then combines; see the class."""
        context = super().call(weights, features)
        query = ops.cast(query, context.dtype)
        # A query of batch 1 is shared by all.
        shape = (*ops.shape(context)[:2], query.shape[-1])
        both = ops.concatenate([context, ops.broadcast_to(query, shape)], -1)
        return self.activation(finite(self.output_dense(both)))

    def compute_output_shape(
        self, weights_shape, features_shape, query_shape=None
    ):
        """`(batch, queries, output_dim)`."""
        output_dim = self.output_dim or query_shape[-1]
        return (features_shape[0], weights_shape[2], output_dim)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "output_dim": self.output_dim,
            "activation": keras.activations.serialize(self.activation),
            "use_bias": self.use_bias,
        }
