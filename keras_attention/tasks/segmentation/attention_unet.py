"""Attention U-Net: gates on what the encoder hands to the decoder."""

import keras

from keras_attention.features import network_arguments
from keras_attention.features import vgg
from keras_attention.features.resize_like import ResizeLike
from keras_attention.internals import arguments
from keras_attention.layers import AttentionGate2D
from keras_attention.layers import AttentionGate3D
from keras_attention.models.vgg16_bn_attention import attend
from keras_attention.tasks.segmentation import pixels

_FILTERS = (64, 128, 256, 512, 1024)
_PUBLISHED = {"use_bias": True, "sub_sample": 2, "output_projection": True}


def AttentionUNet(
    input_shape=None,
    classes=2,
    *,
    encoder=None,
    stages="stage_ends",
    gates=True,
    gating="decoder",
    deep_supervision=False,
    classifier_activation="softmax",
    width_multiplier=0.25,
    return_attention_scores=False,
    name="attention_unet",
):
    """A U-Net whose skip connections pass gates: image -> class of each pixel.

    The encoder's maps, one a size, are handed to a decoder that starts with the
    smallest and doubles it step by step. At each step but the last a gate
    decides, position by position, what of the encoder's map is let through:

        image -> block1 ------------------------------> decoder1 -> predictions
                   v                                       ^
                 block2 ---- gate <- decoder3 ---------> decoder2
                   v                                       ^
                 block3 ---- gate <- decoder4 ---------> decoder3
                   v                                       ^
                 block4 ---- gate <- 1x1(block5) ------> decoder4
                   v                                       ^
                 block5 -----------------------------------+

    A gate is followed by a 1x1 convolution. Convolutions have batch
    normalization and ReLU behind them. Maps are resized to each other, so that
    any height and width will do.

    Args:
        input_shape: tuple or `None`, `(height, width, channels)`, or `(depth,
            height, width, channels)` for volumes, sizes of at least 16 or
            `None`; `None` is `(256, 256, 1)`, or the encoder's. Defaults to
            `None`.
        classes: int, what a pixel can be. One object and what is around it
            are two classes, or with `"sigmoid"` one. Defaults to `2`.
        encoder: `keras.Model` or `None`: any functional network without its
            top, such as `VGG16BN(include_top=False, ...)`, pretrained or not.
            Its layers are shared and not copied. `None` has five blocks of
            two 3x3 convolutions, of volumes 3x3x3. Defaults to `None`.
        stages: str or list, which of the encoder's maps are used, as places
            of `attach`, largest first; the last is where the decoder starts.
            Those of an encoder of volumes are named. Defaults to
            `"stage_ends"`.
        gates: bool or dict, whether there are gates; a dictionary has
            arguments of `AttentionGate2D` (of volumes `AttentionGate3D`) in
            place of the published ones, such as `{"alignment": "softmax"}`.
            Defaults to `True`.
        gating: str, what opens the gates: `"decoder"`, the decoder's map one
            step before, or `"bottleneck"`, the smallest map for all of them.
            Defaults to `"decoder"`.
        deep_supervision: bool, whether each step of the decoder has its own
            classifier, of whose answers the last one is made. Defaults to
            `False`.
        classifier_activation: str, callable or `None`; `None` gives logits,
            which losses take by default. Defaults to `"softmax"`.
        width_multiplier: float, scales the filters 64, 128, 256, 512, 1024 of
            the five blocks. Defaults to `0.25`.
        return_attention_scores: bool, whether the model returns
            `[predictions, *maps]`, maps `(batch, 1, height, width)` in float32,
            of volumes with a depth before the height, the largest first.
            Defaults to `False`.
        name: str, of the model. Defaults to `"attention_unet"`.

    Returns:
        A functional `keras.Model` to `(batch, height, width, classes)`, or to
        `(batch, depth, height, width, classes)`.

    Raises:
        ValueError: For arguments out of their range, a softmax over one class,
            and an encoder whose maps cannot be found.

    Example:

    >>> model = AttentionUNet((64, 64, 1), classes=3, width_multiplier=1 / 16)
    >>> model.output_shape
    (None, 64, 64, 3)
    >>> from keras_attention import AttentionExtractor
    >>> images = keras.ops.zeros((1, 64, 64, 1))
    >>> _, maps = AttentionExtractor(model)(images)
    >>> [tuple(weights.shape[2:]) for weights in maps.values()]
    [(8, 8), (16, 16), (32, 32)]

    Reference:
        Oktay et al.: Attention U-Net: Learning Where to Look for the Pancreas.
        MIDL 2018. The U-Net: Ronneberger, Fischer, Brox. MICCAI 2015.

    Differs from the paper:
        Volumes there, with a quarter of the filters as here. Its largest skip
        passes no gate either. Odd maps are resized and not padded. Kernels
        start as torchvision's VGG has them, in gates as Glorot; there as He.
        `gating="bottleneck"` is one signal for all gates, as in Sononet
        (Schlemper et al., MedIA 2019).

    Cost:
        A gate costs 5 `channels`^2 multiplications a position of its map with
        its projection, and the 1x1 convolution behind it another
        `channels`^2; two 3x3 convolutions of the decoder cost 27.

    See also:
        `AttentionGate2D`; `SononetGridAttention`, the gates in a classifier.
    """
    activation = pixels.check_classes(classes, classifier_activation)
    arguments.one_of("gating", gating, ("decoder", "bottleneck"))
    arguments.boolean("deep_supervision", deep_supervision)
    arguments.boolean("return_attention_scores", return_attention_scores)
    if encoder is None:
        encoder, stages = _plain(input_shape, width_multiplier)
    maps = pixels.maps_of(encoder, stages)
    image = encoder.inputs[0]
    make_gate = AttentionGate3D if len(image.shape) == 5 else AttentionGate2D
    gate_arguments = _gate_arguments(gates, make_gate)
    if input_shape and tuple(input_shape) != tuple(image.shape[1:]):
        expected = f"None or the encoder's, {tuple(image.shape[1:])}"
        raise ValueError(
            arguments.invalid("input_shape", input_shape, expected)
        )
    *skips, (_, x) = maps.items()
    if not skips:
        expected = "places of at least two maps"
        raise ValueError(arguments.invalid("stages", stages, expected))

    # Decoder, from the smallest map to the largest
    scores, heads = [], []
    if gate_arguments is not None and len(skips) > 1:
        signal = vgg.block(x, "gating", x.shape[-1], 1, kernel_size=1)
    for level, (place, skip) in reversed([*enumerate(skips, start=1)]):
        width = skip.shape[-1]
        if gate_arguments is not None and level > 1:
            gate = make_gate(**gate_arguments, name=f"{place}_gate")
            skip, weights = attend(gate, return_attention_scores, skip, signal)
            scores.insert(0, weights)
            skip = vgg.block(skip, f"{place}_gated", width, 1, kernel_size=1)
        x = ResizeLike(name=f"decoder{level}_resized")(x, skip)
        x = keras.layers.Concatenate(name=f"decoder{level}_input")([skip, x])
        x = vgg.block(x, f"decoder{level}", width, 2)
        if gating == "decoder":
            signal = x
        if deep_supervision:
            heads.append(
                pixels.classifier(x, classes, f"decoder{level}_logits")
            )
    if deep_supervision:
        resized = [ResizeLike()(head, x) for head in heads]
        x = keras.layers.Concatenate(name="all_logits")(resized)
    answers = pixels.predictions(
        pixels.classifier(x, classes, "logits"), image, activation
    )
    outputs = [answers, *scores] if return_attention_scores else answers
    return keras.Model(image, outputs, name=name)


def _plain(input_shape, width_multiplier):
    """Five blocks of convolutions, and the names of their last layers."""
    is_volume = isinstance(input_shape, tuple | list) and len(input_shape) == 4
    image = x = network_arguments.image(
        None,
        input_shape or (256, 256, 1),
        include_top=False,
        axes=("depth", "height", "width")[0 if is_volume else 1 :],
        least=2 ** (len(_FILTERS) - 1),
    )
    filters = network_arguments.scaled(_FILTERS, width_multiplier)
    for number, width in enumerate(filters, start=1):
        if number > 1:
            x = vgg.pool(x, f"block{number - 1}")
        x = vgg.block(x, f"block{number}", width, 2)
    stages = [f"block{number}_relu2" for number in range(1, len(filters) + 1)]
    return keras.Model(image, x), stages


def _gate_arguments(gates, make_gate):
    """Those of every gate; `None` without gates."""
    if isinstance(gates, dict):
        gates = {**_PUBLISHED, **gates}
        if not make_gate(**gates).shape_preserving:
            expected = "an aggregation that keeps the map"
            raise ValueError(arguments.invalid("gates", gates, expected))
        return gates
    return _PUBLISHED if arguments.boolean("gates", gates) else None
