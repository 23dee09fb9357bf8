"""Where objects are, image by image, and how much of a map is on them."""

import numpy as np

from keras_attention.internals import arguments
from keras_attention.metrics import area_share
from keras_attention.metrics import attention_energy
from keras_attention.metrics.localisation import checked_masks


def each_mask(masks, count):
    """A batch of one mask for each image.

    Args:
        masks: array `(batch, rows, columns)` or `(batch, rows, columns, 1)` in
            `[0, 1]`, or a list of masks of several sizes, or `None`.
        count: int, of images.

    Returns:
        A list of arrays `(1, rows, columns)`, or of `None`.

    Raises:
        ValueError: For what is no mask, and for another number of them.
    """
    if masks is None:
        return [None] * count
    several = isinstance(masks, (list, tuple))
    several = several and len({*map(np.shape, masks)}) > 1
    found = [*masks] if several else [*checked_masks(masks)]
    if len(found) != count:
        expected = f"{count}, one an image"
        raise ValueError(arguments.invalid("masks", len(found), expected))
    return [checked_masks(np.asarray(mask)[None]) for mask in found]


def energy_and_lift(layer, masks):
    """The share of each map on the object, and how many times its area's.

    Args:
        layer: `LayerMaps`.
        masks: list of array `(1, rows, columns)`, one an image.

    Returns:
        Two arrays `(batch,)`; NaN where there is no answer.
    """
    energy, share = (
        np.array(found)
        for found in zip(
            *(
                (attention_energy(values[None], mask)[0], area_share(mask)[0])
                for values, mask in zip(layer.over_images(), masks, strict=True)
            ),
            strict=True,
        )
    )
    return energy, energy / np.where(share > 0, share, np.nan)
