"""The images and masks of `Examples`, decoded now or when asked for."""

import concurrent.futures
import dataclasses
import os

import numpy as np

from keras_attention.datasets.cache import chosen
from keras_attention.datasets.cache import on_disk
from keras_attention.datasets.images import check_white
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.images import size_of
from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.layout import lay_out_boxes
from keras_attention.datasets.layout import read_laid_out
from keras_attention.datasets.pixels import THREADS
from keras_attention.datasets.pixels import Pixels


@dataclasses.dataclass(frozen=True)
class ReadImage:
    """From a file, a path or its bytes, to the pixels of an image.

    Args:
        size: tuple `(height, width)`.
        layout: str, as for `lay_out`.
        channels: int.
        fixed: bool, whether a file of another size is an error. Defaults to
            `False`.
        white: tuple, from `check_white`. Defaults to `None`.
    """

    size: tuple
    layout: str
    channels: int
    fixed: bool = False
    white: tuple | None = None

    def __call__(self, source):
        """The pixels `(*size, channels)`."""
        return self.with_size(source)[0]

    def with_size(self, source):
        """The pixels, and the file's `(height, width)`."""
        pixels, original = read_laid_out(
            source,
            self.size,
            self.layout,
            self.channels,
            name=_name(source),
            white=self.white,
        )
        self.check(original)
        return pixels, original

    def check(self, original):
        """Raises if an image has another size than it has to have."""
        if self.fixed and original != self.size:
            raise ValueError(
                f"the image is {_by(original)}, the first one "
                f"{_by(self.size)}; pass size to bring them to one"
            )


@dataclasses.dataclass(frozen=True)
class ReadMask:
    """From a mask and the file of its image to 0 and 1.

    Args:
        size: tuple `(height, width)`.
        layout: str, as for `lay_out`.
    """

    size: tuple
    layout: str

    def __call__(self, sources):
        """The mask `(*size, 1)`; zeros where it is not known."""
        mask, image = sources
        if mask is None:
            return np.zeros((*self.size, 1), "uint8")
        return self.of(mask, size_of(image, name=_name(image)))

    def of(self, source, original):
        """The mask of an image of the size `original`."""
        mask = source(original) if callable(source) else read_mask(source)
        if mask.shape[:2] != original:
            raise ValueError(
                f"the mask is {_by(mask.shape)}, the image {_by(original)}"
            )
        return lay_out(mask, self.size, self.layout, "nearest")


def assemble(
    where,
    images,
    masks=None,
    boxes=None,
    *,
    problems,
    size=None,
    layout="stretch",
    channels=3,
    white=None,
    cache="auto",
):
    """The fields of `Examples` that come out of image files.

    Args:
        where: sequence of str, what messages call each image.
        images: sequence of paths, or of files' bytes.
        masks: sequence of masks' paths, or of callables from the image's
            `(height, width)` to a mask; `None` where it is not known. Defaults
            to `None`.
        boxes: sequence of arrays `(objects, 4)`, shares of the originals.
            Defaults to `None`.
        problems: `Problems`, which what cannot be read now is added to.
        size: tuple `(height, width)`; the size of the first image if `None`,
            which all others must then have. Defaults to `None`.
        layout: str, as for `lay_out`. Defaults to `"stretch"`.
        channels: int. Defaults to `3`.
        white: float or tuple, as for `read_image`. Defaults to `None`.
        cache: str or `None`, as for `from_table`. Defaults to `"auto"`.

    Returns:
        A dict.
    """
    read_image = ReadImage(
        size or _first_size(images),
        layout,
        channels,
        size is None,
        check_white(white),
    )
    side = read_image.size[0] * read_image.size[1]
    cache = chosen(cache, len(where), side * (channels + (masks is not None)))
    if cache == "memory":
        before = len(problems)
        fields = decode(
            where,
            images,
            masks,
            boxes,
            problems=problems,
            read_image=read_image,
        )
        if len(problems) > before:
            problems.hint(
                "To leave out what cannot be used of files that are there: "
                "cache=None, then datasets.scan(examples, decode=True, "
                "on_error='skip')"
            )
        return fields
    fields = _defer(where, images, masks, boxes, read_image)
    if cache == "disk":
        # What is found wrong while decoding is not worth decoding all for.
        problems.raise_any()
        for name in ("images", "masks"):
            fields[name] = on_disk(fields[name])
    return fields


def decode(where, images, masks, boxes, *, problems, read_image):
    """Reads and checks every image, with its mask and boxes, in threads.

    Args:
        where: as for `assemble`.
        images: sequence of what `read_image` takes.
        masks: as for `assemble`.
        boxes: as for `assemble`.
        problems: as for `assemble`.
        read_image: `ReadImage`, or what has its `size`, `layout`, `channels`
            and `with_size`.

    Returns:
        A dict with the fields of `Examples` that were made.
    """
    count, size, layout = len(where), read_image.size, read_image.layout
    fields = dict(
        images=np.zeros((count, *size, read_image.channels), "uint8"),
        masks=None if masks is None else np.zeros((count, *size, 1), "uint8"),
        has_mask=_known(masks),
        boxes=None if boxes is None else [None] * count,
        original_sizes=np.zeros((count, 2), "int64"),
        layout=layout,
    )
    read_mask_of = ReadMask(size, layout).of

    def work(index):
        # Each straight into its place: no more than a few originals are in
        # memory at once.
        pixels, original = read_image.with_size(images[index])
        fields["images"][index] = pixels
        fields["original_sizes"][index] = original
        if boxes is not None:
            fields["boxes"][index] = lay_out_boxes(
                boxes[index], original, size, layout
            )
        if masks is not None and masks[index] is not None:
            fields["masks"][index] = read_mask_of(masks[index], original)

    with concurrent.futures.ThreadPoolExecutor(THREADS) as pool:
        tasks = [pool.submit(work, index) for index in range(count)]
        for name, task in zip(where, tasks, strict=True):
            try:
                task.result()
            except ValueError as error:
                problems.add(f"{name}: {error}")
    return fields


def _defer(where, images, masks, boxes, read_image):
    """The same fields, whose pixels are decoded when they are asked for."""
    size, layout = read_image.size, read_image.layout
    if boxes is not None and layout != "stretch":
        # Boxes move with the proportions, which the headers tell.
        boxes = [
            lay_out_boxes(
                found, size_of(image, name=_name(image)), size, layout
            )
            for found, image in zip(boxes, images, strict=True)
        ]
    return dict(
        images=Pixels(read_image, images, where, (*size, read_image.channels)),
        masks=None
        if masks is None
        else Pixels(
            ReadMask(size, layout),
            list(zip(masks, images, strict=True)),
            where,
            (*size, 1),
        ),
        has_mask=_known(masks),
        boxes=boxes,
        layout=layout,
    )


def _known(masks):
    """Where there is a mask; `None` is everywhere."""
    if masks is None or all(mask is not None for mask in masks):
        return None
    return np.array([mask is not None for mask in masks])


def _first_size(images):
    for image in images:
        try:
            return size_of(image)
        except ValueError:
            # Said with its name when its turn comes.
            continue
    return (1, 1)


def _name(source):
    is_path = isinstance(source, (str, os.PathLike))
    return None if is_path else "in the file"


def _by(shape):
    return f"{shape[0]} x {shape[1]}"
