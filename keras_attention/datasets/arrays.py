"""Examples from arrays in memory."""

import functools

import numpy as np

from keras_attention.datasets.array_labels import check_labels
from keras_attention.datasets.array_labels import check_numbers
from keras_attention.datasets.array_labels import measurements
from keras_attention.datasets.assemble import ReadImage
from keras_attention.datasets.assemble import assemble
from keras_attention.datasets.boxes import check_boxes
from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.levels import binarise
from keras_attention.datasets.problems import Problems
from keras_attention.internals.arguments import boolean
from keras_attention.internals.arguments import invalid


def from_arrays(
    images,
    labels,
    class_names=None,
    masks=None,
    boxes=None,
    groups=None,
    names=None,
    size=None,
    layout="stretch",
    one_hot=False,
    weights=None,
    regression=False,
):
    """Makes `Examples` of arrays in memory, and checks every one of them.

    Args:
        images: array `(count, height, width, channels)` or, grey,
            `(count, height, width)`, or a list of such images, which may then
            differ in size; any number of channels; uint8, or floats in [0, 1].
        labels: array `(count,)` or `(count, 1)`: indices of classes, or their
            names; or, multi-label, `(count, classes)` of 0 and 1, or lists of
            names.
        class_names: sequence of str; `None` takes the numbers from 0 to the
            largest index or to the number of columns, or the names that occur,
            sorted. Defaults to `None`.
        masks: sequence of arrays `(height, width)` or `(height, width, 1)`,
            booleans or numbers, made 0 and 1 as by `read_mask` (floats at 0.5);
            `None` in place of one that is not known. A mask of zeros is known:
            the object is not there. Defaults to `None`.
        boxes: sequence of arrays `(objects, 4)`, `(ymin, xmin, ymax, xmax)` as
            shares of the image; `(0, 4)` where there are none. Defaults to
            `None`.
        groups: sequence of what must stay together, such as patients. Defaults
            to `None`.
        names: sequence of str, what messages call each image; `None` numbers
            them. Defaults to `None`.
        size: int or tuple `(height, width)` the images are brought to; `None`
            if they have one size already. Defaults to `None`.
        layout: str, `"stretch"`, `"pad"` or `"crop"`; see `lay_out`.
            Defaults to `"stretch"`.
        one_hot: bool, whether `labels` of rank 2 hold one 1 a row and mean one
            class an image. Never guessed: rank 2 is multi-label otherwise.
            Defaults to `False`.
        weights: array `(count,)`, how much each image counts in a loss, at
            least 0. Defaults to `None`.
        regression: bool, whether `labels` are numbers to predict, `(count,)` or
            `(count, targets)`, and no classes. Defaults to `False`.

    Returns:
        An `Examples`.

    Raises:
        ValueError: for whatever is wrong, naming the first five images and
            counting the rest: labels that are missing, fractional or out of
            range; pixels that are NaN or out of range; masks of another size
            than their image; boxes in the wrong order, of no area, outside
            the image or NaN; groups missing; lengths that differ.

    Example:

    >>> images = np.zeros((3, 8, 8), "uint8")
    >>> from_arrays(images, ["cat", "dog", "cat"])
    Examples(3 images 8x8x1, 2 classes)
    >>> from_arrays(images, [0, 1, -1])
    Traceback (most recent call last):
    ...
    keras_attention.datasets.problems.DataError: The arrays: 1 problem
      image 2: the label -1 is negative
    """
    count = len(images)
    if count == 0:
        raise ValueError(invalid("images", count, "at least one image"))
    reader = _ReadArray(size, layout, _channels(images))
    per_image = dict(
        labels=labels,
        masks=masks,
        boxes=boxes,
        groups=groups,
        names=names,
        weights=weights,
    )
    for name, values in per_image.items():
        if values is not None and len(values) != count:
            expected = f"one entry for each of {count} images"
            raise ValueError(invalid(f"len({name})", len(values), expected))
    if names is None:
        names = [f"image {index}" for index in range(count)]
    names = tuple(map(str, names))
    problems = Problems("The arrays", names)
    if boolean("regression", regression):
        if class_names is not None or one_hot:
            expected = "False beside class_names or one_hot"
            raise ValueError(invalid("regression", regression, expected))
        labels, class_names = check_numbers(labels, problems)
    else:
        labels, class_names = check_labels(
            labels, problems, class_names, one_hot
        )
    if weights is not None:
        weights = measurements(weights, problems, "weight", least=0)
    if boxes is not None:
        boxes = check_boxes(boxes, problems)
    if masks is not None:
        masks = [m if m is None else functools.partial(_mask, m) for m in masks]
    if groups is not None:
        groups = _check_groups(groups, problems)
    known = dict(labels=labels, class_names=class_names, names=names)
    known |= dict(groups=groups, weights=weights)
    return assemble(images, masks, boxes, reader, "memory", problems, **known)


def _check_groups(groups, problems):
    """One known group an image, as an array."""
    if any(map(np.ndim, groups)):
        expected = "a word or a number for each image"
        raise ValueError(invalid("groups", groups, expected))
    groups = np.asarray(groups)
    for row, group in enumerate(groups.tolist()):
        if group is None or group != group or group == "":
            problems.at(row, f"the group is missing ({group!r})")
    return groups


def _channels(images):
    shape = np.shape(images[0])
    expected = "grey (height, width) or (height, width, channels) each"
    if len(shape) not in (2, 3):
        raise ValueError(invalid("images", shape, expected))
    if len(shape) == 3 and shape[0] <= 4 < min(shape[1:]):
        expected += "; np.moveaxis(images, 1, -1) if channels are first"
        raise ValueError(invalid("images", shape, expected))
    return shape[2] if len(shape) == 3 else 1


class _ReadArray(ReadImage):
    """From an array to the pixels of an image."""

    advice = None

    def original_size(self, source):
        return np.shape(source)[:2]

    def with_size(self, source):
        image = _image(source, self.channels)
        original = image.shape[:2]
        self.check(original)
        return lay_out(image, self.size, self.layout), original


def _image(image, channels):
    image = np.asarray(image)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[2] != channels:
        raise ValueError(
            f"the image has shape {image.shape}, the first one "
            f"{channels} channel{'s' * (channels > 1)}"
        )
    if 0 in image.shape:
        raise ValueError(f"the image is empty: its shape is {image.shape}")
    if image.dtype == np.uint8:
        return image
    if image.dtype.kind != "f":
        raise ValueError(
            f"the pixels are {image.dtype.name}; pass uint8, or floats in "
            "[0, 1]"
        )
    if not np.all(np.isfinite(image)):
        raise ValueError("a pixel is NaN or infinite")
    low, high = float(image.min()), float(image.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"the pixels are floats from {low:g} to {high:g}, not in [0, 1]"
        )
    return np.rint(image.astype("float32") * 255).astype("uint8")


def _mask(mask, size):
    mask = np.asarray(mask)
    if mask.ndim == 2:
        mask = mask[..., None]
    if mask.ndim != 3 or mask.shape[2] != 1 or 0 in mask.shape:
        raise ValueError(
            f"the mask has shape {mask.shape}, not (height, width) or "
            "(height, width, 1)"
        )
    if mask.dtype.kind == "f":
        # Also refuses NaN, which is in no range.
        if not (mask.min() >= 0 and mask.max() <= 1):
            raise ValueError("the mask has floats outside [0, 1]")
        return (mask >= 0.5).astype("uint8")
    if mask.dtype.kind not in "biu" or mask.min() < 0:
        raise ValueError("the mask has values that are neither 0 nor above")
    top = 255 if mask.max() <= 255 else 65535
    try:
        return binarise(mask, top)
    except ValueError as error:
        raise ValueError(f"the mask is refused: {error}") from error
