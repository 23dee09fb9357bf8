"""One way through every kind of labelled data set."""

from typing import NamedTuple

import numpy as np

from keras_attention.internals import arguments


class Batch(NamedTuple):
    """Images, labels `(batch,)` and masks, if there are any."""

    images: np.ndarray
    labels: np.ndarray
    masks: np.ndarray | None


def labelled_batches(test, batch_size):
    """Yields the batches of a data set as NumPy arrays.

    Args:
        test: `tf.data.Dataset`, `keras.utils.PyDataset` or any other iterable
            of dictionaries with `"image"`, `"label"` and optionally `"mask"`,
            or one such dict of arrays.
        batch_size: int, images a batch, for a dict of arrays.

    Yields:
        `Batch`.

    Raises:
        ValueError: For anything else, and for a data set without batches.

    Example:

    >>> arrays = {"image": np.ones((5, 8, 8, 1)), "label": np.arange(5)}
    >>> [len(batch.labels) for batch in labelled_batches(arrays, 2)]
    [2, 2, 1]
    """
    empty = True
    for batch in _batches(test, batch_size):
        empty = False
        yield batch
    if empty:
        raise ValueError(_invalid("at least one batch", "none"))


def _batches(test, batch_size):
    if isinstance(test, dict):
        arguments.positive_int("batch_size", batch_size)
        arrays = _checked(test)
        for start in range(0, len(arrays.labels), batch_size):
            part = slice(start, start + batch_size)
            yield Batch(*(a if a is None else a[part] for a in arrays))
    else:
        yield from map(_checked, test)


def _checked(batch):
    if not isinstance(batch, dict) or not {"image", "label"} <= set(batch):
        received = sorted(batch) if isinstance(batch, dict) else type(batch)
        expected = 'batches that are dictionaries with "image" and "label"'
        if not isinstance(batch, dict):
            expected += (
                ", which load and batches make with supervised=False, or one "
                "such dictionary of arrays"
            )
        raise ValueError(_invalid(expected, received))
    images, labels = np.asarray(batch["image"]), np.asarray(batch["label"])
    masks = np.asarray(batch["mask"]) if "mask" in batch else None
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1 or not np.issubdtype(labels.dtype, np.integer):
        received = f"{labels.dtype} of shape {labels.shape}"
        raise ValueError(_invalid("integer labels (batch,)", received))
    counts = {len(a) for a in (images, labels, masks) if a is not None}
    if len(counts) > 1:
        expected = "as many images as labels and masks"
        raise ValueError(_invalid(expected, sorted(counts)))
    return Batch(images, labels, masks)


def _invalid(expected, received):
    return (
        f"Invalid value for argument test: expected {expected}. "
        f"Received: {received}"
    )
