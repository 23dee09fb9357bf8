"""What parts of a data set share: images, groups, names."""

import hashlib
import itertools
import os
import typing
import warnings

import numpy as np

from keras_attention.datasets.pixels import Pixels
from keras_attention.internals import arguments
from keras_attention.internals.words import few


def check_disjoint(*parts, names=True):
    """Raises if two parts share a group or a name.

    Args:
        *parts: `Examples`, such as a training and a test set of two origins.
        names: bool, whether names are compared; `False` where they are row
            numbers, or files of two folders. Defaults to `True`.

    Raises:
        ValueError: Naming the first and the last shared ones, or if some parts
            have groups and others have none.

    Example:

    >>> from keras_attention.datasets.examples import Examples
    >>> images, labels = np.zeros((2, 8, 8, 1), "uint8"), np.zeros(2, int)
    >>> one = Examples(images, labels, ("a",), ("x.png", "y.png"))
    >>> two = Examples(images, labels, ("a",), ("y.png", "z.png"))
    >>> check_disjoint(one, two)
    Traceback (most recent call last):
    ...
    ValueError: Parts 0 and 1 share 1 of their names: 'y.png'.

    See also:
        `find_duplicates`, which compares the pixels.
    """
    arguments.boolean("names", names)
    grouped = [part.groups is not None for part in parts]
    if any(grouped) and not all(grouped):
        without = [i for i, has in enumerate(grouped) if not has]
        raise ValueError(
            "Parts can be compared if all or none of them have groups. "
            f"Received: none in parts {without} of {len(parts)}"
        )
    for attribute in ("groups", "names")[: 1 + names]:
        values = [_values(getattr(part, attribute)) for part in parts]
        for (i, one), (j, two) in itertools.combinations(enumerate(values), 2):
            shared = [value for value in one if value in two]
            if shared:
                raise ValueError(
                    f"Parts {i} and {j} share {len(shared)} of their "
                    f"{attribute}: {few(shared)}."
                )


def _values(values):
    """The distinct values in order, as a dict."""
    # As an array, all texts would take as much as the longest one.
    values = values.tolist() if isinstance(values, np.ndarray) else values
    return dict.fromkeys(values or ())


class Occurrence(typing.NamedTuple):
    """Where an image was found: in which part, at which index, its name."""

    part: int
    index: int
    name: str


def find_duplicates(*examples):
    """Finds images with the same pixels, within and between `Examples`.

    The same picture in training and test makes a model look better than it
    is. Pixels are compared, after the layout, not files: the same picture
    saved as PNG and BMP is found; another crop or another JPEG quality is
    not. `split`, `folds`, `from_npz` and `from_split_folders` warn of images
    that are in more than one part, unless they would have to decode them.

    Args:
        *examples: `Examples`, for instance the train, validation and test
            split.

    Returns:
        A list of groups, each a tuple of two or more `Occurrence`s, in the
        order of their first image.

    Example:

    >>> from keras_attention.datasets.arrays import from_arrays
    >>> pixels = np.arange(2, dtype="uint8").reshape(2, 1, 1)
    >>> train = from_arrays(pixels, [0, 1], names=["a", "b"])
    >>> test = from_arrays(pixels[1:], [1], names=["c"])
    >>> [[o.name for o in group] for group in find_duplicates(train, test)]
    [['b', 'c']]

    Cost:
        One pass over the pixels, and 300 bytes an image.
    """
    groups = {}
    for part, these in enumerate(examples):
        for index, image in enumerate(these.images):
            occurrence = Occurrence(part, index, these.names[index])
            groups.setdefault(digest(image), []).append(occurrence)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def digest(content):
    """A hash of 16 bytes of an array and its shape, of bytes or of a file."""
    if isinstance(content, (str, os.PathLike)):
        with open(content, "rb") as file:
            return hashlib.file_digest(file, _hash).digest()
    if isinstance(content, bytes):
        return _hash(content).digest()
    found = _hash(np.ascontiguousarray(content))
    found.update(repr(content.shape).encode())
    return found.digest()


def warn_of_copies(*parts):
    """Warns if an image of one part is in another, pixel for pixel.

    Of images that are decoded when they are asked for none is: `split` would
    take as long as an epoch.
    """
    if any(isinstance(part.images, Pixels) for part in parts):
        return
    shared = [
        group
        for group in find_duplicates(*parts)
        if len({occurrence.part for occurrence in group}) > 1
    ]
    if shared:
        first, *_, last = shared[0]
        warnings.warn(
            f"{len(shared)} image{'s' * (len(shared) > 1)} of one part "
            "can be found in another, pixel for pixel, which makes a test "
            f"look better than it is: {first.name!r} of part {first.part} is "
            f"{last.name!r} of part {last.part}. find_duplicates lists all.",
            stacklevel=3,
        )


def _hash(content=b""):
    return hashlib.blake2b(content, digest_size=16)
