"""A detector that looks once: every cell of a pyramid says what is there."""

import math

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.ops import at_least_float32
from keras_attention.ops import resize_map
from keras_attention.surgery import attach
from keras_attention.tasks.detection.boxes import to_corners
from keras_attention.tasks.detection.detection_model import DetectionModel
from keras_attention.tasks.detection.group_normalization import (
    MapGroupNormalization,
)

# Cells along a side at most, either way: exp is finite, and has a slope.
_LARGEST = math.log(1000.0)


def OneStageDetector(
    backbone,
    classes,
    levels=("block3_pool", "block4_pool", "block5_pool"),
    *,
    channels=64,
    head_convs=2,
    attention=None,
    identity_init=True,
    name="one_stage_detector",
):
    """A one-stage detector without anchors, on any backbone.

    Maps of the backbone become a feature pyramid: each is projected to
    `channels` and added to the next deeper one, which is resized to it. One
    head, shared by all levels, tells of every cell the logits of the classes
    and a box: its centre from the cell's, and its sides, in cells.

    Args:
        backbone: `keras.Model`, functional, from images to maps; images may
            have unknown sizes. It is used as it is, weights included.
        classes: int, number of classes.
        levels: tuple of str, names of the backbone's layers, from the largest
            map to the smallest. Defaults to
            `("block3_pool", "block4_pool", "block5_pool")`.
        channels: int, of the pyramid and the head; a multiple of 8, for its
            group normalization. Defaults to `64`.
        head_convs: int, convolutions before the last one, in each of the two
            branches. Defaults to `2`.
        attention: str, layer, dict or `None`: a key of `keras_attention.layers`
            behind every level of the pyramid, or `{where: what}` as for
            `keras_attention.attach`, of the layers `level1` (the largest map)
            and on and of the backbone's. Defaults to `None`.
        identity_init: bool or `None`, as for `attach`. Defaults to `True`.
        name: str, of the model. Defaults to `"one_stage_detector"`.

    Returns:
        A `DetectionModel` with the outputs `logits`, `boxes` and `cells`.

    Raises:
        ValueError: For unknown levels, for numbers that are not positive, and
            for attention that `attach` refuses.

    Example:

    >>> from keras_attention import VGG11BN
    >>> backbone = VGG11BN(
    ...     include_top=False, input_shape=(64, 64, 3), width_multiplier=0.125
    ... )
    >>> model = OneStageDetector(
    ...     backbone, 10, channels=16, attention={"level1": "cbam"}
    ... )
    >>> {key: output.shape for key, output in model.output.items()}
    {'logits': (None, 84, 10), 'boxes': (None, 84, 4), 'cells': (None, 84, 4)}

    Reference:
        Tian, Shen, Chen, He: FCOS. ICCV 2019. Lin et al.: Feature Pyramid
        Networks for Object Detection. CVPR 2017.

    Differs from the paper:
        FCOS has ResNet-50, 256 channels, 4 convolutions a branch and two more
        levels; it predicts distances to four sides from cells inside the box,
        where tiny objects have none. It weighs the losses alike; here those
        of classes and boxes count 3 and 2. Resizing is bilinear, for maps of
        odd sizes.

    Cost:
        `18 C^2` multiply-adds a cell and convolution of both branches, most
        of them on the largest map.

    See also:
        `DETR`, without cells. `DetectionModel`, which trains it.
    """
    arguments.size("classes", classes)
    arguments.size("head_convs", head_convs)
    if arguments.size("channels", channels) % 8:
        raise ValueError(
            arguments.invalid("channels", channels, "a multiple of 8")
        )
    maps = pyramid(backbone, levels, channels)
    if attention is not None:
        if not isinstance(attention, dict):
            attention = {"level*": attention}
        maps = attach(maps, attention, identity_init=identity_init)
    heads = {
        branch: head(branch, units, channels, head_convs, bias)
        for branch, units, bias in (
            ("logits", classes, -math.log(99.0)),  # a probability of 1 %
            ("boxes", 4, 0.0),
        )
    }
    logits, boxes, cells = [], [], []
    for number, level in enumerate(maps.outputs, 1):
        logits.append(
            keras.layers.Reshape((-1, classes))(heads["logits"](level))
        )
        layer = CellBoxes(dtype="float32", name=f"cells{number}")
        for found, part in zip(
            (boxes, cells), layer(heads["boxes"](level)), strict=True
        ):
            found.append(part)
    outputs = {
        key: _joined(parts, key)
        for key, parts in (
            ("logits", logits),
            ("boxes", boxes),
            ("cells", cells),
        )
    }
    return DetectionModel(maps.inputs[0], outputs, class_weight=3.0, name=name)


def pyramid(backbone, levels, channels):
    """A model from images to the maps `level1` (the largest) and on."""
    known = [layer.name for layer in backbone.layers]
    for level in levels:
        arguments.one_of("levels", level, known)
    maps = [channels_last(backbone.get_layer(level).output) for level in levels]
    above, outputs = None, []
    for number in range(len(maps), 0, -1):
        x = _conv(channels, 1, f"lateral{number}")(maps[number - 1])
        if above is not None:
            x = Enlarged(name=f"enlarged{number}")([x, above])
        above = x
        x = _conv(channels, 3, f"level{number}")(x)
        outputs.insert(0, x)
    return keras.Model(backbone.inputs, outputs)


def channels_last(x):
    """A map as everything behind a backbone takes it."""
    if keras.config.image_data_format() == "channels_first":
        x = keras.layers.Permute((2, 3, 1))(x)
    return x


def head(name, units, channels, convs, bias):
    """A branch, from a map of the pyramid to `units` numbers a cell."""
    layers = [keras.Input((None, None, channels))]
    for number in range(1, convs + 1):
        layers += [
            _conv(channels, 3, f"{name}_conv{number}", use_bias=False),
            MapGroupNormalization(8, name=f"{name}_norm{number}"),
            keras.layers.Activation("relu"),
        ]
    last = _conv(
        units,
        3,
        f"{name}_output",
        bias_initializer=keras.initializers.Constant(bias),
    )
    return keras.Sequential([*layers, last], name=f"{name}_head")


@keras.saving.register_keras_serializable(package="keras_attention")
class Enlarged(ConfiguredLayer):
    """`x + up(y)`: a smaller map, resized bilinearly, added to a larger one.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        maps: `[(batch, height, width, channels), (batch, h, w, channels)]`.

    Returns:
        A map of the first one's shape.
    """

    def call(self, maps):
        """Adds; see the class."""
        larger, smaller = maps
        return larger + resize_map(smaller, ops.shape(larger)[1:3])

    def compute_output_shape(self, shapes):
        """The larger map's."""
        return tuple(shapes[0])


@keras.saving.register_keras_serializable(package="keras_attention")
class CellBoxes(ConfiguredLayer):
    """Boxes of four numbers a cell, as shares of the image.

    `centre = cell's centre + (t_y, t_x) cell`, `sides = exp(t_h, t_w) cell`
    with the cell's sides, `1 / height` and `1 / width` of the map.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`); the
            dtype should be float32.

    Call arguments:
        numbers: `(batch, height, width, 4)`.

    Returns:
        Boxes `(batch, height * width, 4)` by their corners, and the cells by
        their centres and sides.
    """

    def call(self, numbers):
        """Decodes; see the class."""
        numbers = at_least_float32(numbers)
        rows, columns = (
            (ops.arange(size, dtype="float32") + 0.5)
            / ops.cast(size, "float32")
            for size in ops.shape(numbers)[1:3]
        )
        grid = ops.meshgrid(rows, columns, indexing="ij")
        centre = ops.zeros_like(numbers[..., :2]) + ops.stack(grid, axis=-1)
        side = ops.zeros_like(centre) + 2 * ops.stack([rows[0], columns[0]])
        offsets, logarithms = numbers[..., :2], numbers[..., 2:]
        centres = ops.concatenate(
            [
                centre + offsets * side,
                ops.exp(ops.clip(logarithms, -_LARGEST, _LARGEST)) * side,
            ],
            axis=-1,
        )
        cells = ops.concatenate([centre, side], axis=-1)
        shape = (ops.shape(numbers)[0], -1, 4)
        return (
            ops.reshape(to_corners(centres), shape),
            ops.reshape(cells, shape),
        )

    def compute_output_shape(self, shape):
        """`(batch, cells, 4)`, twice."""
        batch, height, width, _ = shape
        cells = None if None in (height, width) else height * width
        return (batch, cells, 4), (batch, cells, 4)


def _joined(parts, name):
    """All levels, in float32 whatever the policy."""
    return keras.layers.Concatenate(axis=1, dtype="float32", name=name)(parts)


def _conv(units, size, name, **kwargs):
    return keras.layers.Conv2D(
        units,
        size,
        padding="same",
        data_format="channels_last",
        name=name,
        **kwargs,
    )
