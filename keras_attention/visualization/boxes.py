"""Maps -> boxes around where they are high."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.requirements import explained
from keras_attention.visualization.attention_map import mean_map
from keras_attention.visualization.scaling import is_flat


def boxes_from_maps(maps, threshold=0.5):
    """A box around the largest connected high part of each map.

    High is what reaches `lowest + threshold * (highest - lowest)`; positions
    that touch at a side or a corner are connected.

    Args:
        maps: `AttentionMap` or array `(batch, height, width)`, or with heads,
            or with heads and queries, the mean of which counts; or a list of
            arrays `(height, width)`, each in the pixels of its photograph. Of
            attention that knows its photographs the boxes are shares of these.
        threshold: float, in `(0, 1)`. Defaults to `0.5`.

    Returns:
        `(batch, 4)`, float64: `(ymin, xmin, ymax, xmax)` as shares of the
        image, as `plot_attention` takes outlines. NaN for a map that is the
        same everywhere or not finite.

    Raises:
        ValueError: For other shapes, weights that are no map, and a threshold
            out of range.

    Example:

    >>> maps = np.zeros((1, 4, 4))
    >>> maps[0, 1:3, 2:] = 1
    >>> print(boxes_from_maps(maps))
    [[0.25 0.5  0.75 1.  ]]

    Reference:
        Zhou, Khosla, Lapedriza, Oliva, Torralba: Learning Deep Features for
        Discriminative Localization. CVPR 2016.

    Differs from the paper:
        It cuts at a fifth of the highest value, of maps that are negative
        elsewhere; attention is not.
    """
    with explained("keras_attention.visualization"):
        from scipy import ndimage

    if not 0 < threshold < 1:
        expected = "a number in (0, 1)"
        raise ValueError(arguments.invalid("threshold", threshold, expected))
    if getattr(maps, "kind", "spatial") != "spatial":
        maps.spatial()  # says that they are no map
    if getattr(maps, "originals", None) is not None:
        maps = maps.to_originals()
    if not isinstance(maps, (list, tuple)):
        maps = mean_map("maps", arguments.real_array("maps", maps))
    boxes = np.full((len(maps), 4), np.nan)
    for box, value in zip(boxes, maps, strict=True):
        value = arguments.real_array("maps", value).astype("float64")
        if is_flat(value) or not np.isfinite(value).all():
            continue
        least = value.min() + threshold * np.ptp(value)
        parts, _ = ndimage.label(value >= least, np.ones((3, 3)))
        largest = np.bincount(parts[parts > 0]).argmax()
        ((top, bottom), (left, right)) = (
            (part.start, part.stop)
            for part in ndimage.find_objects(parts)[largest - 1]
        )
        height, width = value.shape
        box[:] = top / height, left / width, bottom / height, right / width
    return boxes
