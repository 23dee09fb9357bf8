"""Multi-head attention's own: projected values, and heads mixed again."""

from keras_attention.aggregations.aggregation import registry
from keras_attention.aggregations.weighted_sum import WeightedSum
from keras_attention.internals import arguments
from keras_attention.internals.projection import projection
from keras_attention.ops import finite


@registry.register("merge_heads")
class MergeHeads(WeightedSum):
    """Sums projected values head by head and mixes the heads.

    `c = W_o [sum_i w_1i v_1i; ...; sum_i w_Hi v_Hi] + b_o` with
    `v_hi = W_v,h f_i + b_v,h`: what follows the softmax in multi-head
    attention.

    Args:
        value_dim: int or `None`, size of a head's values; `None` is
            `channels / heads`. Defaults to `None`.
        output_dim: int or `None`, size of the context; `None` takes the
            channels. Defaults to `None`.
        use_bias: bool, whether `b_v` and `b_o` exist. Defaults to `True`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        weights: `(batch, heads, queries, positions)`.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, queries, output_dim)` in the compute dtype. Weights of 0, of
        an image that is masked everywhere, give `b_o`.

    Raises:
        ValueError: If the channels are not divisible by the heads and
            `value_dim` is `None`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import aggregations
    >>> merge = aggregations.get("merge_heads", value_dim=3, output_dim=5)
    >>> weights = np.full((2, 4, 1, 49), 1 / 49)
    >>> merge(weights, np.ones((2, 49, 6))).shape == (2, 1, 5)
    True

    Reference:
        Vaswani et al.: Attention Is All You Need. NeurIPS 2017.

    Differs from the paper:
        The paper has no biases (`use_bias=False`); PyTorch and Keras have
        them, which is the default here.

    Cost:
        `N * C * heads * value_dim` multiplications for the values and
        `N * heads * value_dim` a query for the sum, then
        `heads * value_dim * output_dim` a query; about `2 C^2` parameters.

    See also:
        `CrossAttention2D`, which has these maps built in.
        `WeightedSum`, the same without `W_v` and `W_o`.
    """

    def __init__(
        self, value_dim=None, output_dim=None, use_bias=True, **kwargs
    ):
        super().__init__(**kwargs)
        self.value_dim = arguments.size("value_dim", value_dim, optional=True)
        self.output_dim = arguments.size(
            "output_dim", output_dim, optional=True
        )
        self.use_bias = arguments.boolean("use_bias", use_bias)

    def build(self, weights_shape, features_shape, query_shape=None):
        """Creates `W_v` and `W_o`."""
        _, heads, queries, _ = weights_shape
        batch, positions, channels = features_shape
        if self.value_dim is None and channels % heads:
            raise ValueError(
                "MergeHeads needs channels divisible by the number of heads "
                f"when value_dim is None. Received: {channels} channels and "
                f"{heads} heads"
            )
        values = heads * (self.value_dim or channels // heads)
        self.value_dense = self._map("value", values)
        self.value_dense.build((batch, positions, channels))
        self.output_dense = self._map("output", self.output_dim or channels)
        self.output_dense.build((batch, queries, values))

    def call(self, weights, features, query=None):
        """Projects, sums and mixes; see the class."""
        context = super().call(weights, finite(self.value_dense(features)))
        return finite(self.output_dense(context))

    def compute_output_shape(
        self, weights_shape, features_shape, query_shape=None
    ):
        """`(batch, queries, output_dim)`."""
        batch, _, channels = features_shape
        return (batch, weights_shape[2], self.output_dim or channels)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "value_dim": self.value_dim,
            "output_dim": self.output_dim,
            "use_bias": self.use_bias,
        }

    def _map(self, name, units):
        return projection(
            "bn", units, name, self.dtype_policy, use_bias=self.use_bias
        )
