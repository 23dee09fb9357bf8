"""From an image of any shape to the shape of a batch, and back.

A layout is a rectangle of the original that is *seen* and a rectangle of the
result where it is *placed*, both in whole pixels, so that images, masks, boxes
and attention maps all move by the same two numbers an axis.

    stretch   all of it is seen, and fills the result: proportions change
    pad       all of it is seen, centred; the rest is zeros
    crop      the centre is seen, and fills the result
"""

import numbers
import typing

import numpy as np
from PIL import Image

from keras_attention.datasets.images import decoded
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_int

LAYOUTS = ("stretch", "pad", "crop")
METHODS = ("bilinear", "nearest")
# Less of a box than this share of the image is rounding, not a box.
SLIVER = 1e-6
# A decoder that leaves out detail keeps this many times what is wanted.
SPARE = 3


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
    """Which rectangle of an image goes where.

    Args:
        original_size: tuple `(height, width)` of the image.
        size: tuple `(height, width)` of the result.
        layout: str, `"stretch"`, `"pad"` or `"crop"`.

    Returns:
        A `Placement`.

    Raises:
        ValueError: for an unknown layout.

    Example:

    >>> seen, placed = placement((20, 40), (10, 10), "pad")
    >>> [tuple(span) for span in seen], [tuple(span) for span in placed]
    ([(0, 20), (0, 40)], [(2, 5), (0, 10)])
    """
    one_of("layout", layout, LAYOUTS)
    whole = _centred(original_size, original_size)
    filled = _centred(size, size)
    if layout == "stretch":
        return Placement(whole, filled)
    ratios = [new / old for new, old in zip(size, original_size, strict=True)]
    if layout == "pad":
        fitting = [old * min(ratios) for old in original_size]
        return Placement(whole, _centred(fitting, size))
    fitting = [new / max(ratios) for new in size]
    return Placement(_centred(fitting, original_size), filled)


def lay_out(image, size, layout="stretch", method="bilinear"):
    """Lays an image or a mask out in a given size.

    Args:
        image: array `(height, width, channels)`, any real dtype.
        size: tuple `(height, width)` of the result.
        layout: str, `"stretch"`; `"pad"`: the longer side fits and zeros are
            around; `"crop"`: the shorter side fits and the rest is cut off,
            evenly on both sides. Defaults to `"stretch"`.
        method: str, `"bilinear"`, with antialiasing, for images; `"nearest"`
            for masks. Defaults to `"bilinear"`.

    Returns:
        An array `(*size, channels)` of the dtype of `image`; integers are
        rounded.

    Raises:
        ValueError: for an unknown layout or method.

    Example:

    >>> image = np.full((20, 40, 3), 255, "uint8")
    >>> lay_out(image, (4, 4), "pad")[:, 0, 0].tolist()
    [0, 255, 255, 0]
    """
    one_of("method", method, METHODS)
    return _laid_out(image, image.shape[:2], size, layout, method)


def read_laid_out(source, size, layout="stretch", channels=3, **options):
    """Reads an image file straight into a given size.

    Of a JPEG file little more is decoded than three times the resolution that
    is left. The result differs from `lay_out(read_image(source), size)` by a
    third of a grey level in the mean over photographs, by 2 in the mean over
    the busiest, and takes a fraction of the time.

    Args:
        source: as for `read_image`.
        size: tuple `(height, width)` of the result.
        layout: str, as for `lay_out`. Defaults to `"stretch"`.
        channels: int, as for `read_image`. Defaults to `3`.
        **options: `max_pixels` and `name`, as for `read_image`, and `white`, a
            pair from `check_white`.

    Returns:
        `(pixels, original_size)`: uint8 `(*size, channels)`, and the upright
        `(height, width)` of the file.

    Raises:
        ValueError: as `read_image`.
    """
    original = []

    def factor(original_size):
        original.append(original_size)
        spans = zip(*placement(original_size, size, layout), strict=True)
        return SPARE * max(to.length / of.length for of, to in spans)

    image = decoded(source, channels, factor=factor, **options)
    return _laid_out(image, *original, size, layout, "bilinear"), *original


def lay_out_boxes(boxes, original_size, size, layout="stretch"):
    """Moves boxes along with their image.

    Boxes are cut at the border of what is seen; a box of which nothing is
    left is dropped, so the result may have fewer rows.

    Args:
        boxes: array `(objects, 4)`, `(ymin, xmin, ymax, xmax)` as shares of the
            original.
        original_size: tuple `(height, width)` of the original.
        size: tuple `(height, width)` of the result.
        layout: str, as for `lay_out`. Defaults to `"stretch"`.

    Returns:
        A float32 array `(left objects, 4)`, shares of the result.

    Example:

    >>> boxes = np.array([[0.0, 0.25, 1.0, 0.75], [0.0, 0.0, 1.0, 0.1]])
    >>> lay_out_boxes(boxes, (10, 20), (8, 8), "crop").tolist()
    [[0.0, 0.0, 1.0, 1.0]]
    """
    seen, placed = placement(original_size, size, layout)
    moved = np.array(boxes, "float64").reshape(-1, 2, 2)  # (n, corner, axis)
    for axis in range(2):
        pixels = moved[..., axis] * original_size[axis] - seen[axis].start
        pixels *= placed[axis].length / seen[axis].length
        moved[..., axis] = (pixels + placed[axis].start) / size[axis]
    moved = np.clip(moved, 0, 1)
    left = np.all(moved[:, 1] - moved[:, 0] > SLIVER, axis=1)
    return moved[left].reshape(-1, 4).astype("float32")


def to_original(
    maps, original_size, layout="stretch", size=None, method="bilinear"
):
    """Brings attention maps or masks back to the pixels of the original.

    A map may be coarser than the image it is about: 14 x 14 weights of a
    224 x 224 image cover all of it, padding included. Values are
    interpolated, so weights that summed to 1 no longer do.

    Args:
        maps: array `(..., rows, columns)`; a mask without its channel axis.
        original_size: tuple `(height, width)` of the image before the layout.
        layout: str, as for `lay_out`. Defaults to `"stretch"`.
        size: tuple `(height, width)` of the laid-out image; the shape of the
            maps if `None`. Defaults to `None`.
        method: str, `"bilinear"`, with antialiasing, or `"nearest"` for masks.
            Defaults to `"bilinear"`.

    Returns:
        A float32 array `(..., *original_size)`. What `"crop"` cut off is NaN,
        not 0: nobody looked there, so nothing is known of it.

    Raises:
        ValueError: for maps of less than two axes, or an unknown layout or
            method.

    Example:

    >>> image = np.eye(4, dtype="uint8")[..., None]
    >>> laid_out = lay_out(image, (8, 8), "stretch", "nearest")
    >>> back = to_original(laid_out[..., 0], (4, 4), method="nearest")
    >>> bool(np.all(back == np.eye(4)))
    True
    """
    one_of("method", method, METHODS)
    maps = np.asarray(maps)
    if maps.ndim < 2 or 0 in maps.shape[-2:]:
        raise ValueError(invalid("maps", maps.shape, "(..., rows, columns)"))
    size = maps.shape[-2:] if size is None else check_size(size)
    seen, placed = placement(original_size, size, layout)
    rows, columns = (
        _samples(maps.shape[axis - 2], size[axis], placed[axis], seen[axis])
        for axis in range(2)
    )
    if method == "nearest":
        inner = maps[..., rows.nearest[:, None], columns.nearest]
    else:
        inner = rows.matrix @ maps.astype("float32") @ columns.matrix.T
    result = np.full((*maps.shape[:-2], *original_size), np.nan, "float32")
    result[..., seen[0].slice, seen[1].slice] = inner
    return result


def check_size(size):
    """`(height, width)` from an integer or a pair of them, or `None`.

    Raises:
        ValueError: for anything else.

    Example:

    >>> check_size(8), check_size((4, 6)), check_size(None)
    ((8, 8), (4, 6), None)
    """
    if size is None:
        return None
    whole = isinstance(size, numbers.Integral)
    sides = (size, size) if whole else size
    if not isinstance(sides, (tuple, list)) or len(sides) != 2:
        expected = "an integer, (height, width) or None"
        raise ValueError(invalid("size", size, expected))
    return tuple(positive_int("size", side) for side in sides)


def _centred(lengths, extents):
    """Spans of about these lengths in the middle of these extents."""
    spans = []
    for length, extent in zip(lengths, extents, strict=True):
        length = int(min(max(1, round(length)), extent))
        spans.append(Span(int(extent - length) // 2, length))
    return tuple(spans)


def _laid_out(image, original_size, size, layout, method):
    """Of an array or a `PIL.Image.Image`, maybe of less resolution."""
    seen, (rows, columns) = placement(original_size, size, layout)
    is_array = isinstance(image, np.ndarray)
    there = image.shape[:2] if is_array else (image.height, image.width)
    scale = np.divide(there, original_size)
    starts = scale * [span.start for span in seen]
    ends = starts + scale * [span.length for span in seen]
    (top, left), (bottom, right) = (
        np.floor(starts).astype(int).tolist(),
        np.ceil(ends).astype(int).tolist(),
    )
    # Cut first: what is outside has no part in what is inside.
    if is_array:
        image = image[top:bottom, left:right]
    elif (top, left, bottom, right) != (0, 0, *there):
        image = image.crop((left, top, right, bottom))
    box = (*(starts - (top, left)), *(ends - (top, left)))
    inner = (rows.length, columns.length)
    placed = (_nearest if method == "nearest" else _bilinear)(image, inner, box)
    if inner == tuple(size):
        return placed
    result = np.zeros((*size, placed.shape[2]), placed.dtype)
    result[rows.slice, columns.slice] = placed
    return result


def _nearest(image, size, box):
    """The pixels of an array in a box `(top, left, bottom, right)`."""
    rows, columns = (
        (start + (np.arange(new) + 0.5) * (end - start) / new).astype(int)
        for start, end, new in zip(box[:2], box[2:], size, strict=True)
    )
    return image[rows[:, None], columns]


def _bilinear(image, size, box):
    """The same, antialiased, of an array or a `PIL.Image.Image`."""
    if not isinstance(image, np.ndarray):
        return _resized(image, size, box)
    if image.shape[:2] == size:
        return np.ascontiguousarray(image)
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return _resized(_picture(image), size, box)
    resized = np.empty((*size, image.shape[2]), image.dtype)
    whole = np.issubdtype(image.dtype, np.integer)
    for channel in range(image.shape[2]):
        plane = image[..., channel]
        if image.dtype != np.uint8:
            plane = plane.astype("float32")
        plane = _resized(_picture(plane), size, box)
        resized[..., channel] = (np.rint(plane) if whole else plane)[..., 0]
    return resized


def _picture(pixels):
    return Image.fromarray(np.ascontiguousarray(pixels))


def _resized(picture, size, box):
    """Of three bytes a pixel, one byte or one float32; an array."""
    top, left, bottom, right = box
    if (picture.height, picture.width) != size:
        picture = picture.resize(
            size[::-1], Image.Resampling.BILINEAR, (left, top, right, bottom)
        )
    pixels = np.array(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]


class _Samples(typing.NamedTuple):
    """Which of a map's samples along one axis the seen pixels take."""

    nearest: np.ndarray
    matrix: np.ndarray


def _samples(count, extent, placed, seen):
    step = placed.length / seen.length / extent * count
    start = placed.start / extent * count
    centres = start + (np.arange(seen.length) + 0.5) * step
    # Hats, as wide as a step where that is more than a sample.
    distances = np.abs(np.arange(count) + 0.5 - centres[:, None])
    weights = np.maximum(0.0, 1.0 - distances / max(step, 1.0))
    matrix = weights / weights.sum(axis=1, keepdims=True)
    return _Samples(centres.astype(int), matrix.astype("float32"))
