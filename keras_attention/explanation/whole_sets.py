"""Many images, some at a time."""

import keras

from keras_attention.internals import arguments


def checked_images(images):
    """How many images there are.

    Args:
        images: array `(batch, ...)` or a structure of them.

    Raises:
        ValueError: If there are none, or not as many of each.
    """
    shapes = [tuple(x.shape) for x in keras.tree.flatten(images)]
    counts = {shape[:1] for shape in shapes}
    if len(counts) != 1 or counts & {(), (0,)}:
        raise ValueError(
            "Invalid value for argument images: expected a batch of images, "
            f"not empty. Received: shapes {shapes}"
        )
    return shapes[0][0]


def way_back(images, originals):
    """What brings maps of images to the pixels of their photographs.

    Args:
        images: array `(batch, ...)` or a structure of them.
        originals: `datasets.Originals` or `None`, where maps stay as they are.

    Returns:
        A function of maps `(batch, height, width)`, and of what comes back: the
        maps, or a list of one array a photograph.

    Raises:
        ValueError: For anything else, or of another number of images.
    """
    count = checked_images(images)
    if originals is None:
        return lambda maps: maps
    known = hasattr(originals, "bring_back")
    if not known or len(originals) != count:
        received = f"{len(originals)} photographs" if known else originals
        expected = f"examples.originals of {count} images, or None"
        raise ValueError(arguments.invalid("originals", received, expected))
    return originals.bring_back


def batches(images, batch_size):
    """Batches of about one size, so that the last is not compiled anew.

    Args:
        images: array `(batch, ...)` or a structure of them.
        batch_size: int, the largest size.

    Yields:
        `(batch, slice)`.

    Example:

    >>> import numpy as np
    >>> [len(batch) for batch, _ in batches(np.ones((9, 2)), 8)]
    [5, 4]
    """
    arguments.positive_int("batch_size", batch_size)
    count = checked_images(images)
    size = -(-count // -(-count // batch_size))
    for start in range(0, count, size):
        part = slice(start, start + size)
        yield keras.tree.map_structure(lambda x: x[part], images), part  # noqa: B023
