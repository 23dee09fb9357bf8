"""Dot product of query and key, scaled to unit variance."""

from keras_attention.internals import arguments
from keras_attention.scores.dot import DotScore
from keras_attention.scores.score import registry


@registry.register("scaled_dot", aliases=("scaled_dot_product",))
class ScaledDotScore(DotScore):
    """Scaled dot-product score.

    `score(q, k) = scale * q . k`, by default `q . k / sqrt(d)` with `d` the
    size of a head's key: for independent entries of unit variance the score
    has unit variance too, so that a softmax does not saturate as `d` grows.

    Args:
        num_heads: int, number of heads; must divide the channels if `key_dim`
            is `None`. Defaults to `1`.
        key_dim: int or `None`, size of a head after projection; `None` compares
            the channels as they are. Defaults to `None`.
        scale: float or `None`, factor above 0; `None` is `1 / sqrt(d)`.
            Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        query: `(batch, queries, query_channels)`; batch may be 1.
        features: `(batch, positions, channels)`.

    Returns:
        `(batch, num_heads, queries, positions)`, float32.

    Raises:
        ValueError: If `scale` is not a finite number above 0, and as in
            `DotScore`.

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
        Networks whose width is changed after tuning have `scale=1/d` (Yang et
        al.: Tensor Programs V. 2022).

    Cost:
        As `DotScore`.
    """

    def __init__(self, num_heads=1, key_dim=None, scale=None, **kwargs):
        super().__init__(num_heads=num_heads, key_dim=key_dim, **kwargs)
        if scale is not None:
            arguments.positive_float("scale", scale)
        self.scale = scale

    def compare(self, queries, keys):
        """Scaled products `(batch, heads, queries, positions)`."""
        scale = self.scale or keys.shape[-1] ** -0.5
        return super().compare(queries * scale, keys)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}
