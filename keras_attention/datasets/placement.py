"""Which rectangle of an image goes to which rectangle of its layout.

A layout is a rectangle of the original that is *seen* and a rectangle of the
result where it is *placed*, both in whole pixels, so that images, masks, boxes
and attention maps all move by the same two numbers an axis.

    stretch   all of it is seen, and fills the result: proportions change
    pad       all of it is seen, centred; the rest is zeros
    crop      the centre is seen, and fills the result
"""

import numbers
import typing

from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_int

LAYOUTS = ("stretch", "pad", "crop")


class Span(typing.NamedTuple):
    """Whole pixels along one axis."""

    start: int
    length: int

    @property
    def slice(self):
        """The pixels as a slice."""
        return slice(self.start, self.start + self.length)


class Placement(typing.NamedTuple):
    """Rows and columns of the original and of the result, `Span`s."""

    seen: tuple
    placed: tuple


def placement(original_size, size, layout):
    """The `Placement` of an image `(height, width)` in a result of a size."""
    one_of("layout", layout, LAYOUTS)
    seen, placed = original_size, size
    ratios = [new / old for new, old in zip(size, original_size, strict=True)]
    if layout == "pad":
        placed = [old * min(ratios) for old in original_size]
    elif layout == "crop":
        seen = [new / max(ratios) for new in size]
    return Placement(_centred(seen, original_size), _centred(placed, size))


def _centred(lengths, extents):
    """Spans of about these lengths in the middle of these extents."""
    spans = []
    for length, extent in zip(lengths, extents, strict=True):
        length = int(min(max(1, round(length)), extent))
        spans.append(Span(int(extent - length) // 2, length))
    return tuple(spans)


def check_size(size):
    """`(height, width)` from an integer or a pair of them, or `None`."""
    if size is None:
        return None
    whole = isinstance(size, numbers.Integral)
    sides = (size, size) if whole else size
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        expected = "an integer, (height, width) or None"
        raise ValueError(invalid("size", size, expected))
    return tuple(positive_int("size", side) for side in sides)
