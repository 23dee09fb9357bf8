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
    arguments.boolean("include_top", include_top)
    arguments.one_of("pooling", pooling, (None, "avg", "max"))
    if include_top and pooling is not None:
        raise ValueError(
            arguments.invalid("pooling", pooling, "None when include_top=True")
        )
    classes = arguments.size("classes", classes)
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    *filters, units = vgg_arguments.scaled(
        (*_FILTERS, _UNITS), width_multiplier
    )
    image = vgg_arguments.image(input_tensor, input_shape, include_top)
    network = architecture.upper().replace("_", "")
    vgg_weights.check(
        network,
        weights,
        image,
        include_top,
        classes,
        width_multiplier,
        adapt_channels,
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
    vgg_weights.load(model, weights, network, adapt_channels)
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
