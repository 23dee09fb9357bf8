"""Channel attention from neighbouring channels, with a handful of weights."""

import math

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.layers.attention_layer import registry
from keras_attention.layers.channel_statistics import ChannelGate2D
from keras_attention.layers.channel_statistics import global_mean
from keras_attention.ops import precise_dtype


@registry.register("eca", family="channel")
class EfficientChannelAttention2D(ChannelGate2D):
    """Efficient channel attention: a channel asks its neighbours.

    `y = x * sigmoid(w * mean(x))`, with the mean over all positions and `*` in
    the gate a convolution along the channels with one kernel `w` of
    `kernel_size` numbers, which all channels share. The kernel grows with the
    channels: `|(log2(channels) + beta) / gamma|`, rounded down, then up to
    the next odd number, at least 3.

    Args:
        gamma: float, how slowly the kernel grows with the channels. Defaults to
            `2`.
        beta: float, where it starts. Defaults to `1`.
        kernel_size: int or `None`, the odd size itself; overrides `gamma` and
            `beta`. Defaults to `None`.
        padding: str, what lies beyond the first and the last channel: `"same"`
            zeros, `"circular"` the channels of the other end. Defaults to
            `"same"`.
        kernel_initializer: str, dict or `Initializer`, of `w`. Defaults to
            `"he_normal"`.
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
        ValueError: For a kernel that is even, or that reaches further than
            there are channels; for numbers that are not positive.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> layer = layers.get("eca")
    >>> features = np.ones((2, 7, 7, 128), "float32")
    >>> outputs, weights = layer(features, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape), layer.count_params()
    ((2, 7, 7, 128), (2, 1, 1, 128), 5)

    Reference:
        Wang, Wu, Zhu, Li, Zuo, Hu: ECA-Net: Efficient Channel Attention for
        Deep Convolutional Neural Networks. CVPR 2020.

    Differs from the paper:
        In the initial values of `w` alone, which PyTorch draws uniformly.
        timm has `"circular"` as `CecaModule`; some ports fix
        `kernel_size=3`, with or without a bias.

    Cost:
        Two passes over the map and `channels * kernel_size` multiplications;
        `kernel_size` parameters.

    See also:
        `SqueezeAndExcite2D`, where every channel asks all others.
    """

    def __init__(
        self,
        gamma=2,
        beta=1,
        kernel_size=None,
        padding="same",
        kernel_initializer="he_normal",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.gamma = arguments.positive_float("gamma", gamma)
        self.beta = arguments.positive_float("beta", beta)
        self.kernel_size = arguments.odd_int(
            "kernel_size", kernel_size, optional=True
        )
        self.padding = arguments.one_of(
            "padding", padding, ("same", "circular")
        )
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )

    def build_attention(self, features_shape, query_shape):
        """Creates the convolution along the channels."""
        channels = features_shape[-1]
        size = self.kernel_size or self._adaptive_size(channels)
        if size // 2 > channels:
            raise ValueError(
                f"A kernel over {channels} channels has at most "
                f"{2 * channels + 1} numbers, not {size}. Received: "
                f"kernel_size={self.kernel_size}, gamma={self.gamma}, "
                f"beta={self.beta}"
            )
        self.conv = keras.layers.Conv1D(
            1,
            size,
            padding="same" if self.padding == "same" else "valid",
            data_format="channels_last",
            use_bias=False,
            kernel_initializer=self.kernel_initializer.clone(),
            name="conv",
            dtype=precise_dtype(self.compute_dtype),
        )
        self.conv.build((None, None, 1))

    def channel_scores(self, features, mask):
        """Convolves the means of the channels."""
        means = ops.expand_dims(global_mean(features, mask), -1)  # (b, c, 1)
        if self.padding == "circular":
            channels, half = means.shape[1], self.conv.kernel_size[0] // 2
            ends = means[:, channels - half :], means[:, :half]
            means = ops.concatenate([ends[0], means, ends[1]], axis=1)
        return ops.squeeze(self.conv(means), -1)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "gamma": self.gamma,
            "beta": self.beta,
            "kernel_size": self.kernel_size,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }

    def _adaptive_size(self, channels):
        size = int(abs((math.log2(channels) + self.beta) / self.gamma))
        return max(3, size + 1 - size % 2)
