"""Images, masks, boxes and maps laid out in one size, and back."""

import math

import numpy as np
from PIL import Image

from keras_attention.datasets.images import decoded
from keras_attention.datasets.levels import pixels_of
from keras_attention.datasets.placement import check_size
from keras_attention.datasets.placement import placement
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of
from keras_attention.internals.forms import expect_form

METHODS = ("bilinear", "nearest")
# Less of a box than this share of the image is rounding, not a box.
SLIVER = 1e-6
# A decoder that leaves out detail keeps this many times what is wanted.
SPARE = 3


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
    """Reads an image file straight into a size: its pixels and its own size.

    Of a JPEG file little more is decoded than three times the resolution that
    is left. The result differs from `lay_out(read_image(source), size)` by a
    third of a grey level in the mean over photographs, by 2 in the mean over
    the busiest, and takes a fraction of the time. Options are those of
    `decoded`.
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
        ValueError: for maps of less than two axes, or of other proportions
            than the laid-out image, or an unknown layout or method.

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
    expect_form("maps", maps.shape[-2:], size)
    seen, placed = placement(original_size, size, layout)
    planes = np.moveaxis(maps.reshape(-1, *maps.shape[-2:]), 0, -1)
    rows, columns = seen
    inside = (rows.length, columns.length)
    box = _box(placed, maps.shape[-2:], size)
    inner = _sampled(planes.astype("float32"), box, inside, method)
    inner = np.moveaxis(inner, -1, 0).reshape(*maps.shape[:-2], *inside)
    result = np.full((*maps.shape[:-2], *original_size), np.nan, "float32")
    result[..., rows.slice, columns.slice] = inner
    return result


def _laid_out(image, original_size, size, layout, method):
    """Of an array or a `PIL.Image.Image`, maybe of less resolution."""
    seen, (rows, columns) = placement(original_size, size, layout)
    image, box = _cut(image, _box(seen, _size(image), original_size))
    inner = _sampled(image, box, (rows.length, columns.length), method)
    if inner.shape[:2] == tuple(size):
        return inner
    result = np.zeros((*size, inner.shape[2]), inner.dtype)
    result[rows.slice, columns.slice] = inner
    return result


def _box(spans, size, extents):
    """`(top, left, bottom, right)` of spans of these extents, in a size."""
    starts, ends = np.transpose([(s.start, s.start + s.length) for s in spans])
    return np.concatenate([starts * size / extents, ends * size / extents])


def _cut(image, box):
    """The pixels that a box has a part in, and the box among them."""
    # First: what is outside has no part in what is inside.
    top, left = map(math.floor, box[:2])
    bottom, right = map(math.ceil, box[2:])
    if isinstance(image, np.ndarray):
        image = image[top:bottom, left:right]
    elif (top, left, bottom, right) != (0, 0, *_size(image)):
        image = image.crop((left, top, right, bottom))
    return image, box - (top, left, top, left)


def _size(image):
    is_array = isinstance(image, np.ndarray)
    return image.shape[:2] if is_array else (image.height, image.width)


def _sampled(image, box, size, method):
    """What is in a box, brought to a size; `PIL.Image.Image`s bilinearly."""
    if method == "nearest":
        rows, columns = (
            (start + (np.arange(new) + 0.5) * (end - start) / new).astype(int)
            for start, end, new in zip(box[:2], box[2:], size, strict=True)
        )
        return image[rows[:, None], columns]
    if not isinstance(image, np.ndarray):
        return _resized(image, box, size)
    if (*_size(image), *box) == (*size, 0, 0, *size):
        return np.ascontiguousarray(image)
    if image.dtype == np.uint8 and image.shape[2] == 3:
        return _resized(_picture(image), box, size)
    result = np.empty((*size, image.shape[2]), image.dtype)
    whole = np.issubdtype(image.dtype, np.integer)
    for channel in range(image.shape[2]):
        plane = image[..., channel]
        if image.dtype != np.uint8:
            plane = plane.astype("float32")
        plane = _resized(_picture(plane), box, size)[..., 0]
        result[..., channel] = np.rint(plane) if whole else plane
    return result


def _picture(pixels):
    return Image.fromarray(np.ascontiguousarray(pixels))


def _resized(picture, box, size):
    """Of three bytes a pixel, one byte or one float32; an array."""
    top, left, bottom, right = box
    return pixels_of(
        picture.resize(
            size[::-1], Image.Resampling.BILINEAR, (left, top, right, bottom)
        )
    )
