"""The VGG family, layer by layer as torchvision builds it."""

import keras

from keras_attention.features import vgg_arguments
from keras_attention.features import vgg_weights
from keras_attention.internals import arguments

_CONVOLUTIONS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_FILTERS = (64, 128, 256, 512, 512)
_UNITS = 4096

# Of torchvision's IMAGENET1K_V1 and its network with 1000 classes: top-1
# accuracy in percent, parameters, and billions of multiply-adds at 224 x 224.
_PUBLISHED = {
    "vgg11": (69.02, 132_863_336, 7.6),
    "vgg11_bn": (70.37, 132_868_840, 7.6),
    "vgg13": (69.93, 133_047_848, 11.3),
    "vgg13_bn": (71.59, 133_053_736, 11.3),
    "vgg16": (71.59, 138_357_544, 15.5),
    "vgg16_bn": (73.36, 138_365_992, 15.5),
    "vgg19": (72.38, 143_667_240, 19.6),
    "vgg19_bn": (74.22, 143_678_248, 19.6),
}

_DOCUMENTATION = """{title}: torchvision's `{architecture}` in Keras.

    {count} 3 x 3 convolutions in five blocks, each followed by
    {followed}; a 2 x 2 max-pooling ends a block:

{blocks}
        flatten, fc1 4096, fc2 4096, predictions

    The layers are {names},
    `block3_pool`, and on top `flatten`, `fc1`, `fc1_dropout`, `fc2`,
    `fc2_dropout`, `predictions`.

    Args:
        include_top: Whether the classifier follows the last block.
        weights: Where the weights come from:

            - `None`: random, initialised as torchvision does.
            - `"imagenet"`: torchvision's `IMAGENET1K_V1` ({top1} % top-1),
              fetched once, about 500 MB; reading them needs PyTorch. Images
              go through `preprocess_input` first.{features}
            - a path to a `.weights.h5` file of Keras, or to a `.npz` or
              `.pth` file with torchvision's names.
            - a dictionary of arrays by torchvision's names, see
              `load_torchvision_state`.
        input_tensor: A symbolic Keras tensor to use as the image.
        input_shape: `(height, width, channels)`, in the order of
            `keras.config.image_data_format()`. Heights and widths are at
            least 32, and may be `None` without the top; any number of
            channels. `None` is `(224, 224, 3)` with the top and
            `(None, None, 3)` without.
        pooling: Without the top, what follows the last block: `None` for its
            map, `"avg"` or `"max"` for a global pooling.
        classes: Units of `predictions`, used with the top only.
        classifier_activation: Activation of `predictions`, used with the top
            only; `None` returns logits.
        width_multiplier: Scales the filters of every convolution and the
            units of `fc1` and `fc2`; a positive multiple of 1/64, as block 1
            has 64 filters.
        name: The model's name.

    Returns:
        A functional `keras.Model` from `(batch, height, width, channels)` to
        `(batch, classes)` with the top, to
        `(batch, height // 32, width // 32, filters)` without, and to
        `(batch, filters)` with `pooling`.

    Raises:
        ValueError: For an argument out of its range, for `"imagenet"` with
            another width, channel number, class number or final map than
            the published network's, and for weights that do not fit.
        ImportError: For `"imagenet"` or a `.pth` file without PyTorch.

    Example:

    >>> backbone = {function}(include_top=False, width_multiplier=1 / 64)
    >>> backbone.output_shape
    (None, None, None, 8)
    >>> backbone.get_layer("block3_pool").output.shape
    (None, None, None, 4)

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556){batch}

    Differs from the paper: {difference} Differs from torchvision: the
    classifier reads the last map at its own size, where torchvision pools any
    map to 7 x 7 (the same for images of 224 to 255 pixels){variance}.
    Differs from `keras.applications.VGG16` and `VGG19`: those have no batch
    normalization and other preprocessing, and their weights do not fit.

    Cost: {parameters:,} trainable parameters and {multiplications} G
    multiply-adds for an image of 224 x 224. Both shrink roughly with the
    square of `width_multiplier`.
    """


def _network(architecture):
    """The function that builds one network of the family."""

    def build(
        include_top=True,
        weights=None,
        input_tensor=None,
        input_shape=None,
        pooling=None,
        classes=1000,
        classifier_activation="softmax",
        width_multiplier=1.0,
        name=architecture,
    ):
        return _vgg(
            architecture,
            include_top=include_top,
            weights=weights,
            input_tensor=input_tensor,
            input_shape=input_shape,
            pooling=pooling,
            classes=classes,
            classifier_activation=classifier_activation,
            width_multiplier=width_multiplier,
            name=name,
        )

    build.__name__ = build.__qualname__ = architecture.upper().replace("_", "")
    build.__doc__ = _document(architecture, build.__name__)
    return build


def _document(architecture, function):
    depth, _, normalized = architecture.partition("_")
    rows, size = [], 224
    for block, count in enumerate(_CONVOLUTIONS[depth], start=1):
        rows.append(
            f"        block{block}  {count} convolution{'s' * (count > 1)}  "
            f"{_FILTERS[block - 1]:3} filters  {size:3} -> {size // 2:3}"
        )
        size //= 2
    top1, parameters, multiplications = _PUBLISHED[architecture]
    layers = ["`block3_conv2`", "`block3_bn2`", "`block3_relu2`"]
    return _DOCUMENTATION.format(
        architecture=architecture,
        function=function,
        title=depth.upper()
        + (" with batch normalization" if normalized else ""),
        count=_WORDS[sum(_CONVOLUTIONS[depth])],
        followed="batch normalization and ReLU" if normalized else "a ReLU",
        blocks="\n".join(rows),
        names=", ".join(layers if normalized else layers[::2]),
        top1=top1,
        features=_FEATURES_ONLY if architecture == "vgg16" else "",
        difference=_NORMALIZED if normalized else _STAGES,
        batch=_BATCH if normalized else "",
        variance=_VARIANCE if normalized else "",
        parameters=parameters,
        multiplications=multiplications,
    )


_WORDS = {8: "Eight", 10: "Ten", 13: "Thirteen", 16: "Sixteen"}
_FEATURES_ONLY = """
            - `"imagenet_features"`: torchvision's `IMAGENET1K_FEATURES`, the
              paper's own convolutions; without the top, and with
              `preprocess_input(images, weights="imagenet_features")`."""
_NORMALIZED = """batch normalization (epsilon 1e-5, momentum
    0.9) after every convolution, which needs no staged training of ever
    deeper networks."""
_STAGES = """Kaiming initialisation, which needs no staged
    training of ever deeper networks."""
_BATCH = """
        - [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)"""
_VARIANCE = """;
    and the moving variance follows the biased variance of a batch, torch's
    the unbiased one"""

VGG11 = _network("vgg11")
VGG13 = _network("vgg13")
VGG16 = _network("vgg16")
VGG19 = _network("vgg19")
VGG11BN = _network("vgg11_bn")
VGG13BN = _network("vgg13_bn")
VGG16BN = _network("vgg16_bn")
VGG19BN = _network("vgg19_bn")


def _vgg(
    architecture,
    *,
    include_top,
    weights,
    input_tensor,
    input_shape,
    pooling,
    classes,
    classifier_activation,
    width_multiplier,
    name,
):
    arguments.boolean("include_top", include_top)
    arguments.one_of("pooling", pooling, (None, "avg", "max"))
    if include_top and pooling is not None:
        raise ValueError(
            arguments.invalid("pooling", pooling, "None when include_top=True")
        )
    classes = arguments.positive_int("classes", classes)
    activation = vgg_arguments.activation(classifier_activation)
    *filters, units = vgg_arguments.scaled(
        (*_FILTERS, _UNITS), width_multiplier
    )
    image = vgg_arguments.image(input_tensor, input_shape, include_top)
    vgg_weights.check(
        architecture, weights, image, include_top, classes, width_multiplier
    )

    x = image
    depth, _, normalized = architecture.partition("_")
    blocks = zip(filters, _CONVOLUTIONS[depth], strict=True)
    for block, (width, convolutions) in enumerate(blocks, start=1):
        x = _block(x, f"block{block}", width, convolutions, bool(normalized))
    if include_top:
        x = _classifier(x, units, classes, activation)
    elif pooling == "avg":
        x = keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    elif pooling == "max":
        x = keras.layers.GlobalMaxPooling2D(name="max_pool")(x)

    inputs = keras.utils.get_source_inputs(image)
    model = keras.Model(inputs[0] if len(inputs) == 1 else inputs, x, name=name)
    vgg_weights.load(model, weights, architecture)
    return model


def _block(x, name, filters, convolutions, normalized):
    """`(batch, h, w, c)` to `(batch, h // 2, w // 2, filters)`."""
    axis = -1 if keras.config.image_data_format() == "channels_last" else 1
    for number in range(1, convolutions + 1):
        x = keras.layers.Conv2D(
            filters,
            3,
            padding="same",
            # Kaiming normal, fan_out: torchvision's choice, not truncated.
            kernel_initializer=keras.initializers.VarianceScaling(
                2.0, mode="fan_out", distribution="untruncated_normal"
            ),
            name=f"{name}_conv{number}",
        )(x)
        if normalized:
            # torch's defaults; those of Keras are 1e-3 and 0.99.
            x = keras.layers.BatchNormalization(
                axis=axis, epsilon=1e-5, momentum=0.9, name=f"{name}_bn{number}"
            )(x)
        x = keras.layers.ReLU(name=f"{name}_relu{number}")(x)
    return keras.layers.MaxPooling2D(2, name=f"{name}_pool")(x)


def _classifier(x, units, classes, activation):
    """`(batch, h, w, c)` to `(batch, classes)`."""
    x = keras.layers.Flatten(name="flatten")(x)
    for name in ("fc1", "fc2"):
        x = _dense(units, "relu", name)(x)
        x = keras.layers.Dropout(0.5, name=f"{name}_dropout")(x)
    return _dense(classes, activation, "predictions")(x)


def _dense(units, activation, name):
    return keras.layers.Dense(
        units,
        activation=activation,
        kernel_initializer=keras.initializers.RandomNormal(stddev=0.01),
        name=name,
    )
