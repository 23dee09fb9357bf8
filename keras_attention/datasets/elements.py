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
    """Finds the features of a data set that make up an element."""
    fields = {}
    for name in ("image", "label") if supervised else ALIASES:
        found = [alias for alias in ALIASES[name] if alias in features]
        if found:
            fields[name] = found[0]
        elif name in ("image", "label"):
            raise ValueError(
                f"The data set has no feature {name!r}. "
                f"It has {sorted(features)}."
            )
    return fields


def epoch_order(count, seed, epoch):
    """The order of the examples in one epoch.

    A function of its arguments alone: no global seed, backend or earlier
    epoch changes it.
    """
    if seed is None:
        return np.arange(count, dtype="int64")
    return np.random.default_rng([seed, epoch]).permutation(count)


def stack(values):
    """Stacks arrays, padding them with zeros to their common extent."""
    if isinstance(values[0], (str, bytes)):
        texts = [v.decode() if isinstance(v, bytes) else v for v in values]
        return np.array(texts, dtype=object)
    arrays = [np.asarray(value) for value in values]
    extent = np.max([array.shape for array in arrays], axis=0)
    stacked = np.zeros((len(arrays), *extent), arrays[0].dtype)
    for index, array in enumerate(arrays):
        stacked[(index, *map(slice, array.shape))] = array
    return stacked
