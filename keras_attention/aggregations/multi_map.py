"""Several maps over the same features: one context vector a map."""

from keras import ops

from keras_attention.aggregations.aggregation import Aggregation
from keras_attention.aggregations.aggregation import registry
from keras_attention.ops import at_least_float32
from keras_attention.ops import finite
from keras_attention.ops import merge_heads


@registry.register("multi_map")
class MultiMap(Aggregation):
    """Sums all channels under the map of every head, side by side.

    `c = [sum_i w_1i f_i; ...; sum_i w_Hi f_i]`. The heads are glimpses: each
    looks for something else and reads all that is there, where the heads of
    `WeightedSum` read a slice of the channels each.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        weights: `(batch, heads, queries, positions)`.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, queries, heads * channels)` in the compute dtype; head `h`
        of `H` fills the `h`-th of `H` slices.

    Example:

    >>> import numpy as np
    >>> from keras_attention import aggregations
    >>> weights = np.array([[[[0.25, 0.75]], [[1.0, 0.0]]]])
    >>> features = np.array([[[4.0, 0.0], [8.0, 4.0]]])
    >>> print(np.array(aggregations.get("multi_map")(weights, features)))
    [[[7. 3. 4. 0.]]]

    Reference:
        Lin et al.: A Structured Self-Attentive Sentence Embedding. ICLR 2017.
        Two glimpses of an image: Kazemi, Elqursh: Show, Ask, Attend, and
        Answer. 2017.

    Differs from the paper:
        Lin et al. add a penalty `||A A^T - I||^2` to the loss, against maps
        that repeat each other; it belongs to the loss, not to this layer.

    Cost:
        `heads * N * C` multiplications a query, and a context `heads` times
        as long.

    See also:
        `WeightedSum`, whose context does not grow with the heads.
        `AttentionPooling2D(num_queries=H)`, which keeps the vectors apart.
    """

    repeats_channels = True

    def call(self, weights, features, query=None):
        """Combines; see the class."""
        values = ops.cast(features, self.compute_dtype)
        context = self.combine(at_least_float32(weights), values)
        return finite(merge_heads(context), self.compute_dtype)

    def combine(self, weights, values):
        """`(b, h, q, n) x (b, n, c)`, to `(b, h, q, c)`."""
        # In float16 the weights of a large map would be rounded to 0.
        values = at_least_float32(values)
        weights = ops.cast(weights, values.dtype)
        return ops.einsum("bhqn,bnc->bhqc", weights, values)

    def compute_output_shape(
        self, weights_shape, features_shape, query_shape=None
    ):
        """`(batch, queries, heads * channels)`."""
        heads, queries = weights_shape[1:3]
        return (features_shape[0], queries, heads * features_shape[-1])
