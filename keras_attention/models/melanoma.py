"""The melanoma network, VGG16_bn with two attention gates, and its family."""

import keras

from keras_attention.features import VGG16BN
from keras_attention.features import network_arguments
from keras_attention.internals import arguments
from keras_attention.layers import AttentionGate2D
from keras_attention.models.vgg16_bn_attention import VGG16BNAttention

# How the paper turns each kind of gated map into a vector.
_AGGREGATIONS = {"sigmoid": "gated_mean", "softmax": "weighted_sum"}
_VARIANTS = ("AttnMel-CNN", "Mel-CNN", "VGG-16-GAP", "VGG-16")


def MelanomaAttentionVGG16BN(
    input_shape=(224, 224, 3),
    classes=2,
    weights=None,
    *,
    variant="AttnMel-CNN",
    alignment="sigmoid",
    classifier_activation=None,
    adapt_channels=False,
    width_multiplier=1.0,
    dropout=0.0,
    return_attention_scores=False,
    name="melanoma_attention_vgg16_bn",
):
    """The network of "Melanoma Recognition via Visual Attention".

    Two `AttentionGate2D` tap the third and the fourth block behind their
    pooling, guided by the fifth. The classifier sees
    `[mean(block5), gated block3, gated block4]`, 256 + 512 + 512 channels.

    The paper compares seven, of which this function makes the networks:

    | in the paper | `variant` | parameters | trained with |
    |---|---|---|---|
    | VGG-16 | `"VGG-16"` | 134,277,186 | `FocalLoss` |
    | VGG-16-GAP | `"VGG-16-GAP"` | 14,724,162 | `FocalLoss` |
    | Mel-CNN | `"Mel-CNN"` | 14,725,698 | `FocalLoss` |
    | AttnMel-CNN | `"AttnMel-CNN"` | 15,184,964 | `FocalLoss` |
    | -Lesion, -Dermo | `"AttnMel-CNN"` | 15,184,964 | `melanoma_losses()` |
    | -Bkg | `"AttnMel-CNN"` | 15,184,964 | `melanoma_losses("background")` |

    Args:
        input_shape: tuple `(height, width, channels)`; sizes may be `None`.
            Defaults to `(224, 224, 3)`.
        classes: int, number of classes. Defaults to `2`.
        weights: str, path, dict or `None`, for the convolutional blocks; see
            `VGG16BNAttention`. For `"VGG-16"` they are those of a `VGG16BN`
            with its 1000 classes, and all but its last layer is kept. The paper
            starts from `"imagenet"` and trains every layer. Defaults to `None`.
        variant: str, `"AttnMel-CNN"`; `"Mel-CNN"`, whose two blocks are
            averaged in place of gated: the control; `"VGG-16-GAP"`, which
            averages the last block alone; or `"VGG-16"` with its dense layers
            and their dropout, for images of a known size. Defaults to
            `"AttnMel-CNN"`.
        alignment: str, of the gates, `"sigmoid"`, whose gated map is averaged,
            or `"softmax"`, whose gated map is summed. Defaults to `"sigmoid"`.
        classifier_activation: str, callable or `None`, of the last layer;
            `None` returns logits. Defaults to `None`.
        adapt_channels: bool, whether weights of another number of channels
            are taken; see `VGG16BN`. Defaults to `False`.
        width_multiplier: float, scales the channels of blocks and gates.
            Defaults to `1.0`.
        dropout: float, rate in front of the classifier. Defaults to `0.0`.
        return_attention_scores: bool, whether the model returns
            `[predictions, map3, map4]`: for an image of 224x224, maps of
            `(batch, 1, 28, 28)` and `(batch, 1, 14, 14)`. Defaults to `False`.
        name: str, of the model. Defaults to `"melanoma_attention_vgg16_bn"`.

    Returns:
        A functional `keras.Model` with 15,184,964 trainable parameters at two
        classes and full width, the other variants as above.

    Raises:
        ValueError: For an unknown variant or alignment, for an alignment or
            maps of a variant without gates, for dropout beside that of
            `"VGG-16"`, and for arguments that `VGG16BNAttention` rejects.

    Example:

    >>> model = MelanomaAttentionVGG16BN(
    ...     (64, 64, 3), width_multiplier=0.125, return_attention_scores=True
    ... )
    >>> [output.shape for output in model.outputs]
    [(None, 2), (None, 1, 8, 8), (None, 1, 4, 4)]

    Reference:
        Yan, Kawahara, Hamarneh: Melanoma Recognition via Visual Attention.
        IPMI 2019.

    Differs from the paper:
        The official code pools block 5 by a fixed 7x7 window and enlarges by
        fixed factors, so it runs at 224x224 only; here both follow the size
        of the maps, with the same numbers at 224x224.

    Cost:
        The gates have 196,865 and 262,401 parameters. At 224x224 they take
        90,166,272 multiply-adds, 0.6 % of the 15.35 G of the convolutions.

    See also:
        `VGG16BNAttention`, of which this is one call.
    """
    arguments.one_of("variant", variant, _VARIANTS)
    arguments.one_of("alignment", alignment, tuple(_AGGREGATIONS))
    arguments.boolean("return_attention_scores", return_attention_scores)
    if variant != "AttnMel-CNN":
        _refuse(variant, "alignment", alignment, "sigmoid")
        maps = return_attention_scores
        _refuse(variant, "return_attention_scores", maps, False)
    network = {
        "input_shape": input_shape,
        "weights": weights,
        "adapt_channels": adapt_channels,
        "width_multiplier": width_multiplier,
        "name": name,
    }
    if variant == "VGG-16":
        _refuse(variant, "dropout", dropout, 0.0)
        return _vgg16(classes, classifier_activation, network)
    return VGG16BNAttention(
        _taps(variant, alignment, width_multiplier),
        classes=classes,
        classifier_activation=classifier_activation,
        dropout=dropout,
        return_attention_scores=return_attention_scores,
        **network,
    )


def _refuse(variant, name, value, default):
    """Raises `ValueError` for an argument that the variant has no use for."""
    if value != default:
        expected = f"{default!r} for {variant!r}, which has no such choice"
        raise ValueError(arguments.invalid(name, value, expected))


def _taps(variant, alignment, width_multiplier):
    """What taps the third and the fourth block."""
    if variant == "VGG-16-GAP":
        return None
    if variant == "Mel-CNN":
        pool = keras.layers.GlobalAveragePooling2D
        return {"block3": pool(), "block4": pool()}
    _, key_dim = network_arguments.scaled((64, 256), width_multiplier)
    gate = AttentionGate2D(
        alignment,
        _AGGREGATIONS[alignment],
        key_dim=key_dim,
        kernel_initializer=keras.initializers.HeNormal(),
    )
    # Each place gets a copy.
    return {"block3": gate, "block4": gate}


def _vgg16(classes, classifier_activation, network):
    """All of VGG16_bn but its last layer, and a new one."""
    arguments.size("classes", classes)
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    whole = VGG16BN(classes=1000, classifier_activation=None, **network)
    predictions = keras.layers.Dense(
        classes,
        activation=activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        name="predictions",
    )(whole.get_layer("fc2_dropout").output)
    return keras.Model(whole.inputs, predictions, name=network["name"])
