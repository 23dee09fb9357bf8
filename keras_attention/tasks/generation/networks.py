"""SAGAN's two networks: residual blocks, attention at a size of map."""

import keras
from keras import layers

from keras_attention.internals import arguments
from keras_attention.internals.spectral_normalization import (
    SpectralNormalization,
)
from keras_attention.layers import registry
from keras_attention.tasks.generation.conditional_normalization import (
    ConditionalBatchNormalization,
)


def generator(
    image_shape,
    latent_dim=64,
    width=32,
    attention=None,
    classes=None,
    name="generator",
):
    """From a vector of noise to an image in `[-1, 1]`.

    A linear map to the smallest map, at least four positions a side; residual
    blocks that double its size, with batch normalization and, of classes, a
    scale and a shift for each; a convolution and `tanh`. All kernels are
    spectrally normalized.

    Args:
        image_shape: tuple `(height, width, channels)`; the sides are four to
            seven times a power of two.
        latent_dim: int, length of the noise. Defaults to `64`.
        width: int, channels of the largest map; each smaller one has twice as
            many, up to 16 times. Defaults to `32`.
        attention: dict of int to key, or `None`: `{14: "sagan"}` puts a layer
            behind the map whose shorter side is 14. Keys, configurations and
            layers as everywhere. Defaults to `None`.
        classes: int or `None`; a network of classes also takes their numbers.
            Defaults to `None`.
        name: str, the model's. Defaults to `"generator"`.

    Returns:
        A functional `keras.Model` of noise `(batch, latent_dim)`, or of
        `[noise, labels (batch,)]`.

    Raises:
        ValueError: For sides that cannot be reached, and attention at a size
            that no map has, or that does not keep the map.

    Example:

    >>> network = generator((28, 28, 1), width=8, attention={14: "sagan"})
    >>> network.output_shape
    (None, 28, 28, 1)

    Reference:
        Zhang et al.: Self-Attention Generative Adversarial Networks. ICML 2019.
        Its networks for 128 x 128 have `width=64` and attention at 32.
    """
    sides, doublings = _smallest(image_shape)
    arguments.positive_int("width", width)
    noise = keras.Input((latent_dim,), name="noise")
    inputs, label = noise, None
    if classes is not None:
        label = keras.Input((), dtype="int32", name="label")
        inputs = [noise, label]
    attend = _Attention(attention, image_shape, doublings, name)

    def normalized(x, place):
        if label is None:
            x = layers.BatchNormalization(name=f"{place}_bn")(x)
        else:
            norm = ConditionalBatchNormalization(classes, name=f"{place}_bn")
            x = norm(x, label)
        return layers.ReLU(name=f"{place}_relu")(x)

    channels = width * min(2**doublings, 16)
    x = _spectral(
        layers.Dense, f"{name}_first", sides[0] * sides[1] * channels
    )(noise)
    x = layers.Reshape((*sides, channels), name=f"{name}_smallest")(x)
    for step in reversed(range(doublings)):
        channels, block = (
            width * min(2**step, 16),
            f"{name}_up{doublings - step}",
        )
        shortcut = layers.UpSampling2D(name=f"{block}_shortcut_up")(x)
        shortcut = _conv(f"{block}_shortcut", channels, 1)(shortcut)
        x = normalized(x, f"{block}_1")
        x = layers.UpSampling2D(name=f"{block}_up")(x)
        x = _conv(f"{block}_conv1", channels, 3)(x)
        x = normalized(x, f"{block}_2")
        x = _conv(f"{block}_conv2", channels, 3)(x)
        x = layers.Add(name=f"{block}_add")([x, shortcut])
        x = attend(x)
    # What classes differ in has been said by here.
    x = layers.BatchNormalization(name=f"{name}_last_bn")(x)
    x = layers.ReLU(name=f"{name}_last_relu")(x)
    x = _conv(f"{name}_last", image_shape[2], 3)(x)
    images = layers.Activation("tanh", name="image", dtype="float32")(x)
    return keras.Model(inputs, images, name=name)


def discriminator(
    image_shape, width=32, attention=None, classes=None, name="discriminator"
):
    """From an image to one number: how real it looks, of any sign.

    Residual blocks that halve the map, one that keeps it, the sum over its
    positions and a linear map; of classes, the product with a vector of the
    class is added. All kernels are spectrally normalized.

    Args:
        image_shape: tuple `(height, width, channels)`, as the generator's.
        width: int, channels of the largest map; see `generator`. Defaults to
            `32`.
        attention: dict of int to key, or `None`; see `generator`. Defaults to
            `None`.
        classes: int or `None`; a network of classes also takes their numbers.
            Defaults to `None`.
        name: str, the model's. Defaults to `"discriminator"`.

    Returns:
        A functional `keras.Model` of images, or of `[images, labels]`, with
        scores `(batch, 1)`, float32.

    Raises:
        ValueError: As `generator`.

    Example:

    >>> network = discriminator((28, 28, 1), width=8, classes=10)
    >>> [tuple(x.shape) for x in network.inputs]
    [(None, 28, 28, 1), (None,)]

    Reference:
        Miyato, Koyama: cGANs with Projection Discriminator. ICLR 2018.
    """
    _, doublings = _smallest(image_shape)
    arguments.positive_int("width", width)
    images = keras.Input(image_shape, name="image")
    attend = _Attention(attention, image_shape, doublings, name)
    x = images
    for step in range(doublings):
        channels, block = width * min(2**step, 16), f"{name}_down{step + 1}"
        shortcut = _conv(f"{block}_shortcut", channels, 1)(x)
        shortcut = layers.AveragePooling2D(2, name=f"{block}_shortcut_pool")(
            shortcut
        )
        if step:  # The image itself has no negative side to cut.
            x = layers.ReLU(name=f"{block}_relu1")(x)
        x = _conv(f"{block}_conv1", channels, 3)(x)
        x = layers.ReLU(name=f"{block}_relu2")(x)
        x = _conv(f"{block}_conv2", channels, 3)(x)
        x = layers.AveragePooling2D(2, name=f"{block}_pool")(x)
        x = layers.Add(name=f"{block}_add")([x, shortcut])
        x = attend(x)
    shortcut = x
    for number in (1, 2):
        x = layers.ReLU(name=f"{name}_last_relu{number}")(x)
        x = _conv(f"{name}_last_conv{number}", channels, 3)(x)
    x = layers.Add(name=f"{name}_last_add")([x, shortcut])
    x = layers.ReLU(name=f"{name}_last_relu")(x)
    features = keras.ops.sum(x, axis=(1, 2))
    score = _spectral(layers.Dense, f"{name}_score", 1, dtype="float32")(
        features
    )
    if classes is None:
        return keras.Model(images, score, name=name)
    label = keras.Input((), dtype="int32", name="label")
    # A table of vectors; Keras' spectral norm of an Embedding would cast what
    # it returns to the integers that it takes.
    chosen = keras.ops.one_hot(label, classes, dtype="float32")
    vectors = _spectral(
        layers.Dense, f"{name}_class", channels, use_bias=False
    )(chosen)
    features = keras.ops.cast(features, "float32")
    vectors = keras.ops.cast(vectors, "float32")
    score = score + keras.ops.sum(vectors * features, axis=-1, keepdims=True)
    return keras.Model([images, label], score, name=name)


class _Attention:
    """Layers behind maps of given sides; knows which sides there are."""

    def __init__(self, attention, image_shape, doublings, prefix):
        self.prefix = prefix
        shorter = min(image_shape[:2])
        sides = [shorter // 2**step for step in range(doublings + 1)]
        self.attention = dict(attention or {})
        unknown = set(self.attention) - set(sides)
        if unknown:
            raise ValueError(
                "Invalid value for argument attention: expected sides of maps,"
                f" among {sides}. Received: {sorted(unknown, key=str)}"
            )

    def __call__(self, x):
        side = min(x.shape[1:3])
        if side not in self.attention:
            return x
        layer = registry.get(self.attention[side])
        if not layer.is_insertable:
            raise ValueError(
                "Invalid value for argument attention: expected layers that "
                f"keep the map and take nothing else. Received: {layer}"
            )
        # Both networks have one of their own, also of one instance.
        layer = type(layer).from_config(
            {**layer.get_config(), "name": f"{self.prefix}_attention{side}"}
        )
        return layer(x)


def _smallest(image_shape):
    """The smallest map's sides, and how often they are doubled."""
    valid = (
        isinstance(image_shape, (tuple, list))
        and len(image_shape) == 3
        and all(isinstance(size, int) and size > 0 for size in image_shape)
    )
    doublings = 0
    sides = list(image_shape[:2]) if valid else [0, 0]
    while min(sides) >= 8 and all(side % 2 == 0 for side in sides):
        sides = [side // 2 for side in sides]
        doublings += 1
    if not valid or doublings == 0:
        raise ValueError(
            "Invalid value for argument image_shape: expected (height, width, "
            "channels), known sides of at least 8 that can be halved. "
            f"Received: image_shape={image_shape}"
        )
    return sides, doublings


def _conv(name, channels, size):
    return _spectral(layers.Conv2D, name, channels, size, padding="same")


def _spectral(kind, name, *args, **kwargs):
    # Named, also inside: optimizers find their weights by path.
    layer = kind(*args, name=f"{name}_map", **kwargs)
    return SpectralNormalization(layer, name=name)
