"""Generalised kernel: a product of query and key after a feature map."""

from keras import ops

from keras_attention.internals import arguments
from keras_attention.scores.dot import DotScore
from keras_attention.scores.score import registry

# Sums of products over channels and positions stay finite in float32, and so
# do their squares, which are in the gradient of a division by them.
_HIGHEST_EXPONENT = 12.0
_HIGHEST = 1e6

# A slope of 0 at an entry that is far below does not help either: the other's
# height, times a large gradient, would be infinite before it is times 0.
_FUNCTIONS = {
    "elu": lambda x: ops.elu(ops.clip(x, -_HIGHEST, _HIGHEST)) + 1.0,
    "relu": lambda x: ops.relu(ops.clip(x, -_HIGHEST, _HIGHEST)),
    "exp": lambda x: ops.exp(
        ops.where(x > _HIGHEST_EXPONENT, _HIGHEST_EXPONENT, x)
    ),
}


@registry.register("kernel")
class KernelScore(DotScore):
    """Kernel score, the one of linear attention.

    `score(q, k) = phi(q) . phi(k)`, with `q` and `k` the slice of a head and
    `phi` element by element. No score is negative. With `key_dim`,
    `q = W_q query` and `k = W_k features` without biases.

    | phi | `phi(x)` |
    |---|---|
    | `elu` | `elu(x) + 1` |
    | `relu` | `max(x, 0)` |
    | `exp` | `exp(x)` |

    Args:
        num_heads: int, number of heads; must divide the channels if `key_dim`
            is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` compares
            the channels as they are. Defaults to `None`.
        phi: str, `"elu"`, `"relu"` or `"exp"`. Defaults to `"elu"`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32, at least 0.

    Raises:
        ValueError: For an unknown `phi`, and as in `DotScore`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> query = np.array([[[1.0, -2.0]]])
    >>> features = np.array([[[3.0, 4.0], [-1.0, 0.5]]])
    >>> print(np.array(scores.get("kernel", phi="relu")(query, features)))
    [[[[3. 0.]]]]

    Reference:
        Katharopoulos, Vyas, Pappas, Fleuret: Transformers are RNNs: Fast
        Autoregressive Transformers with Linear Attention. ICML 2020. The
        name: Chaudhari, Mithal, Polatkan, Ramanath: An Attentive Survey of
        Attention Models. TIST 2021.

    Differs from the paper:
        The paper never forms the scores: divided by their sum, they weigh the
        values in time linear in `N` if the sum over positions comes first.
        Here any alignment may follow, and the time is that of `DotScore`.
        Entries above 1e6 count as 1e6, with `"exp"` those above 12 as 12,
        without a gradient, so that sums over positions stay finite.
        Performers add a small number to the ReLU; here a score can be 0.

    Cost:
        As `DotScore`, and one `phi` an entry of query and features.

    See also:
        `GaussianScore`, a kernel whose `phi` has no finite size.
    """

    positive_scores = True

    def __init__(self, num_heads=1, key_dim=None, phi="elu", **kwargs):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        self.phi = arguments.one_of("phi", phi, tuple(_FUNCTIONS))

    def compare(self, queries, keys):
        """Products `(batch, heads, queries, positions)`."""
        function = _FUNCTIONS[self.phi]
        return super().compare(function(queries), function(keys))

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "phi": self.phi}
