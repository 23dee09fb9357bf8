"""CBAM's channel half: gates from the mean and the maximum of a channel."""

from keras_attention.layers.attention_layer import registry
from keras_attention.layers.channel_statistics import BottleneckGate2D
from keras_attention.layers.channel_statistics import global_max
from keras_attention.layers.channel_statistics import global_mean


@registry.register("cbam_channel", family="channel")
class ChannelAttention2D(BottleneckGate2D):
    """Channel attention of CBAM: what is there, on average and at its best.

    `y = x * sigmoid(f(mean(x)) + f(max(x)))` with
    `f(s) = W_2 act(W_1 s + b_1) + b_2`, mean and maximum over all positions,
    and one gate a channel. Both statistics share `f`.

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
        mask: Optional `(batch, height, width)`; mean and maximum are taken
            where it is true, and elsewhere the gated map is 0.
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
    >>> layer = layers.get("cbam_channel", reduction_ratio=4)
    >>> features = np.ones((2, 7, 7, 16), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((2, 7, 7, 16), (2, 1, 1, 16))

    Reference:
        Woo, Park, Lee, Kweon: CBAM: Convolutional Block Attention Module.
        ECCV 2018.

    Differs from the paper:
        The paper's formula has no biases and the authors' code has them, as
        here; timm has none (`use_bias=False`). Some ports give mean and
        maximum a bottleneck each.

    Cost:
        Three passes over the map and `4 * channels * bottleneck`
        multiplications; `2 * channels * bottleneck` parameters, and
        `bottleneck + channels` biases.

    See also:
        `SqueezeAndExcite2D`, from the mean alone; `SpatialAttention2D`, the
        other half; `ConvolutionalBlockAttention2D`, both.
    """

    def channel_scores(self, features, mask):
        """Scores mean and maximum of every channel."""
        mean = self.score(global_mean(features, mask))
        return mean + self.score(global_max(features, mask))
