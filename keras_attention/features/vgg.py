"""VGG with batch normalization, layer by layer as torchvision builds it."""

import keras

from keras_attention import arguments
from keras_attention.features import vgg_arguments
from keras_attention.features import vgg_weights

# Convolutions a block, by torchvision's name of the network.
_CONVOLUTIONS = {"vgg16_bn": (2, 2, 3, 3, 3)}
_FILTERS = (64, 128, 256, 512, 512)
_UNITS = 4096


def VGG16BN(
    include_top=True,
    weights=None,
    input_tensor=None,
    input_shape=None,
    pooling=None,
    classes=1000,
    classifier_activation="softmax",
    width_multiplier=1.0,
    name="vgg16_bn",
):
    """VGG16 with batch normalization: torchvision's `vgg16_bn` in Keras.

    Thirteen 3 x 3 convolutions in five blocks, each followed by batch
    normalization and ReLU; a 2 x 2 max-pooling ends a block:

        block1  2 convolutions   64 filters   224 -> 112
        block2  2 convolutions  128 filters   112 ->  56
        block3  3 convolutions  256 filters    56 ->  28
        block4  3 convolutions  512 filters    28 ->  14
        block5  3 convolutions  512 filters    14 ->   7
        flatten, fc1 4096, fc2 4096, predictions

    The layers are `block3_conv2`, `block3_bn2`, `block3_relu2`,
    `block3_pool`, and on top `flatten`, `fc1`, `fc1_dropout`, `fc2`,
    `fc2_dropout`, `predictions`.

    Args:
        include_top: Whether the classifier follows the last block.
        weights: Where the weights come from:

            - `None`: random, initialised as torchvision does.
            - `"imagenet"`: torchvision's `IMAGENET1K_V1` (73.36 % top-1),
              fetched once, 528 MB; reading them needs PyTorch. Images go
              through `preprocess_input` first.
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

    >>> backbone = VGG16BN(include_top=False, width_multiplier=1 / 64)
    >>> backbone.output_shape
    (None, None, None, 8)
    >>> backbone.get_layer("block3_pool").output.shape
    (None, None, None, 4)

    Reference:
        - [Simonyan and Zisserman, 2015](https://arxiv.org/abs/1409.1556)
        - [Ioffe and Szegedy, 2015](https://arxiv.org/abs/1502.03167)

    Differs from the paper: batch normalization (epsilon 1e-5, momentum 0.9)
    after every convolution, which needs no staged training of ever deeper
    networks. Differs from torchvision: the classifier reads the last map at
    its own size, where torchvision pools any map to 7 x 7 (the same for
    images of 224 to 255 pixels); and the moving variance follows the biased
    variance of a batch, torch's the unbiased one. Differs from
    `keras.applications.VGG16`: that network has no batch normalization and
    other preprocessing, and its weights do not fit.

    Cost: 138,365,992 trainable parameters, 14,723,136 of them without the
    top, and 15.5 G multiply-adds for an image of 224 x 224. Both shrink
    roughly with the square of `width_multiplier`.
    """
    return _vgg(
        "vgg16_bn",
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
    vgg_weights.check(weights, image, include_top, classes, width_multiplier)

    x = image
    blocks = zip(filters, _CONVOLUTIONS[architecture], strict=True)
    for block, (width, convolutions) in enumerate(blocks, start=1):
        x = _block(x, f"block{block}", width, convolutions)
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


def _block(x, name, filters, convolutions):
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
