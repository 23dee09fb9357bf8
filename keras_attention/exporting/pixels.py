"""From stored pixels to what a model was trained on."""

import dataclasses
from collections.abc import Callable

import keras
import numpy as np
from keras import ops

from keras_attention.internals import arguments
from keras_attention.internals import keras_private
from keras_attention.internals.recording import sublayers


@dataclasses.dataclass(frozen=True)
class Pixels:
    """What an exported model does to its images first.

    Attributes:
        dtype: str, of the images that it takes.
        prepare: callable from these images to what the model takes, float32.
        words: str, the same, for a person.
        layer: `keras.layers.Layer` that `prepare` calls, or `None`.
    """

    dtype: str
    prepare: Callable
    words: str
    layer: keras.layers.Layer | None = None


def pixels(model, preprocessing, shape):
    """Decides what is built in front of a model.

    Args:
        model: `keras.Model` in float32.
        preprocessing: as given to `export`.
        shape: tuple `(height, width, channels)` of an image that the model
            takes.

    Returns:
        `Pixels`.

    Raises:
        ValueError: For anything but `True`, `False` and a callable, and with
            `True` if the model's own first steps do not tell which scale they
            take.
    """
    if preprocessing is False:
        words = "nothing: float32 images as the model takes them"
        return Pixels("float32", _as_float32, words)
    if preprocessing is True:
        scale, mean = first_steps(model, shape)
        if takes_stored_pixels(scale, mean):
            words = (
                "a cast to float32: the model's own first steps take 0 to 255"
            )
            return Pixels("uint8", _as_float32, words)
        words = "division by 255: the model's own first steps take 0 to 1"
        return Pixels("uint8", _scaled(0, 1), words)
    if isinstance(preprocessing, tuple):
        low, high = _checked_range(preprocessing)
        words = f"scaling: the model takes images from {low:g} to {high:g}"
        return Pixels("uint8", _scaled(low, high), words)
    if not callable(preprocessing):
        expected = (
            "True, False, the range of the images that the model takes, such "
            "as (0, 1), a function or a Keras layer"
        )
        raise ValueError(
            arguments.invalid("preprocessing", preprocessing, expected)
        )
    name = getattr(preprocessing, "name", None) or getattr(
        preprocessing, "__name__", type(preprocessing).__name__
    )
    is_layer = isinstance(preprocessing, keras.layers.Layer)
    return Pixels(
        "uint8",
        lambda images: _as_float32(preprocessing(_as_float32(images))),
        f"{name}, given as preprocessing, on float32 images from 0 to 255",
        preprocessing if is_layer else None,
    )


def first_steps(model, shape):
    """What a model does to pixels before its first trained layer.

    A black and a white image go through the model. What reaches the first
    layer with weights, normalization with fixed statistics left aside, shows
    `(pixels - mean) * scale`, whether that is a `Rescaling` layer, nested
    deep inside, an operation of the graph or code of a subclassed model.

    Args:
        model: `keras.Model`.
        shape: tuple `(height, width, channels)` of an image.

    Returns:
        `(scale, mean)`, `(1, 0)` if nothing is done: medians over what
        reaches the layer.

    Example:

    >>> model = keras.Sequential([
    ...     keras.Input((8, 8, 3)),
    ...     keras.layers.Rescaling(1 / 127.5, offset=-1),
    ...     keras.layers.Conv2D(4, 3),
    ... ])
    >>> scale, mean = first_steps(model, (8, 8, 3))
    >>> round(1 / scale, 3), round(mean, 3)
    (127.5, 127.5)
    """
    images = np.zeros((2, *shape), "float32")
    images[1] = 255
    with _watched(model):
        try:
            model(ops.convert_to_tensor(images), training=False)
            return 1.0, 0.0
        except _Reached as reached:
            black, white = reached.black, reached.white
    inside = white != black  # all but padding
    scale = (white - black)[inside] / 255
    return float(np.median(scale)), float(np.median(-black[inside] / scale))


def takes_stored_pixels(scale, mean):
    """Whether `(pixels - mean) * scale` is meant for pixels up to 255.

    Raises:
        ValueError: If nothing is done, or what could be meant for both scales.

    Example:

    >>> takes_stored_pixels(1 / 255, 0), takes_stored_pixels(1, 117)
    (True, True)
    >>> takes_stored_pixels(2, 0.5)
    False
    """
    if abs(scale - 1) < 1e-6 and abs(mean) < 1e-6:
        raise ValueError(
            "preprocessing=True finds no step in the model that tells which "
            f"images it takes. Say it: {_CHOICES}"
        )
    # Centred beyond what images from 0 to 1 hold, or made much smaller.
    if abs(mean) > 1.5 or 0 < abs(scale) < 0.1:
        return True
    if abs(scale) >= 0.5:
        return False
    raise ValueError(
        "preprocessing=True cannot tell whether the model takes images from 0 "
        "to 1 or from 0 to 255: its own first steps compute "
        f"(pixels - {mean:.3g}) * {scale:.3g}. Say it: {_CHOICES}"
    )


_CHOICES = (
    "preprocessing=(0, 1) for images from 0 to 1, such as those of "
    "keras_attention.datasets, or another range, (-1, 1) or (0, 255); a "
    "function of float32 images from 0 to 255, such as "
    "keras_attention.features.preprocess_input or the preprocess_input of the "
    "network in keras.applications; or False for float32 images as the model "
    "takes them."
)


class _Reached(BaseException):
    """Ends the pass at the first trained layer; no `except` in between does."""

    def __init__(self, black, white):
        self.black, self.white = black, white


def _watched(model):
    """Raises `_Reached` with the input of the first layer with weights."""
    return keras_private.replaced(
        lambda: [
            (layer, "call", _watching(layer.call))
            for _, layer in sublayers(model)
            if _is_trained(layer)
        ]
    )


def _is_trained(layer):
    return (
        bool(layer.weights)
        and not isinstance(layer, keras.layers.Normalization)
        and next(sublayers(layer), None) is None
    )


def _watching(call):
    def call_or_stop(inputs, *args, **kwargs):
        black, white = ops.convert_to_numpy(ops.cast(inputs, "float32"))
        if not np.array_equal(black, white):
            raise _Reached(black, white)
        return call(inputs, *args, **kwargs)

    return call_or_stop


def _as_float32(images):
    return ops.cast(images, "float32")


def _scaled(low, high):
    def prepare(images):
        return ops.cast(images, "float32") * ((high - low) / 255) + low

    return prepare


def _checked_range(value_range):
    numbers = [x for x in value_range if isinstance(x, int | float)]
    if (
        len(numbers) != 2
        or len(value_range) != 2
        or not value_range[0] < (value_range[1])
    ):
        expected = "two rising numbers such as (0, 1)"
        raise ValueError(
            arguments.invalid("preprocessing", value_range, expected)
        )
    return value_range
