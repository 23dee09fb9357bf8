"""How fast an answer goes without the pixels that a map names, and returns."""

import functools
from typing import NamedTuple

import numpy as np

from keras_attention.explanation.answers import Answers
from keras_attention.explanation.removal import in_pixels
from keras_attention.explanation.removal import ranks
from keras_attention.explanation.removal import without
from keras_attention.internals import arguments


class AnswerCurve(NamedTuple):
    """The answer while pixels go or come.

    Attributes:
        fractions: array `(steps + 1,)` from 0 to 1, of the pixels.
        scores: array `(batch, steps + 1)`, of the target.
        auc: array `(batch,)`, the area under each curve; in `[0, 1]` where the
            scores are probabilities.
    """

    fractions: np.ndarray
    scores: np.ndarray
    auc: np.ndarray


def deletion(
    model,
    images,
    maps,
    target=None,
    *,
    baseline="mean",
    steps=20,
    batch_size=32,
    seed=0,
):
    """The answer while pixels are taken away, the map's highest first.

    The curve of the target's score over the share of pixels that the baseline
    stands for; the area under it is low where a map names first what the
    answer rests on.

    Args:
        model: `keras.Model` that answers every image by itself.
        images: array `(batch, height, width, channels)`.
        maps: array of finite values `(batch, height, width)` of any
            size, with heads and queries or without; enlarged to the images.
            The order of equal pixels is drawn.
        target: any, what is explained; see `grad_cam`. Of a class it is the
            probability. Defaults to `None`.
        baseline: str, what takes the place of pixels: `"mean"` of each
            channel, `"blur"` or `"zero"`. Defaults to `"mean"`.
        steps: int, in which pixels go, equally many in each. Defaults to
            `20`.
        batch_size: int, images at a time. Defaults to `32`.
        seed: int, of the order of equal pixels. Defaults to `0`.

    Returns:
        An `AnswerCurve`.

    Raises:
        ValueError: For images, maps, targets and baselines of another kind.

    Example: a network that sees the first pixel.

    >>> import keras
    >>> first = keras.layers.Cropping2D(((0, 1), (0, 1)))
    >>> model = keras.Sequential([first, keras.layers.Flatten()])
    >>> images, maps = np.ones((1, 2, 2, 1)), np.array([[[4, 3], [2, 1]]])
    >>> curve = deletion(model, images, maps, baseline="zero", steps=4)
    >>> print(curve.scores, curve.auc)
    [[1. 0. 0. 0. 0.]] [0.125]

    Reference:
        Petsiuk, Das, Saenko: RISE: Randomized Input Sampling for Explanation
        of Black-box Models. BMVC 2018.

    Cost:
        `steps` predictions an image, and one.

    See also:
        `insertion`, and `road`, whose changed images are likely ones.
    """
    answers = Answers(model, images, target, batch_size)
    maps = in_pixels(maps, answers.images)
    return answer_curve(answers, maps, baseline, steps, seed)


def insertion(
    model,
    images,
    maps,
    target=None,
    *,
    baseline="blur",
    steps=20,
    batch_size=32,
    seed=0,
):
    """The answer while pixels return to nothing, the map's highest first.

    The area under the curve is high where a map names first what the answer
    rests on.

    Args:
        model: `keras.Model`; see `deletion`.
        images: array; see `deletion`.
        maps: array; see `deletion`.
        target: any, what is explained; see `deletion`. Defaults to `None`.
        baseline: str, what is seen of the image at first; see `deletion`.
            Defaults to `"blur"`.
        steps: int, in which pixels come. Defaults to `20`.
        batch_size: int, images at a time. Defaults to `32`.
        seed: int, of the order of equal pixels. Defaults to `0`.

    Returns:
        An `AnswerCurve`.

    Raises:
        ValueError: As `deletion`.

    Reference:
        Petsiuk, Das, Saenko: RISE. BMVC 2018.
    """
    answers = Answers(model, images, target, batch_size)
    maps = in_pixels(maps, answers.images)
    return answer_curve(answers, maps, baseline, steps, seed, inserted=True)


def answer_curve(answers, maps, baseline, steps, seed, inserted=False):
    """The `AnswerCurve` of maps in the pixels of the images."""
    arguments.positive_int("steps", steps)
    place = ranks(maps, seed)[..., None]  # (b, h, w, 1)
    gone = without(answers.images, baseline)
    fractions = np.linspace(0, 1, steps + 1)

    def change(images, part, count):
        named = place[part] < count
        return np.where(named != inserted, gone[part], images)

    counts = np.rint(fractions * place[0].size)
    scores = answers(*(functools.partial(change, count=n) for n in counts))
    auc = (scores[:, 1:] + scores[:, :-1]).mean(1) / 2
    return AnswerCurve(fractions, scores, auc)
