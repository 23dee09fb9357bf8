"""Several `Examples` as one."""

import dataclasses
import itertools
import os

import numpy as np

from keras_attention.datasets.duplicates import digest
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.pixels import Pixels
from keras_attention.internals.arguments import invalid


def concatenate(*examples):
    """Puts `Examples` of several sources one behind the other.

    Images that are decoded when they are asked for stay so. Where some parts
    have masks, those of the others are not known; without weights they weigh 1.
    A name that means another image in an earlier part is followed by the part's
    number.

    Args:
        *examples: `Examples`, alike in their classes, the size and channels of
            their images, and their layout; and all with groups and boxes, or
            none.

    Returns:
        An `Examples`.

    Raises:
        ValueError: naming what differs.

    Example:

    >>> from keras_attention.datasets.arrays import from_arrays
    >>> one = from_arrays(np.zeros((2, 8, 8), "uint8"), ["cat", "dog"])
    >>> two = from_arrays(np.ones((3, 8, 8), "uint8"), ["dog", "cat", "dog"])
    >>> concatenate(one, two)
    Examples(5 images 8x8x1, 2 classes)

    See also:
        `find_duplicates`, for images that are in several of them.
    """
    if not examples or not all(isinstance(p, Examples) for p in examples):
        received = [type(part).__name__ for part in examples]
        raise ValueError(invalid("examples", received, "one Examples or more"))
    first = _kind(examples[0])
    for index, part in enumerate(examples):
        for name, value in _kind(part).items():
            if value != first[name]:
                raise ValueError(
                    f"Parts 0 and {index} differ in {name}: {first[name]} and "
                    f"{value}."
                )
    sizes = [part.original_sizes for part in examples]
    return dataclasses.replace(
        examples[0],
        images=_pixels([part.images for part in examples], sizes),
        labels=_joined(examples, "labels"),
        names=_names(examples),
        **_masks(examples),
        boxes=_joined(examples, "boxes", _chained),
        box_labels=_joined(examples, "box_labels", _chained),
        groups=_joined(examples, "groups"),
        # Of Pixels, their files tell.
        original_sizes=None
        if any(found is None for found in sizes)
        else np.concatenate(sizes),
        weights=_joined(examples, "weights", missing=np.ones),
    )


def _kind(part):
    """What parts must have in common."""
    return {
        "class_names": tuple(part.class_names),
        "image_shape": tuple(part.image_shape),
        "layout": part.layout,
        "labels": (part.labels.dtype.kind, part.labels.shape[1:]),
        "having groups": part.groups is not None,
        "having boxes": part.boxes is not None,
        "having classes of boxes": part.box_labels is not None,
    }


def _joined(examples, field, join=np.concatenate, missing=None):
    """A field of all parts; what `missing` makes of a count where it lacks."""
    values = [getattr(part, field) for part in examples]
    if all(value is None for value in values):
        return None
    return join(
        [
            missing(len(part), "float32") if value is None else value
            for value, part in zip(values, examples, strict=True)
        ]
    )


def _names(examples):
    """One name for each image, but where one image is in several parts."""
    first, names = {}, []
    for which, part in enumerate(examples):
        for index, name in enumerate(part.names):
            known = first.setdefault(name, (which, index))
            other = known[0] != which and (
                _content(examples[known[0]].images, known[1])
                != _content(part.images, index)
            )
            names.append(f"{name} of part {which}" if other else name)
    return tuple(names)


def _content(images, index):
    """What tells an image from others: its file, else its pixels."""
    if isinstance(images, Pixels):
        file = images.file(index)
        if isinstance(file, (str, os.PathLike)):
            return os.path.abspath(file)
    return digest(images[index])


def _masks(examples):
    if all(part.masks is None for part in examples):
        return dict(masks=None, has_mask=None)
    masks, known = [], []
    for part in examples:
        has_mask = np.full(len(part), part.masks is not None)
        known.append(has_mask if part.has_mask is None else part.has_mask)
        # Zeros that take no memory.
        none = np.broadcast_to(
            np.zeros((), "uint8"), (len(part), *part.image_shape[:2], 1)
        )
        masks.append(none if part.masks is None else part.masks)
    known = np.concatenate(known)
    return dict(
        masks=_pixels(masks, [None] * len(masks)),
        has_mask=None if known.all() else known,
    )


def _pixels(parts, sizes):
    """One array, or `Pixels` if any part is."""
    if not any(isinstance(part, Pixels) for part in parts):
        return np.concatenate(parts)
    sources, names, files, seen = [], [], [], []
    for which, (part, known) in enumerate(zip(parts, sizes, strict=True)):
        indices = range(len(part))
        sources += [(which, index) for index in indices]
        if isinstance(part, Pixels):
            names += [part.names[part.place(index)] for index in indices]
            files += map(part.file, indices)
            seen += map(part.seen, indices)
        else:
            names += map(str, indices)
            none = itertools.repeat(None, len(part))
            files += none if known is None else map(tuple, known.tolist())
            seen += [None] * len(part)
    read, shape = ReadOneOf(tuple(parts)), parts[0].shape[1:]
    return Pixels(read, sources, names, shape, files).unchanged(seen)


@dataclasses.dataclass(frozen=True)
class ReadOneOf:
    """Reads `(which, index)` from one of several `Pixels` and arrays."""

    parts: tuple

    def __call__(self, source):
        """The pixels of one image."""
        which, index = source
        part = self.parts[which]
        if isinstance(part, Pixels):
            return part.read(part.sources[part.place(index)])
        return part[index]


def origin(images, index):
    """The array or `Pixels` that an image comes from, and its index there."""
    while isinstance(images, Pixels) and isinstance(images.read, ReadOneOf):
        which, index = images.sources[images.place(index)]
        images = images.read.parts[which]
    return images, index


def _chained(lists):
    return [*itertools.chain(*lists)]
