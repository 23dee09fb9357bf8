"""The arguments of networks, checked before a model is built."""

import numbers

import keras

from keras_attention.internals import arguments

_DEFAULT_SIZE = 224


def top(include_top, pooling, classes, classifier_activation):
    """The activation of the classifier; raises for what no network has."""
    arguments.boolean("include_top", include_top)
    arguments.one_of("pooling", pooling, (None, "avg", "max"))
    if include_top and pooling is not None:
        raise ValueError(
            arguments.invalid("pooling", pooling, "None when include_top=True")
        )
    arguments.size("classes", classes)
    return arguments.activation("classifier_activation", classifier_activation)


def pooled(x, pooling):
    """A network's last map as `pooling` wants it."""
    if pooling == "avg":
        return keras.layers.GlobalAveragePooling2D(name="avg_pool")(x)
    if pooling == "max":
        return keras.layers.GlobalMaxPooling2D(name="max_pool")(x)
    return x


def model(image, outputs, name):
    """The network from whatever `image` was made of."""
    inputs = keras.utils.get_source_inputs(image)
    inputs = inputs[0] if len(inputs) == 1 else inputs
    return keras.Model(inputs, outputs, name=name)


def image(
    input_tensor, input_shape, include_top, axes=("height", "width"), least=32
):
    """Returns the symbolic image that the first convolution reads.

    Args:
        input_tensor: symbolic tensor, or `None` for a new input.
        input_shape: tuple, the image's shape without the batch, or `None` for
            that of `input_tensor` or else of ImageNet.
        include_top: bool, whether dense layers will need a known size.
        axes: tuple, the names of those that are no channels. Defaults to
            `("height", "width")`.
        least: int, the smallest size of an axis. Defaults to `32`, of which
            five poolings leave one position.

    Raises:
        ValueError: If there can be no such image.
    """
    if input_tensor is None:
        if input_shape is None:
            size = _DEFAULT_SIZE if include_top else None
            input_shape = (size, size, 3)
            if keras.config.image_data_format() == "channels_first":
                input_shape = (3, size, size)
        _check_shape("input_shape", input_shape, include_top, axes, least)
        return keras.Input(tuple(input_shape))
    if not isinstance(input_tensor, keras.KerasTensor):
        expected = "a symbolic Keras tensor or None"
        raise ValueError(
            arguments.invalid("input_tensor", input_tensor, expected)
        )
    shape = tuple(input_tensor.shape[1:])
    _check_shape("input_tensor.shape[1:]", shape, include_top, axes, least)
    if input_shape is not None and tuple(input_shape) != shape:
        expected = f"None or the shape of input_tensor, {shape}"
        raise ValueError(
            arguments.invalid("input_shape", input_shape, expected)
        )
    return input_tensor


def split_shape(shape):
    """`((height, width), channels)` of an image's shape without the batch."""
    if keras.config.image_data_format() == "channels_first":
        return tuple(shape[1:]), shape[0]
    return tuple(shape[:-1]), shape[-1]


def scaled(counts, width_multiplier):
    """Multiplies `counts`; raises `ValueError` unless all stay integers."""
    arguments.positive_float("width_multiplier", width_multiplier)
    products = [count * float(width_multiplier) for count in counts]
    fits = max(products) <= arguments.LARGEST_SIZE
    if not fits or not all(product.is_integer() for product in products):
        largest = arguments.LARGEST_SIZE // max(counts)
        expected = f"a multiple of 1/{min(counts)}, at most {largest}"
        raise ValueError(
            arguments.invalid("width_multiplier", width_multiplier, expected)
        )
    return [int(product) for product in products]


def _check_shape(name, shape, include_top, axes, least):
    channels_first = keras.config.image_data_format() == "channels_first"
    order = [*axes, "channels"]
    if channels_first:
        order = ["channels", *axes]
    sizes = f"{', '.join(axes[:-1])} and {axes[-1]} of at least {least}"
    if not include_top:
        sizes += " or None"
    expected = f"({', '.join(order)}) with {sizes} and at least 1 channel"
    if not isinstance(shape, (tuple, list)) or len(shape) != len(order):
        raise ValueError(arguments.invalid(name, shape, expected))
    sizes, channels = split_shape(shape)
    fits = _is_integer(channels) and channels >= 1
    for size in sizes:
        if size is None:
            fits = fits and not include_top
        else:
            fits = fits and _is_integer(size)
            fits = fits and least <= size <= arguments.LARGEST_SIZE
    if not fits:
        raise ValueError(arguments.invalid(name, shape, expected))


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)
