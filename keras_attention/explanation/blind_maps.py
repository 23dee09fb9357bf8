"""Maps that know nothing of a model, to be better than."""

import numpy as np

from keras_attention.internals.requirements import explained
from keras_attention.metrics.localisation import centre_map


def blind_maps(images, maps, seed=0):
    """Maps that know nothing of a model.

    Args:
        images: array `(batch, height, width, channels)`.
        maps: iterable of arrays `(..., rows, columns)`, of which the coarsest
            gives the grid of the random map.
        seed: int, of the random map. Defaults to `0`.

    Returns:
        dict of `"(random)"`, `"(centre)"` and `"(edges)"` to arrays.

    Example:

    >>> grid = np.ones((2, 3, 3))
    >>> found = blind_maps(np.ones((2, 6, 6, 3)), [grid])
    >>> {name: values.shape for name, values in found.items()}
    {'(random)': (2, 3, 3), '(centre)': (2, 6, 6), '(edges)': (2, 6, 6)}
    """
    with explained("keras_attention.explanation"):
        from scipy import ndimage

    count, height, width, _ = images.shape
    coarsest = min((np.shape(x)[-2:] for x in maps), key=np.prod)
    centre = centre_map(height, width)
    edges = [
        np.hypot(ndimage.sobel(grey, 0), ndimage.sobel(grey, 1))
        for grey in images.mean(-1)
    ]
    return {
        "(random)": np.random.default_rng(seed).random((count, *coarsest)),
        "(centre)": np.broadcast_to(centre, (count, height, width)),
        "(edges)": np.stack(edges),
    }
