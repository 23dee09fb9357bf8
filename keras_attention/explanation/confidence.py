"""What an answer is worth when only the pixels of a map are left."""

from typing import NamedTuple

import numpy as np

from keras_attention.explanation.answers import Answers
from keras_attention.explanation.removal import in_pixels
from keras_attention.explanation.removal import without


class ConfidenceChange(NamedTuple):
    """How the answers change; the means of each are what papers report.

    Attributes:
        drop: array `(batch,)`, `max(0, p - p') / p`: average drop.
        increase: array `(batch,)`, 1 where `p' > p`, else 0: increase in
            confidence.
        gain: array `(batch,)`, `max(0, p' - p) / (1 - p)`: average gain.
    """

    drop: np.ndarray
    increase: np.ndarray
    gain: np.ndarray


def confidence_change(
    model, images, maps, target=None, *, baseline="zero", batch_size=32
):
    """Drop, increase and gain of the answer to what a map shows of an image.

    The image is `m * image + (1 - m) * baseline`, `m` the map in the pixels of
    the image, stretched from its lowest to its highest value to `[0, 1]`. `p`
    and `p'` are the target's scores of the whole image and of this one. A map
    that shows nearly everything drops nothing: the three tell something of
    maps that are equally concentrated, `metrics.attention_gini`.

    Args:
        model: `keras.Model`; see `deletion`.
        images: array; see `deletion`.
        maps: array; see `deletion`.
        target: any, what is explained; see `deletion`. Scores are
            probabilities. Defaults to `None`.
        baseline: str, what is seen where the map is lowest; see `deletion`.
            Defaults to `"zero"`.
        batch_size: int, images at a time. Defaults to `32`.

    Returns:
        A `ConfidenceChange`; NaN for a map that is the same everywhere, which
        chooses nothing.

    Raises:
        ValueError: As `deletion`.

    Example: a network that sees the first pixel.

    >>> import keras
    >>> first = keras.layers.Cropping2D(((0, 1), (0, 1)))
    >>> model = keras.Sequential([first, keras.layers.Flatten()])
    >>> images, maps = np.full((1, 2, 2, 1), 0.8), np.array([[[1, 4], [5, 0]]])
    >>> confidence_change(model, images, maps).drop.round(3)
    array([0.8])

    Reference:
        Chattopadhay et al.: Grad-CAM++. WACV 2018 (drop and increase). Zhang,
        Torres, Sicre, Avrithis, Ayache: Opti-CAM: Optimizing saliency maps for
        interpretability. CVIU 248, 2024 (gain).

    Cost:
        Two predictions an image.
    """
    answers = Answers(model, images, target, batch_size)
    maps = in_pixels(maps, answers.images)
    return change_of(answers, maps, baseline)


def change_of(answers, maps, baseline):
    """The `ConfidenceChange` of maps in the pixels of the images."""
    lowest = maps.min((1, 2), keepdims=True)
    extent = maps.max((1, 2), keepdims=True) - lowest
    defined = extent[:, 0, 0] > 0
    share = ((maps - lowest) / np.where(extent > 0, extent, 1))[..., None]
    gone = without(answers.images, baseline)

    def change(images, part):
        return share[part] * images + (1 - share[part]) * gone[part]

    whole, part = answers.original, answers(change)[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        drop = np.maximum(whole - part, 0) / whole
        gain = np.maximum(part - whole, 0) / (1 - whole)
    # What was sure before can gain nothing.
    gain = np.where(whole < 1, gain, 0.0)
    return ConfidenceChange(
        *(np.where(defined, x, np.nan) for x in (drop, part > whole, gain))
    )
