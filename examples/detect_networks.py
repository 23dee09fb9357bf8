"""The detectors of detect.py, on a small VGG11_bn or a pretrained network."""

import keras

from keras_attention import VGG11BN
from keras_attention import EfficientNetLite0
from keras_attention import alignments
from keras_attention import layers
from keras_attention.tasks import detection

CHANNELS = 32
ALIGNMENTS = {
    "grid CRF": alignments.get("grid_crf", normalize=True),
    "chain CRF": alignments.get("chain_crf", normalize=True),
    # So hot that all positions weigh the same.
    "uniform": alignments.get("softmax", temperature=1e6),
}
# Each with its defaults, behind the first level of the pyramid.
MECHANISMS = "se", "cbam", "nonlocal", "aa_conv"


def self_attention(alignment="softmax"):
    return {"attention": layers.get("mhsa", num_heads=2, alignment=alignment)}


DETECTORS = {
    "plain": {},
    "1x1": {"attention": keras.layers.Conv2D(CHANNELS, 1, name="level1_1x1")},
    **{key: {"attention": layers.get(key)} for key in MECHANISMS},
    "aa_conv, uniform": {
        "attention": layers.get("aa_conv", alignment=ALIGNMENTS["uniform"])
    },
    "mhsa": self_attention(),
    **{f"mhsa, {key}": self_attention(x) for key, x in ALIGNMENTS.items()},
    "DETR": {"alignment": "softmax"},
    **{f"DETR, {key}": {"alignment": x} for key, x in ALIGNMENTS.items()},
}


def build(name, shape, classes, objects, frozen=False, enlarge=1):
    """A detector of an image's pixels from 0 to 255.

    Args:
        name: str, a key of `DETECTORS`.
        shape: tuple, height, width and channels of the images.
        classes: int, how many there are.
        objects: int, how many an image has at most.
        frozen: bool, whether the backbone is not trained. Defaults to `False`.
        enlarge: int, how many times as large the backbone sees the images.
            Defaults to `1`.

    Returns:
        A `DetectionModel`.
    """
    options = dict(DETECTORS[name])
    backbone, levels, scale = _backbone(shape, enlarge)
    if name.startswith("DETR"):
        # It reads one map; what is behind it would have no gradient.
        levels = levels[:1] if shape[-1] == 1 else levels[1:2]
    backbone.trainable = not frozen
    pixels = keras.Input(shape)
    x = keras.layers.Rescaling(**scale)(pixels)
    if enlarge > 1:
        x = keras.layers.UpSampling2D(enlarge, interpolation="bilinear")(x)
    outputs = [backbone.get_layer(level).output for level in levels]
    maps = keras.Model(backbone.inputs, outputs, name="backbone")(x)
    named = [
        keras.layers.Identity(name=level)(each)
        for level, each in zip(levels, keras.tree.flatten(maps), strict=True)
    ]
    backbone = keras.Model(pixels, named)
    if name.startswith("DETR"):
        options |= {"num_queries": 3 * objects, "num_encoders": 1}
        return detection.DETR(backbone, classes, levels[0], **options)
    if "attention" in options:
        options["attention"] = {"level1": options["attention"]}
    return detection.OneStageDetector(
        backbone, classes, levels, channels=CHANNELS, head_convs=1, **options
    )


def _backbone(shape, enlarge):
    """A network, the layers whose maps are read, and what pixels become."""
    height, width, channels = shape
    shape = (enlarge * height, enlarge * width, channels)
    if channels == 1:
        backbone = VGG11BN(
            include_top=False, input_shape=shape, width_multiplier=0.125
        )
        return backbone, ("block3_pool", "block4_pool"), {"scale": 1 / 255}
    # Photographs: on ImageNet's weights.
    backbone = EfficientNetLite0(
        include_top=False, weights="imagenet", input_shape=shape
    )
    levels = "block4_add", "block10_add", "head_relu"
    return backbone, levels, {"scale": 1 / 128, "offset": -127 / 128}


def unfreeze(model):
    """All of the backbone learns, but for its batch normalizations.

    Their statistics are ImageNet's: those of eight images would be noise.
    """
    for layer in model.get_layer("backbone").layers:
        layer.trainable = not isinstance(layer, keras.layers.BatchNormalization)


def without_optimizer(model):
    """A copy that was never compiled, a third of the size in a file."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy
