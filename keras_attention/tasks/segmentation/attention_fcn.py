"""Attention on the last map of any network, then a class for every pixel."""

import keras

from keras_attention import layers
from keras_attention.features import vgg
from keras_attention.internals import arguments
from keras_attention.tasks.segmentation import pixels


def AttentionFCN(
    encoder,
    classes=2,
    *,
    attention="dual",
    passes=1,
    place=None,
    filters=None,
    dropout=0.1,
    classifier_activation="softmax",
    name="attention_fcn",
):
    """A fully convolutional network with attention in its head.

    `encoder -> 3x3 -> attention -> 3x3 -> 1x1 -> resized to the image`: every
    position of a coarse map gathers from the others before it is classified.
    The 3x3 convolutions have batch normalization and ReLU behind them.

    Args:
        encoder: `keras.Model`: any functional network without its top. Its
            layers are shared and not copied.
        classes: int, what a pixel can be. Defaults to `2`.
        attention: str, dict, class, `AttentionLayer2D` or `None`, what
            `layers.get` takes: `"dual"`, `"criss_cross"`, `"nonlocal"` or
            another one that keeps its map; `None` is the control without.
            Defaults to `"dual"`.
        passes: int, how often the map goes through it, with the same weights;
            CCNet has 2 with `"criss_cross"`. Defaults to `1`.
        place: str or `None`, which map of the encoder, as a place of `attach`;
            `None` is its output. Defaults to `None`.
        filters: int or `None`, channels in the head; `None` is a quarter of
            the map's, at least 1. Defaults to `None`.
        dropout: float, rate in front of the classifier. Defaults to `0.1`.
        classifier_activation: str, callable or `None`; `None` gives logits,
            which losses take by default. Defaults to `"softmax"`.
        name: str, of the model. Defaults to `"attention_fcn"`.

    Returns:
        A functional `keras.Model` to `(batch, height, width, classes)`.

    Raises:
        ValueError: For arguments out of their range, a softmax over one class,
            an encoder without a map, and attention that needs a query or
            keeps no map.

    Example:

    >>> from keras_attention import VGG16BN
    >>> vgg = VGG16BN(
    ...     include_top=False, input_shape=(64, 64, 3), width_multiplier=1 / 16
    ... )
    >>> model = AttentionFCN(
    ...     vgg, 5, attention="criss_cross", passes=2, place="block4_relu3"
    ... )
    >>> model.output_shape
    (None, 64, 64, 5)

    Reference:
        Fu et al.: Dual Attention Network for Scene Segmentation. CVPR 2019.
        Huang et al.: CCNet: Criss-Cross Attention for Semantic Segmentation.
        ICCV 2019.

    Differs from the paper:
        Their encoders are dilated, to an eighth of the image, which a place
        in the middle of one replaces; DANet has three classifiers and a
        convolution for each half of its attention; CCNet joins the encoder's
        map once more behind the attention.

    Cost:
        `9 (channels filters + filters^2)` multiplications a position, and the
        attention's.

    See also:
        `AttentionUNet`, which goes back to the size of the image step by step.
    """
    activation = pixels.check_classes(classes, classifier_activation)
    arguments.positive_int("passes", passes)
    arguments.fraction("dropout", dropout)
    if attention is not None:
        attention = layers.get(attention)
        if not attention.is_insertable:
            expected = "attention that keeps its map and takes no query"
            raise ValueError(
                arguments.invalid("attention", attention.name, expected)
            )
    if place is None:
        x = encoder.outputs[0]
        if len(encoder.outputs) != 1 or len(x.shape) != 4:
            expected = "a network with one map as its output, or a place"
            raise ValueError(arguments.invalid("encoder", encoder, expected))
    else:
        *_, x = pixels.maps_of(encoder, [place], "place").values()
    filters = arguments.size("filters", filters, optional=True)
    filters = filters or max(1, x.shape[-1] // 4)
    x = vgg.block(x, "head1", filters, 1)
    for _ in range(passes * (attention is not None)):
        x = attention(x)
    x = vgg.block(x, "head2", filters, 1)
    x = keras.layers.Dropout(dropout, name="dropout")(x)
    image = encoder.inputs[0]
    answers = pixels.predictions(
        pixels.classifier(x, classes, "logits"), image, activation
    )
    return keras.Model(image, answers, name=name)
