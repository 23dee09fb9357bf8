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
        ValueError: For anything but `True`, `False`, a range and a callable;
            with `True` if the model's own first steps do not tell which scale
            they take; with a range or a callable that gives another scale than
            they tell, and with a callable that fails.
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
        prepare = _scaled(low, high)
        _check_agrees(model, preprocessing, prepare, shape)
        return Pixels("uint8", prepare, words)
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

    def prepare(images):
        return _as_float32(preprocessing(_as_float32(images)))

    _check_agrees(model, preprocessing, prepare, shape)
    return Pixels(
        "uint8",
        prepare,
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
    black, white = _reaching(model, _black_and_white(shape))
    inside = white != black  # all but padding
    scale = (white - black)[inside] / 255
    return float(np.median(scale)), float(np.median(-black[inside] / scale))


def _black_and_white(shape):
    images = np.zeros((2, *shape), "float32")
    images[1] = 255
    return ops.convert_to_tensor(images)


def _reaching(model, images):
    """What becomes of two images before the first trained layer."""
    with _watched(model):
        try:
            model(images, training=False)
        except _Reached as reached:
            return reached.black, reached.white
    return ops.convert_to_numpy(images)


def _span(black, white):
    """How much brighter the second image is; 0 if it is the same."""
    change = np.subtract(white, black)
    return float(np.median(change[change != 0])) if change.any() else 0.0


def _check_agrees(model, preprocessing, prepare, shape):
    """Raises if `prepare` fails or gives another scale than a model takes."""
    images = _black_and_white(shape)
    try:
        prepared = ops.convert_to_numpy(prepare(images))
    except Exception as error:
        expected = (
            "what works on float32 images (batch, height, width, channels)"
        )
        raise ValueError(
            arguments.invalid("preprocessing", preprocessing, expected)
            + f", which fails: {type(error).__name__}: {error}"
        ) from error
    own = tuple(model.inputs[0].shape) if getattr(model, "inputs", None) else ()
    sizes = dict(enumerate(prepared.shape[1:], 1))
    if prepared.ndim != 4 or any(
        own[axis] not in (None, size) for axis, size in sizes.items() if own
    ):
        expected = f"what gives images {own or (None, None, None, None)}"
        raise ValueError(
            arguments.invalid("preprocessing", preprocessing, expected)
            + f", which gives {(None, *prepared.shape[1:])}"
        )
    scale, mean = first_steps(model, prepared.shape[1:])
    try:
        stored = takes_stored_pixels(scale, mean)
    except ValueError:
        return  # nothing tells
    span = _span(*prepared)
    # Who subtracts a mean himself takes no images that are centred already.
    centred_twice = abs(mean) > 1.5 and np.median(prepared[0]) < -25
    if stored == (abs(span) > 25) and not centred_twice:
        return
    # Steps that clip seem to scale.
    reaching = _span(*_reaching(model, ops.convert_to_tensor(prepared)))
    if not np.isclose(reaching, scale * span, rtol=0.01, atol=0):
        return
    kinds = (keras.layers.Rescaling, keras.layers.Normalization)
    named = [x.name for _, x in sublayers(model) if isinstance(x, kinds)]
    step = f"step {named[0]!r}" if named else "first step"
    expected = (
        f"images from 0 to {255 if stored else 1}, for the model's own {step} "
        f"computes (pixels - {mean:.3g}) * {scale:.3g}: preprocessing=True "
        "does what it needs"
    )
    raise ValueError(
        arguments.invalid("preprocessing", preprocessing, expected)
    )


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
