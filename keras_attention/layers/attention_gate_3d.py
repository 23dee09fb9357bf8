"""The attention gate of volumes."""

import keras

from keras_attention.layers.attention_gate import AttentionGate2D


@keras.saving.register_keras_serializable(package="keras_attention")
class AttentionGate3D(AttentionGate2D):
    """Attention gate of volumes: `AttentionGate2D` with one more axis.

    `e = w . act(W_f F + up(W_q Q)) + b`, `a = alignment(e)`, one weight a
    position in space, `up` trilinear, `W_f` in cubes of `sub_sample`. It has no
    key: a volume is no map that other mechanisms could take.

    Args:
        alignment: str, class, dict or `Alignment`, none that needs neighbours
            in a plane, as `"grid_crf"` does. Defaults to `"sigmoid"`.
        aggregation: str, class, dict or `Aggregation`. Defaults to `"gate"`.
        key_dim: int or `None`, channels in which both are compared; `None`
            takes the channels of the features. Defaults to `None`.
        activation: str or callable, `act`. Defaults to `"relu"`.
        use_bias: bool, whether `W_q` has a bias. Defaults to `False`.
        kernel_initializer: str, dict or `Initializer`, of all kernels. Defaults
            to `"glorot_uniform"`.
        sub_sample: int, side and step of the cubes of `W_f`. Defaults to `1`.
        output_projection: bool, whether a 1x1x1 convolution and batch
            normalization follow the gated volume. Defaults to `False`.
        data_format: str or `None`: `"channels_last"`, `"channels_first"`, or
            `None` for Keras' default. Defaults to `None`.
        identity_init: bool, whether the layer starts as the identity. Defaults
            to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, depth, height, width, channels)`.
        query: The deeper volume `(batch, d, h, w, query_channels)`, of any
            size.
        mask: Optional `(batch, depth, height, width)`, true where a position
            may be attended to; elsewhere the gated volume is 0.
        training: Whether BN uses the statistics of the batch.
        return_attention_scores: Whether to return the weights too.

    Returns:
        `(batch, depth, height, width, channels)` with `aggregation="gate"`,
        otherwise a vector `(batch, channels)`. With
        `return_attention_scores=True` also the weights `(batch, 1, depth,
        height, width)`, float32.

    Raises:
        ValueError: As `AttentionGate2D`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import layers
    >>> gate = layers.AttentionGate3D(key_dim=4, sub_sample=2)
    >>> features, deep = np.ones((1, 6, 8, 7, 4)), np.ones((1, 3, 4, 4, 8))
    >>> outputs, weights = gate(features, deep, return_attention_scores=True)
    >>> tuple(outputs.shape), tuple(weights.shape)
    ((1, 6, 8, 7, 4), (1, 1, 6, 8, 7))

    Reference:
        Oktay et al.: Attention U-Net: Learning Where to Look for the Pancreas.
        MIDL 2018.

    Differs from the paper:
        As `AttentionGate2D`.

    Cost:
        As `AttentionGate2D`; with `sub_sample=2` eight times the parameters of
        `W_f`, and an eighth of the scores.

    See also:
        `AttentionGate2D`; `keras_attention.tasks.segmentation.AttentionUNet`.
    """

    rank = 3
