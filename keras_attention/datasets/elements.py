"""What an element is made of, whichever library reads the files."""

import numpy as np

# The names data sets give to what we call by one name.
ALIASES = {
    "image": ("image",),
    "label": ("label",),
    "labels": ("labels",),
    "mask": ("mask", "segmentation_mask"),
    "boxes": ("boxes", "bboxes", "bbox"),
    "caption": ("caption", "captions"),
}


def find_fields(features, supervised):
    """Finds the features of a data set that make up an element.

    Args:
        features: `tfds.features.FeaturesDict` of the data set.
        supervised: bool, image and label alone.

    Returns:
        A dict from our name to the data set's.

    Raises:
        ValueError: naming what is missing and what is there.

    Example:

    >>> features = {"image": 0, "label": 1, "segmentation_mask": 2}
    >>> find_fields(features, supervised=False)["mask"]
    'segmentation_mask'
    """
    fields = {}
    for name, aliases in ALIASES.items():
        found = [alias for alias in aliases if alias in features]
        if found:
            fields[name] = found[0]
        elif name in ("image", "label"):
            raise ValueError(
                f"The data set has no feature {name!r}. "
                f"It has {sorted(features)}."
            )
    if supervised:
        return {name: fields[name] for name in ("image", "label")}
    return fields


def epoch_order(count, seed, epoch):
    """The order of the examples in one epoch.

    A function of its arguments alone: no global seed, backend or earlier
    epoch changes it.

    Args:
        count: int, number of examples.
        seed: int, or `None` for the order on disk.
        epoch: int.

    Returns:
        An int64 array `(count,)`.

    Example:

    >>> epoch_order(4, seed=None, epoch=1).tolist()
    [0, 1, 2, 3]
    >>> sorted(epoch_order(4, seed=0, epoch=1).tolist())
    [0, 1, 2, 3]
    """
    if seed is None:
        return np.arange(count, dtype="int64")
    return np.random.default_rng([seed, epoch]).permutation(count)


def stack(values):
    """Stacks arrays, padding them with zeros to their common extent.

    Args:
        values: sequence of array-likes of one rank, or of strings.

    Returns:
        One array with a leading axis; strings make an object array.

    Example:

    >>> stack([[1, 2], [3]]).tolist()
    [[1, 2], [3, 0]]
    """
    if isinstance(values[0], (str, bytes)):
        texts = [v.decode() if isinstance(v, bytes) else v for v in values]
        return np.array(texts, dtype=object)
    arrays = [np.asarray(value) for value in values]
    extent = np.max([array.shape for array in arrays], axis=0)
    stacked = np.zeros((len(arrays), *extent), arrays[0].dtype)
    for index, array in enumerate(arrays):
        stacked[(index, *map(slice, array.shape))] = array
    return stacked
