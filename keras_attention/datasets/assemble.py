"""The images and masks of `Examples`, decoded now or when asked for."""

import dataclasses
import os
import typing

import numpy as np

from keras_attention.datasets.cache import chosen
from keras_attention.datasets.cache import on_disk
from keras_attention.datasets.examples import Examples
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
class ReadImage:
    """From a path or a file's bytes to pixels; `fixed`, of one size only."""

    size: int | tuple | None
    layout: str
    channels: int = 3
    fixed: bool = False
    white: float | tuple | None = None

    advice: typing.ClassVar = (
        "To leave out what cannot be used of files that are there: cache=None, "
        "then datasets.scan(examples, decode=True, on_error='skip')"
    )

    def __post_init__(self):
        one_of("layout", self.layout, LAYOUTS)
        positive_int("channels", self.channels)
        self.size = check_size(self.size)
        self.white = check_white(self.white)

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

    def original_size(self, source):
        """The file's `(height, width)` alone."""
        return size_of(source, name=_name(source))

    def check(self, original):
        """Raises if an image has another size than it has to have."""
        if self.fixed and original != self.size:
            raise ValueError(
                f"the image is {_by(original)}, the first one "
                f"{_by(self.size)}; pass size to bring them to one"
            )

    def sized(self, images):
        """The same; without a size, that of the first image is everyone's."""
        for image in images if self.size is None else ():
            try:
                size = self.original_size(image)
            except ValueError:
                # Said with its name when its turn comes.
                continue
            return dataclasses.replace(self, size=size, fixed=True)
        return dataclasses.replace(self, size=self.size or (1, 1))


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


def assemble(images, masks, boxes, reader, cache, problems, **known):
    """The `Examples` of images, or a `DataError` of all that is wrong.

    Images are what `reader` takes, masks paths or callables from the image's
    `(height, width)`, and `None` where they are not known; boxes are shares of
    the originals. `known` are the fields that come out of nothing of these.
    """
    reader = reader.sized(images)
    pixels = reader.size[0] * reader.size[1]
    bytes_each = pixels * (reader.channels + (masks is not None))
    cache = chosen(cache, len(images), bytes_each)
    if cache == "memory":
        before = len(problems)
        fields = _decode(images, masks, boxes, reader, problems)
        if len(problems) > before and reader.advice:
            problems.hint(reader.advice)
    # What is found wrong while decoding is not worth decoding all for.
    problems.raise_any()
    if cache != "memory":
        fields = _defer(images, masks, boxes, reader, problems.places)
    if cache == "disk":
        for name in ("images", "masks"):
            fields[name] = on_disk(fields[name])
    return Examples(**known, **fields)


def _decode(images, masks, boxes, reader, problems):
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


def _name(source):
    is_path = isinstance(source, (str, os.PathLike))
    return None if is_path else "in the file"


def _by(shape):
    return f"{shape[0]} x {shape[1]}"
