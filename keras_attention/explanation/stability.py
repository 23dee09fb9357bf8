"""Whether a map stays what it is when the image hardly changes."""

import numpy as np

from keras_attention.explanation.answers import Answers
from keras_attention.internals import arguments


def max_sensitivity(
    model,
    images,
    method,
    target=None,
    *,
    radius=0.02,
    samples=10,
    batch_size=32,
    seed=0,
):
    """The most that a map changes under noise nobody sees.

    `max_d |f(x + d) - f(x)| / |f(x)|` over noise `d` drawn evenly from
    `[-r, r]` for each pixel, `f` the method, `r` the radius times the range of
    the image. What is explained stays the same. 0 for a map that does not look
    at the image: low sensitivity alone is no virtue.

    Args:
        model: `keras.Model`; see `deletion`.
        images: array; see `deletion`.
        method: callable, `(model, images, target) -> maps`, such as
            `grad_cam`; maps are arrays, the batch first.
        target: any, what is explained; see `deletion`. Defaults to `None`.
        radius: float, share of the range of each image. Defaults to `0.02`.
        samples: int, draws. Defaults to `10`.
        batch_size: int, images at a time where classes are predicted. Defaults
            to `32`.
        seed: int, of the draws. Defaults to `0`.

    Returns:
        `(batch,)`, float64; NaN for a map of zeros.

    Raises:
        ValueError: As `deletion`, and for a radius below 0 and no samples.

    Example: brightness as a map.

    >>> import keras
    >>> model = keras.Sequential([keras.layers.GlobalMaxPooling2D()])
    >>> brightness = lambda model, images, target: images.mean(-1)
    >>> images = np.eye(4)[None, ..., None]
    >>> 0.01 < max_sensitivity(model, images, brightness) < 0.04
    array([ True])

    Reference:
        Yeh, Hsieh, Suggala, Inouye, Ravikumar: On the (In)fidelity and
        Sensitivity of Explanations. NeurIPS 2019.

    Cost:
        The method, `samples` times and once.
    """
    arguments.non_negative_float("radius", radius)
    arguments.positive_int("samples", samples)
    answers = Answers(model, images, target, batch_size)
    images = answers.images
    places = tuple(range(1, images.ndim))
    reach = radius * np.ptp(images, axis=places, keepdims=True)
    random = np.random.default_rng(seed)

    def maps_of(images):
        maps = method(model, answers.as_given(images), answers.target)
        return np.asarray(maps, "float64").reshape(len(images), -1)

    maps = maps_of(images)
    most = np.zeros(len(images))
    for _ in range(samples):
        noise = reach * random.uniform(-1, 1, images.shape)
        changed = maps_of((images + noise).astype("float32"))
        most = np.maximum(most, np.linalg.norm(changed - maps, axis=1))
    length = np.linalg.norm(maps, axis=1)
    return most / np.where(length > 0, length, np.nan)
