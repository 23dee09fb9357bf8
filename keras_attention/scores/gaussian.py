"""Gaussian kernel between query and key: a score that is never negative."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import squared_distances
from keras_attention.scores.dot import DotScore
from keras_attention.scores.score import registry

# The square of a sum over positions, which is in the gradient of a division
# by it, stays finite in float32.
_HIGHEST_EXPONENT = 30.0


@registry.register("gaussian")
class GaussianScore(DotScore):
    """Gaussian score, by distance or by product.

    | form | `score(q, k)` |
    |---|---|
    | `distance` | `exp(-|q - k|^2 / (2 s^2))` |
    | `product` | `exp(q . k / s^2)` |

    with `s` the bandwidth and `q` and `k` the slice of a head. With `key_dim`,
    `q = W_q query` and `k = W_k features` without biases. For vectors of one
    length the forms differ by a factor. Divided by its sum over positions, the
    second is the softmax of `q . k / s^2`.

    Args:
        num_heads: int, number of heads; must divide the channels if `key_dim`
            is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` compares
            the channels as they are. Defaults to `None`.
        form: str, `"distance"`, between 0 and 1, or `"product"`. Defaults to
            `"distance"`.
        bandwidth: float or `None`, `s` above 0; `None` is `d^(1/4)` with `d`
            the size of a head's key: then `s^2` is the scale of the scaled dot
            product. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32, above 0 where an
        exponent is above -87.

    Raises:
        ValueError: If `bandwidth` is not a finite number above 0, for an
            unknown form, and as in `DotScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> score = scores.get("gaussian", bandwidth=1.0)
    >>> query, features = np.zeros((1, 1, 2)), np.array([[[1, 0], [1, 1.0]]])
    >>> print(np.array(score(query, features)).round(4))
    [[[[0.6065 0.3679]]]]

    Reference:
        By distance: Chen, Zeng, Ji, Yang: Skyformer: Remodel Self-Attention
        with Gaussian Kernel and Nystroem Method. NeurIPS 2021. By product:
        Wang, Girshick, Gupta, He: Non-local Neural Networks. CVPR 2018.

    Differs from the paper:
        Non-local networks have `bandwidth=1.0`; `key_dim` makes their
        Gaussian an embedded Gaussian. By product, exponents above 30 count as
        30, without a gradient, so that a sum over positions stays finite;
        a softmax over `DotScore` has no such limit.

    Cost:
        As `DotScore`, and an exponential a score; by distance also `N * C`
        multiplications for the lengths.

    See also:
        `EuclideanScore`, the distance itself; `KernelScore`.
    """

    positive_scores = True

    def __init__(
        self,
        num_heads=1,
        key_dim=None,
        form="distance",
        bandwidth=None,
        **kwargs,
    ):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        self.form = arguments.one_of("form", form, ("distance", "product"))
        if bandwidth is not None:
            arguments.positive_float("bandwidth", bandwidth)
        self.bandwidth = bandwidth

    def compare(self, queries, keys):
        """Kernel values `(batch, heads, queries, positions)`."""
        bandwidth = self.bandwidth or keys.shape[-1] ** 0.25
        # Divided before the product, which would overflow sooner.
        queries, keys = queries / bandwidth, keys / bandwidth
        if self.form == "distance":
            return ops.exp(-0.5 * squared_distances(queries, keys))
        products = super().compare(queries, keys)
        high = products > _HIGHEST_EXPONENT
        return ops.exp(ops.where(high, _HIGHEST_EXPONENT, products))

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "form": self.form,
            "bandwidth": self.bandwidth,
        }
