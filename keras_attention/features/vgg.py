"""The VGG family, layer by layer as torchvision builds it."""

import keras

from keras_attention.features import network_arguments
from keras_attention.features.pretrained import loading
from keras_attention.features.torchvision_weights import load_torchvision_state

_CONVOLUTIONS = {
    "vgg11": (1, 1, 2, 2, 2),
    "vgg13": (2, 2, 2, 2, 2),
    "vgg16": (2, 2, 3, 3, 3),
    "vgg19": (2, 2, 4, 4, 4),
}
_FILTERS = (64, 128, 256, 512, 512)
_UNITS = 4096


def network(
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
    adapt_channels,
    name,
):
    """A network by torchvision's name; else the arguments of `VGG16BN`."""
    activation = network_arguments.top(
        include_top, pooling, classes, classifier_activation
    )
    *filters, units = network_arguments.scaled(
        (*_FILTERS, _UNITS), width_multiplier
    )
    image = network_arguments.image(input_tensor, input_shape, include_top)
    network = architecture.upper().replace("_", "")
    loading.check(
        network,
        weights,
        image,
        include_top,
        classes,
        adapt_channels,
        _published(image, include_top, width_multiplier),
    )

    x = image
    depth, _, normalized = architecture.partition("_")
    blocks = zip(filters, _CONVOLUTIONS[depth], strict=True)
    for number, (width, convolutions) in enumerate(blocks, start=1):
        x = block(x, f"block{number}", width, convolutions, bool(normalized))
        x = pool(x, f"block{number}")
    if include_top:
        x = _classifier(x, units, classes, activation)
    else:
        x = network_arguments.pooled(x, pooling)
    model = network_arguments.model(image, x, name)
    loading.load(
        model,
        network,
        weights,
        adapt_channels,
        load_torchvision_state,
        r"block\d+_\w+|fc\d|predictions",
        ("fc1", "fc2", "predictions"),
    )
    return model


def _published(image, include_top, width_multiplier):
    """What the published networks have, for `loading.check`."""
    needs = {"width_multiplier": (width_multiplier, 1, width_multiplier == 1)}
    if include_top:
        # Five poolings must leave the 7 x 7 positions that fc1 was trained on.
        sizes, _ = network_arguments.split_shape(image.shape[1:])
        fits = all(size // 32 == 7 for size in sizes)
        expected = "224 to 255 (or include_top=False)"
        needs["height and width"] = (sizes, expected, fits)
    return needs


def block(x, name, filters, convolutions, normalized=True, kernel_size=3):
    """`(batch, h, w, c)` to `(batch, h, w, filters)`: all but the pooling.

    Of a volume `(batch, d, h, w, c)` as well, here and in `pool`.
    """
    convolution = {4: keras.layers.Conv2D, 5: keras.layers.Conv3D}[len(x.shape)]
    axis = -1 if keras.config.image_data_format() == "channels_last" else 1
    for number in range(1, convolutions + 1):
        x = convolution(
            filters,
            kernel_size,
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
    return x


def pool(x, name):
    """`(batch, h, w, c)` to `(batch, h // 2, w // 2, c)`."""
    ranks = {4: keras.layers.MaxPooling2D, 5: keras.layers.MaxPooling3D}
    return ranks[len(x.shape)](2, name=f"{name}_pool")(x)


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
