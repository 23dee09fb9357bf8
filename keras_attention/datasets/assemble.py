"""The images and masks of `Examples`, decoded now or when asked for."""

import dataclasses
import os

import numpy as np

from keras_attention.datasets.cache import CACHES
from keras_attention.datasets.cache import chosen
from keras_attention.datasets.cache import on_disk
from keras_attention.datasets.images import read_mask
from keras_attention.datasets.layout import lay_out
from keras_attention.datasets.layout import lay_out_boxes
from keras_attention.datasets.layout import read_laid_out
from keras_attention.datasets.levels import check_white
from keras_attention.datasets.opening import size_of
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.pixels import in_threads
from keras_attention.datasets.placement import LAYOUTS
from keras_attention.datasets.placement import check_size
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_int


@dataclasses.dataclass
class Form:
    """What the images of a set become, and where they are kept; checked."""

    size: int | tuple | None
    layout: str
    channels: int = 3
    white: float | tuple | None = None
    cache: str | None = "memory"

    def __post_init__(self):
        one_of("layout", self.layout, LAYOUTS)
        one_of("cache", self.cache, CACHES)
        positive_int("channels", self.channels)
        self.size = check_size(self.size)
        self.white = check_white(self.white)

    def reader(self, images):
        """What reads them; the first one has their size if none is given."""
        size = self.size or _first_size(images)
        fixed = self.size is None
        return ReadImage(size, self.layout, self.channels, fixed, self.white)


@dataclasses.dataclass(frozen=True)
class ReadImage:
    """From a path or a file's bytes to pixels; `fixed`, of one size only."""

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
        options = dict(name=_name(source), white=self.white)
        pixels, original = read_laid_out(
            source, self.size, self.layout, self.channels, **options
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
    """From a mask and the file of its image to 0 and 1."""

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


def assemble(images, masks=None, boxes=None, *, form, problems):
    """The fields of `Examples` that come out of image files.

    Images are paths or files' bytes, masks paths or callables from the image's
    `(height, width)`, and `None` where they are not known; boxes are shares of
    the originals.
    """
    reader = form.reader(images)
    pixels = reader.size[0] * reader.size[1]
    bytes_each = pixels * (form.channels + (masks is not None))
    cache = chosen(form.cache, len(images), bytes_each)
    if cache == "memory":
        before = len(problems)
        fields = decode(images, masks, boxes, reader, problems)
        if len(problems) > before:
            problems.hint(
                "To leave out what cannot be used of files that are there: "
                "cache=None, then datasets.scan(examples, decode=True, "
                "on_error='skip')"
            )
        return fields
    # What is found wrong while decoding is not worth decoding all for.
    problems.raise_any()
    fields = _defer(images, masks, boxes, reader, problems.places)
    if cache == "disk":
        for name in ("images", "masks"):
            fields[name] = on_disk(fields[name])
    return fields


def decode(images, masks, boxes, reader, problems):
    """Reads and checks every image, with its mask and boxes, in threads."""
    count, size, layout = len(images), reader.size, reader.layout
    fields = dict(
        images=np.zeros((count, *size, reader.channels), "uint8"),
        masks=None if masks is None else np.zeros((count, *size, 1), "uint8"),
        has_mask=_known(masks),
        boxes=None if boxes is None else [None] * count,
        original_sizes=np.zeros((count, 2), "int64"),
        layout=layout,
    )
    mask_reader = ReadMask(size, layout)

    def work(index):
        # Each straight into its place: no more than a few originals are in
        # memory at once.
        if images[index] is None:
            return
        pixels, original = reader.with_size(images[index])
        fields["images"][index] = pixels
        fields["original_sizes"][index] = original
        if boxes is not None:
            fields["boxes"][index] = lay_out_boxes(
                boxes[index], original, size, layout
            )
        if masks is not None and masks[index] is not None:
            fields["masks"][index] = mask_reader.of(masks[index], original)

    def fault(index):
        try:
            work(index)
        except ValueError as error:
            return error

    for row, error in enumerate(in_threads(fault, range(count))):
        if error:
            problems.at(row, error)
    return fields


def _defer(images, masks, boxes, reader, names):
    """The same fields, whose pixels are decoded when they are asked for."""
    size, layout = reader.size, reader.layout
    if boxes is not None and layout != "stretch":
        # Boxes move with the proportions, which the headers tell.
        boxes = [
            lay_out_boxes(
                found, size_of(image, name=_name(image)), size, layout
            )
            for found, image in zip(boxes, images, strict=True)
        ]
    fields = dict(
        images=Pixels(reader, images, names, (*size, reader.channels)),
        masks=None,
        has_mask=_known(masks),
        boxes=boxes,
        layout=layout,
    )
    if masks is not None:
        pairs = list(zip(masks, images, strict=True))
        read = ReadMask(size, layout)
        fields["masks"] = Pixels(read, pairs, names, (*size, 1))
    return fields


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
