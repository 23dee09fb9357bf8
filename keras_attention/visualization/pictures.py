"""Images and outlines, checked and ready to draw."""

import contourpy
import numpy as np

from keras_attention.internals import arguments

# Rec. 601, as every grey photograph.
_LUMA = (0.299, 0.587, 0.114)


def drawable(images):
    """Images as RGB in `[0, 1]`.

    Args:
        images: array `(batch, height, width)` or `(batch, height, width,
            channels)`, uint8, or floats in `[0, 1]`. Of more than three
            channels the first three are shown, of two the first.

    Returns:
        `(batch, height, width, 3)`, float32.

    Raises:
        ValueError: For other shapes, types or ranges.

    Example:

    >>> drawable(np.full((1, 2, 2), 255, "uint8"))[0, 0, 0].tolist()
    [1.0, 1.0, 1.0]
    """
    images = arguments.real_array("images", images)
    given = images.shape
    if images.ndim == 3:
        images = images[..., None]
    height, *others = (*images.shape[1:], 0, 0)[:3]
    # Else channels are first.
    first = height <= 4 < min(others)
    if images.ndim != 4 or 0 in images.shape or first:
        hint = ". One image? Pass images[None]." * (len(given) == 2)
        raise ValueError(
            "Invalid value for argument images: expected (batch, height, "
            "width), with a last axis of channels or without one, not empty. "
            f"Received: images of shape {given}{hint}"
        )
    images = images[..., : 1 if images.shape[-1] == 2 else 3]
    if images.dtype == np.uint8:
        images = images.astype("float32") / 255
    elif not np.issubdtype(images.dtype, np.floating):
        raise ValueError(
            "Invalid value for argument images: expected uint8 or floats. "
            f"Received: images of type {images.dtype}"
        )
    if not ((images >= 0) & (images <= 1)).all():
        undo = "undo the model's preprocessing"
        if images.min() >= 0 and 2 < images.max() <= 255:
            undo = "divide by 255, or pass uint8"
        raise ValueError(
            "Invalid value for argument images: expected floats in [0, 1]; "
            f"{undo}. Received: {images.min():.3g} to {images.max():.3g}"
        )
    return np.broadcast_to(images.astype("float32"), (*images.shape[:3], 3))


def pictures_of(images):
    """Images as RGB in `[0, 1]`, also where each has its own size.

    Args:
        images: array, as `drawable` takes it, or a list of arrays `(height,
            width)` or `(height, width, channels)`.

    Returns:
        A list of arrays `(height, width, 3)`, float32.

    Raises:
        ValueError: As `drawable`.

    Example:

    >>> [x.shape for x in pictures_of([np.zeros((4, 6)), np.zeros((6, 4, 3))])]
    [(4, 6, 3), (6, 4, 3)]
    """
    if isinstance(images, (list, tuple)) and len({*map(np.shape, images)}) > 1:
        return [drawable(np.asarray(image)[None])[0] for image in images]
    return [*drawable(images)]


def grey(images):
    """`(batch, height, width, 3)` to `(batch, height, width)`: the luma."""
    return images @ np.asarray(_LUMA, "float32")


def outline_paths(outlines, shape):
    """The closed lines around the objects of every image.

    Args:
        outlines: array, masks `(batch, height, width)` or
            `(batch, height, width, 1)` of the images' size, 1 on the object; or
            boxes `(batch, 4)` or `(batch, boxes, 4)`,
            `(ymin, xmin, ymax, xmax)` as shares of the image. A box of NaN and
            an empty mask have no line.
        shape: tuple `(batch, height, width)` of the images.

    Returns:
        For every image a list of lines `(points, 2)`, x before y, in pixels;
        `(0, 0)` is the centre of the first pixel.

    Raises:
        ValueError: If the outlines are neither.

    Example:

    >>> [[box]] = outline_paths([[0.0, 0.5, 0.5, 1.0]], (1, 8, 8))
    >>> print(box[0], box[2])
    [ 3.5 -0.5] [7.5 3.5]
    """
    outlines = np.asarray(outlines)
    if outlines.shape in (shape, (*shape, 1)):
        masks = np.asarray(outlines, "float32").reshape(shape)
        return [_mask_paths(mask) for mask in masks]
    if outlines.ndim == 2:
        outlines = outlines[:, None]
    is_boxes = outlines.ndim == 3 and outlines.shape[-1] == 4
    if not is_boxes or len(outlines) != shape[0]:
        raise ValueError(
            "Invalid value for argument outlines: expected masks of shape "
            f"{shape}, or boxes of shape ({shape[0]}, boxes, 4). "
            f"Received: outlines of shape {outlines.shape}"
        )
    if (outlines < 0).any() or (outlines > 1).any():
        raise ValueError(
            "Invalid value for argument outlines: expected boxes as shares of "
            "the image, in [0, 1]. Received: "
            f"{np.nanmin(outlines)} to {np.nanmax(outlines)}"
        )
    return [
        [_box_path(box, *shape[1:]) for box in boxes if np.isfinite(box).all()]
        for boxes in outlines
    ]


def lines_of(outlines, sizes):
    """The lines around the objects of images of any sizes.

    Args:
        outlines: array as `outline_paths` takes it, or a list with a mask or
            boxes for each image; or `None`.
        sizes: list of tuple `(height, width)`, of the images.

    Returns:
        For every image a list of lines, as of `outline_paths`.

    Raises:
        ValueError: As `outline_paths`.
    """
    if outlines is None:
        return [[]] * len(sizes)
    if len({*sizes}) == 1:
        return outline_paths(outlines, (len(sizes), *sizes[0]))
    if len(outlines) != len(sizes):
        raise ValueError(
            f"Invalid value for argument outlines: expected {len(sizes)}, one "
            f"an image. Received: {len(outlines)}"
        )
    return [
        outline_paths(np.asarray(one)[None], (1, *size))[0]
        for one, size in zip(outlines, sizes, strict=True)
    ]


def tile_size(sizes):
    """The `(height, width)` of a tile for images of these sizes.

    >>> tile_size([(10, 20)]), tile_size([(10, 20), (20, 10)])
    ((10, 20), (0.75, 0.75))
    """
    if len({*sizes}) == 1:
        return sizes[0]
    shares = [np.divide(size, max(size)) for size in sizes]
    return tuple(np.mean(shares, 0).tolist())


def mask_lines(masks, size):
    """The lines around the objects of masks, in pixels of pictures of a size.

    Args:
        masks: array `(batch, rows, columns)`, 1 on the object.
        size: tuple `(height, width)` of the pictures, whatever the masks' is.

    Returns:
        For every mask a list of lines, as of `outline_paths`.
    """
    ratio = np.array(size[::-1]) / masks.shape[:0:-1]  # x before y
    return [
        [(line + 0.5) * ratio - 0.5 for line in lines]  # of pixels' centres
        for lines in outline_paths(masks, masks.shape)
    ]


def _mask_paths(mask):
    # A border of zeros closes the line of an object that leaves the image.
    padded = np.pad(mask, 1)
    return [
        path - 1 for path in contourpy.contour_generator(z=padded).lines(0.5)
    ]


def _box_path(box, height, width):
    top, left, bottom, right = box * (height, width, height, width) - 0.5
    corners = ((left, top), (right, top), (right, bottom), (left, bottom))
    return np.array((*corners, corners[0]))
