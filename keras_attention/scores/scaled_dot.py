"""Dot product of query and key, scaled to unit variance."""

from keras_attention.scores.dot import DotScore
from keras_attention.scores.score import registry


@registry.register("scaled_dot")
class ScaledDotScore(DotScore):
    """Scaled dot-product score.

    `score(q, k) = q . k / sqrt(d)` with `d` the size of a head's key: for
    independent entries of unit variance the score has unit variance too, so
    that a softmax does not saturate as `d` grows.

    Args:
        num_heads: Number of heads; must divide the channels if `key_dim` is
            `None`.
        key_dim: Size of a head after projection, or `None` to compare the
            channels as they are.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: If the channels of query and features differ or are not
            divisible by `num_heads`, and `key_dim` is `None`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import scores
    >>> ones = np.ones((1, 1, 16))
    >>> print(np.array(scores.get("scaled_dot")(ones, ones)))
    [[[[4.]]]]

    Reference:
        Vaswani et al.: Attention Is All You Need. NeurIPS 2017.

    Differs from the paper:
        The paper projects; here that is `key_dim`. No bias, as in the paper
        (PyTorch's and Keras' multi-head attention have one by default).

    Cost:
        As `DotScore`.
    """

    def compare(self, queries, keys):
        """Scaled products `(batch, heads, queries, positions)`."""
        return super().compare(queries * keys.shape[-1] ** -0.5, keys)
