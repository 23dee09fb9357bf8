"""A network with batch normalization out of one without."""

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments


def batch_normalized(model, images, batch_size=32):
    """Puts batch normalization behind every convolution; answers stay.

    A network that was published without it becomes a start for one that has
    it: of `VGG16` comes, layer for layer, `VGG16BN`. The moving statistics are
    those of the images, and scale and offset undo what they do, so that at
    inference the outputs are what they were. In training, statistics are those
    of a batch; the more images are given here, the less that changes.

    Args:
        model: `keras.Model`, functional or sequential, with the weights to
            keep. It is not changed.
        images: array, `(count, height, width, channels)`, preprocessed as the
            model expects them: a hundred or more of those to train on.
        batch_size: int, how many images are computed at once. Defaults to
            `32`.

    Returns:
        A functional `keras.Model`. `block1_conv1` is followed by `block1_bn1`
        and, if an activation was part of it, by `block1_relu1` (of another
        activation `block1_activation1`); a convolution that is named otherwise,
        or where these names are taken, by `name_bn` and `name_activation`.

    Raises:
        ValueError: If the model has no convolution, has batch normalization
            or another model inside, calls a convolution twice, or is not
            functional; and for images that hold NaN or infinities.

    Example:

    >>> import numpy as np
    >>> from keras_attention.features import VGG16
    >>> model = VGG16(include_top=False, width_multiplier=1 / 64)
    >>> images = np.random.default_rng(0).normal(size=(8, 32, 32, 3))
    >>> normalized = batch_normalized(model, images)
    >>> [layer.name for layer in normalized.layers[1:4]]
    ['block1_conv1', 'block1_bn1', 'block1_relu1']
    >>> before = model.predict(images, verbose=0)
    >>> after = normalized.predict(images, verbose=0)
    >>> float(np.abs(before - after).max()) < 1e-4
    True

    Cost:
        One pass over the images.
    """
    images = arguments.real_array("images", images)
    if images.ndim != 4 or not len(images) or not np.isfinite(images).all():
        raise ValueError(
            "images must be at least one image (count, height, width, "
            f"channels) of finite numbers. Received: shape {images.shape}"
        )
    arguments.positive_int("batch_size", batch_size)
    _check(model)
    found = {}

    def copy(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Conv2D):
            config["activation"] = "linear"
        return type(layer).from_config(config)

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if not isinstance(layer, keras.layers.Conv2D):
            return outputs
        if layer.name in found:
            raise ValueError(
                f"model calls {layer.name!r} twice: its outputs have two sets "
                "of statistics."
            )
        norm = _identity(layer, _name(layer.name, "bn", "bn", model))
        found[layer.name] = layer, norm, outputs
        outputs = norm(outputs)
        activation = model.get_layer(layer.name).activation
        if activation is keras.activations.linear:
            return outputs
        is_relu = activation is keras.activations.relu
        short = "relu" if is_relu else "activation"
        name = _name(layer.name, short, "activation", model)
        return keras.layers.Activation(
            activation, dtype=layer.dtype_policy, name=name
        )(outputs)

    functional = model
    if isinstance(model, keras.Sequential):
        functional = keras.Model(model.inputs, model.outputs, name=model.name)
    new = keras.models.clone_model(
        functional, clone_function=copy, call_function=call
    )
    for layer in model.layers:
        if layer.weights:
            new.get_layer(layer.name).set_weights(layer.get_weights())
    _set_statistics(new, found, images, batch_size)
    return new


def _check(model):
    if not isinstance(model, keras.Model):
        raise ValueError(arguments.invalid("model", model, "a keras.Model"))
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization | keras.Model):
            raise ValueError(
                "model must have no batch normalization and no other model "
                f"inside. Received: {model.name!r} with {layer.name!r}"
            )
    if not any(isinstance(x, keras.layers.Conv2D) for x in model.layers):
        raise ValueError(
            f"model must have a convolution. Received: {model.name!r}"
        )


def _name(convolution, short, long, model):
    """`block1_bn1` of `block1_conv1`; else a name with something behind it."""
    name = convolution.replace("conv", short)
    taken = any(layer.name == name for layer in model.layers)
    if convolution.count("conv") == 1 and not taken:
        return name
    return f"{convolution}_{long}"


def _identity(layer, name):
    """Batch normalization as in `VGG16BN` that changes nothing yet."""
    channels_last = layer.data_format == "channels_last"
    norm = keras.layers.BatchNormalization(
        axis=-1 if channels_last else 1,
        epsilon=1e-5,
        momentum=0.9,
        dtype=layer.dtype_policy,
        name=name,
    )
    norm.build((None, *[layer.filters] * 3))
    _assign(norm, np.zeros(layer.filters), np.ones(layer.filters))
    return norm


def _assign(norm, mean, variance):
    """Statistics, and what undoes them."""
    gamma = np.sqrt(variance + norm.epsilon)
    norm.set_weights([gamma, mean, mean, variance])


def _set_statistics(model, found, images, batch_size):
    """Over all images and positions, of what each convolution gives."""
    moments = []
    for layer, _, outputs in found.values():
        channels_last = layer.data_format == "channels_last"
        axes = (1, 2) if channels_last else (2, 3)
        outputs = ops.cast(outputs, "float32")
        moments += ops.moments(outputs, axes)
    seen = keras.Model(model.inputs, moments).predict(
        images, batch_size=batch_size, verbose=0
    )
    seen = [np.asarray(x, "float64") for x in seen]
    for (_, norm, _), means, variances in zip(
        found.values(), seen[::2], seen[1::2], strict=True
    ):
        variance = variances.mean(0) + means.var(0)
        _assign(norm, means.mean(0), variance)
