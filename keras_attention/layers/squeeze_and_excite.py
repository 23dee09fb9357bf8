"""Channel attention from a global summary of the map."""

from keras_attention.layers.attention_layer import registry
from keras_attention.layers.channel_statistics import BottleneckGate2D
from keras_attention.layers.channel_statistics import global_mean


@registry.register(
    "se", family="channel", aliases=("squeeze_and_excite", "squeeze_excite")
)
class SqueezeAndExcite2D(BottleneckGate2D):
    """Squeeze-and-excitation: which channels matter in this image.

    `y = x * sigmoid(W_2 act(W_1 mean(x) + b_1) + b_2)`, with the mean over
    all positions and one gate a channel.

    Args:
        reduction_ratio: int; `W_1` has `channels / reduction_ratio` rows,
            rounded down, at least 1. Defaults to `16`.
        hidden_dim: int or `None`, the number of rows itself; overrides
            `reduction_ratio`. Defaults to `None`.
        activation: str or callable, of the bottleneck. Defaults to `"relu"`.
        use_bias: bool, whether `b_1` and `b_2` exist. Defaults to `True`.
        kernel_initializer: str, dict or `Initializer`, of `W_1` and `W_2`.
            Defaults to `"he_normal"`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity; see
            `AttentionLayer2D`. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        mask: Optional `(batch, height, width)`; the mean is taken where it is
            true, and elsewhere the gated map is 0.
        return_attention_scores: Whether to return the weights too.

    Returns:
        The gated map in the shape of `features`; with
        `return_attention_scores=True` also the weights
        `(batch, 1, 1, channels)`, float32, in `[0, 1]`.

    Raises:
        ValueError: For sizes that are no positive integers.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("se", reduction_ratio=4)
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 7, 16), (2, 1, 1, 16))

    Reference:
        Hu, Shen, Sun: Squeeze-and-Excitation Networks. CVPR 2018.

    Differs from the paper:
        In nothing with the defaults. timm rounds the bottleneck to a multiple
        of 8, which `hidden_dim` can reproduce; some ports leave the
        biases out (`use_bias=False`).

    Cost:
        Two passes over the map and `2 * channels * bottleneck`
        multiplications; as many parameters, and `bottleneck + channels`
        biases.

    See also:
        `EfficientChannelAttention2D`, without a bottleneck;
        `ChannelAttention2D`, which takes the maximum too.
    """

    def channel_scores(self, features, mask):
        """Scores the mean of every channel."""
        return self.score(global_mean(features, mask))
