"""Checks of what a model takes, and of the images that it is given."""

import keras
import numpy as np

from keras_attention.exporting import measures
from keras_attention.internals import arguments


def image_shape(model, input_shape):
    """The shape of the images that the exported model will take.

    Args:
        model: as given to `export`.
        input_shape: as given to `export`.

    Returns:
        `(height, width, channels)`; sizes that stay free are `None`.

    Raises:
        ValueError: For models that are not built, that have not one image as
            their input, and for a shape that the model does not take.
    """
    if not isinstance(model, keras.Model) or not model.built:
        expected = "a built keras.Model"
        raise ValueError(arguments.invalid("model", model, expected))
    inputs = getattr(model, "inputs", None)
    if inputs is None:
        if input_shape is None:
            raise ValueError(
                "A subclassed model does not say what it takes: give "
                "input_shape=(height, width, channels). Received: "
                f"model={model.name!r}, input_shape=None"
            )
        own = (None, None, None)
    else:
        if len(inputs) != 1 or len(inputs[0].shape) != 4:
            shapes = [tuple(tensor.shape) for tensor in inputs]
            raise ValueError(
                "export takes models with one input, a batch of images "
                "(batch, height, width, channels). Received: model="
                f"{model.name!r} with inputs of shapes {shapes}"
            )
        own = tuple(inputs[0].shape[1:])
    shape = own if input_shape is None else _checked(input_shape, own)
    if keras.backend.backend() != "tensorflow" and None in shape:
        raise ValueError(
            "Only the TensorFlow backend writes files for images of any size: "
            "give input_shape=(height, width, channels). Received: "
            f"input_shape={shape}"
        )
    return shape


def test_images(test, dtype, shape):
    """The images and labels to compare on, or noise and `None`.

    Raises:
        ValueError: If they are not as `export` says.
    """
    if test is None:
        return measures.random_images(shape, dtype), None
    if not isinstance(test, list | tuple) or len(test) != 2:
        raise ValueError(
            "Invalid value for argument test: expected (images, labels). "
            f"Received: {type(test).__name__}"
        )
    images = checked_images("test", test[0], dtype, shape)
    labels = np.asarray(test[1])
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if not np.issubdtype(labels.dtype, np.integer) or labels.shape != (
        len(images),
    ):
        raise ValueError(
            "Invalid value for argument test: expected an integer label for "
            f"each of {len(images)} images. Received: labels of "
            f"{labels.dtype} {labels.shape}"
        )
    return images, labels


def checked_images(name, images, dtype, shape):
    """The images as an array, if the exported model takes them."""
    images = np.asarray(images)
    if (
        images.dtype != dtype
        or images.ndim != 4
        or len(images) == 0
        or not _fits(images.shape[1:], shape)
    ):
        sizes = ", ".join("any" if s is None else str(s) for s in shape)
        raise ValueError(
            f"Invalid value for argument {name}: expected images "
            f"(count, {sizes}) of dtype {dtype}. Received: "
            f"{images.dtype} {images.shape}"
        )
    return images


def _checked(input_shape, own):
    shape = tuple(input_shape)
    sizes = [size for size in shape if size is not None]
    if len(shape) != 3 or shape[-1] is None or not _fits(shape, own):
        expected = f"(height, width, channels) that fit the model's {own}"
        raise ValueError(
            arguments.invalid("input_shape", input_shape, expected)
        )
    for size in sizes:
        arguments.positive_int("input_shape", size)
    return shape


def _fits(shape, wanted):
    return len(shape) == len(wanted) and all(
        size == want or want is None
        for size, want in zip(shape, wanted, strict=True)
    )
