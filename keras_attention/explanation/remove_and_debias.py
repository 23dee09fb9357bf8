"""Pixels removed so that nobody sees where: an answer without them.

What a mean or zeros leave is no image that a network has seen, and the shape
of the hole may tell it what was there. No kept package imputes for three
backends; the sparse system is `scipy`'s.
"""

import functools
from typing import NamedTuple

import numpy as np

from keras_attention.explanation.answers import Answers
from keras_attention.explanation.removal import in_pixels
from keras_attention.explanation.removal import ranks
from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained


class Road(NamedTuple):
    """The answers without pixels, whose place was filled from around them.

    Attributes:
        percentages: array `(count,)`, of the pixels that were removed.
        most_relevant_first: array `(batch, count)`, scores without the pixels
            that the map has highest: low where the map is right.
        least_relevant_first: array `(batch, count)`, scores without those that
            it has lowest: high where it is right.
        combined: array `(batch,)`, half of what the second has above the
            first, on average; in `[-0.5, 0.5]` for probabilities, 0 for chance.
    """

    percentages: np.ndarray
    most_relevant_first: np.ndarray
    least_relevant_first: np.ndarray
    combined: np.ndarray


def road(
    model,
    images,
    maps,
    target=None,
    *,
    percentages=(10, 20, 30, 40, 50, 60, 70, 80, 90),
    noise=0.01,
    batch_size=32,
    seed=0,
):
    """ROAD: remove and debias, the most and the least relevant pixels.

    Removed pixels become the weighted mean of their eight neighbours, 1/6 along
    edges and 1/12 across corners, removed ones among them: a sparse linear
    system. Noise hides how smooth that is.

    Args:
        model: `keras.Model`; see `deletion`.
        images: array; see `deletion`.
        maps: array; see `deletion`.
        target: any, what is explained; see `deletion`. Defaults to `None`.
        percentages: sequence of float, in `(0, 100)`, of the pixels that are
            removed. Defaults to `(10, 20, 30, 40, 50, 60, 70, 80, 90)`.
        noise: float, standard deviation, as a share of the range of each
            image. Defaults to `0.01`.
        batch_size: int, images at a time. Defaults to `32`.
        seed: int, of the noise and of the order of equal pixels. Defaults to
            `0`.

    Returns:
        A `Road`.

    Raises:
        ValueError: As `deletion`, and for percentages out of range.

    Example: a network that sees the upper half.

    >>> import keras
    >>> model = keras.Sequential([keras.layers.Cropping2D(((0, 2), (0, 0)))])
    >>> model.add(keras.layers.GlobalAveragePooling2D())
    >>> image = np.repeat([1.0, 0.0], 8).reshape(1, 4, 4, 1)
    >>> road(model, image, image[..., 0], percentages=[50]).combined > 0.4
    array([ True])

    Reference:
        Rong, Leemann, Borisov, Kasneci, Kasneci: A Consistent and Efficient
        Evaluation Strategy for Attribution Methods. ICML 2022.

    Differs from the paper:
        It measures accuracy; here the score of the target, image by image.

    Cost:
        Two predictions and two sparse systems an image and percentage.
    """
    answers = Answers(model, images, target, batch_size)
    maps = in_pixels(maps, answers.images)
    return road_of(answers, maps, percentages, noise, seed)


def road_of(answers, maps, percentages, noise, seed):
    """The `Road` of maps in the pixels of the images."""
    arguments.non_negative_float("noise", noise)
    shares = np.asarray(percentages, "float64")
    if shares.ndim != 1 or not ((shares > 0) & (shares < 100)).all():
        expected = "numbers between 0 and 100"
        raise ValueError(
            arguments.invalid("percentages", percentages, expected)
        )
    laplacian = grid_laplacian(*maps.shape[1:])
    place = ranks(maps, seed)
    pixels = place[0].size

    def filled(images, part, removed):
        result = np.empty_like(images)
        for index, image in enumerate(images):
            hole = removed[part][index]
            chance = np.random.default_rng((seed, part.start + index))
            strength = noise * np.ptp(image) * hole[..., None]
            result[index] = imputed(image, hole, laplacian)
            result[index] += strength * chance.normal(size=image.shape)
        return result

    # Something is left, whatever the size.
    counts = np.floor(shares / 100 * pixels)
    holes = [
        order < count
        for order in (place, pixels - 1 - place)
        for count in counts
    ]
    scores = answers(*(functools.partial(filled, removed=x) for x in holes))
    most, least = np.split(scores, 2, axis=1)
    return Road(shares, most, least, (least - most).mean(1) / 2)


def grid_laplacian(height, width):
    """What each pixel has more than the mean of its neighbours, as a matrix.

    Args:
        height: int, rows.
        width: int, columns.

    Returns:
        Sparse `(height * width, height * width)`: minus the weight of each
        neighbour, and on the diagonal their sum.
    """
    with explained("keras_attention.explanation"):
        from scipy import sparse

    pixels = np.arange(height * width).reshape(height, width)
    pairs = (
        (pixels[:, :-1], pixels[:, 1:], 1 / 6),
        (pixels[:-1], pixels[1:], 1 / 6),
        (pixels[:-1, :-1], pixels[1:, 1:], 1 / 12),
        (pixels[:-1, 1:], pixels[1:, :-1], 1 / 12),
    )
    ends = np.concatenate([[a.ravel(), b.ravel()] for a, b, _ in pairs], 1)
    weights = np.repeat([w for *_, w in pairs], [a.size for a, *_ in pairs])
    shape = (pixels.size, pixels.size)
    near = sparse.csr_array((weights, ends), shape=shape)
    near = near + near.T
    return sparse.csr_array(sparse.diags_array(near.sum(1)) - near)


def imputed(image, removed, laplacian):
    """An image whose removed pixels are the mean of their neighbours.

    Args:
        image: array `(height, width, channels)`.
        removed: bool array `(height, width)`.
        laplacian: sparse array, `grid_laplacian` of the size.
    """
    from scipy.sparse import linalg

    removed = removed.ravel()
    if not removed.any():
        return image
    pixels = image.reshape(len(removed), -1).astype("float64")
    around = laplacian[removed]
    known = -(around[:, ~removed] @ pixels[~removed])
    system = linalg.splu(around[:, removed].tocsc())
    pixels[removed] = system.solve(known)
    return pixels.reshape(image.shape)
