"""The images and masks of `Examples`, decoded now or when asked for."""

import dataclasses
import math
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
    size, layout, names = reader.size, reader.layout, problems.places
    pixels = {"images": Pixels(reader, images, names, (*size, reader.channels))}
    if masks is not None:
        pairs = list(zip(masks, images, strict=True))
        read = ReadMask(size, layout)
        pixels["masks"] = Pixels(read, pairs, names, (*size, 1))
        there = np.array([mask is not None for mask in masks])
        known["has_mask"] = None if there.all() else there
    bytes_each = sum(math.prod(kind.shape[1:]) for kind in pixels.values())
    cache = chosen(cache, len(images), bytes_each)
    if cache == "memory":
        before = len(problems)
        known |= _decoded(pixels, boxes, problems)
        if len(problems) > before and reader.advice:
            problems.hint(reader.advice)
    # What is found wrong while decoding is not worth decoding all for.
    problems.raise_any()
    if cache == "disk":
        pixels = {name: on_disk(kind) for name, kind in pixels.items()}
    if cache != "memory":
        known |= dict(pixels, boxes=boxes)
        if boxes is not None and layout != "stretch":
            # Boxes move with the proportions, which the headers tell.
            known["boxes"] = [
                lay_out_boxes(found, reader.original_size(file), size, layout)
                for found, file in zip(boxes, images, strict=True)
            ]
    return Examples(**known, layout=layout)


def _decoded(pixels, boxes, problems):
    """Every image, read and checked with its mask and boxes, in threads."""
    images, masks = pixels["images"], pixels.get("masks")
    reader, count = images.read, len(images)
    fields = {
        name: np.zeros(kind.shape, "uint8") for name, kind in pixels.items()
    }
    fields["original_sizes"] = np.zeros((count, 2), "int64")
    fields["boxes"] = None if boxes is None else [None] * count

    def work(index):
        # Each straight into its place: no more than a few originals are in
        # memory at once.
        if images.sources[index] is None:
            return
        image, original = reader.with_size(images.sources[index])
        fields["images"][index] = image
        fields["original_sizes"][index] = original
        if boxes is not None:
            fields["boxes"][index] = lay_out_boxes(
                boxes[index], original, reader.size, reader.layout
            )
        if masks is not None and masks.sources[index][0] is not None:
            mask = masks.read.of(masks.sources[index][0], original)
            fields["masks"][index] = mask

    def fault(index):
        try:
            work(index)
        except ValueError as error:
            return error

    for row, error in enumerate(in_threads(fault, range(count))):
        if error:
            problems.at(row, error)
    return fields


def _name(source):
    is_path = isinstance(source, (str, os.PathLike))
    return None if is_path else "in the file"


def _by(shape):
    return f"{shape[0]} x {shape[1]}"
