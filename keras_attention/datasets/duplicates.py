"""Images that are there more than once."""

import hashlib
import os
import typing
import warnings

import numpy as np

from keras_attention.datasets.pixels import Pixels


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
        One pass over the pixels, and a third of a kilobyte an image.
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
