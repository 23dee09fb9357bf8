"""Image files of which the header alone is read, and what it tells.

Formats are told by content, never by the file's name. None of Pillow's global
settings is read here or changed.
"""

import contextlib
import io
import math
import os
import pathlib
import re
import typing

import numpy as np
from PIL import ExifTags
from PIL import Image
from PIL import ImageOps
from PIL import UnidentifiedImageError

from keras_attention.internals.arguments import positive_int
from keras_attention.internals.npy import MAGIC
from keras_attention.internals.npy import npy_header

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
# 50 million pixels are 150 MB of RGB, more than any camera in a data set has.
MAX_PIXELS = 50_000_000


class NpyImage:
    """An image in an `.npy` file, checked and not yet read."""

    def __init__(self, stream):
        length = stream.seek(0, io.SEEK_END)
        stream.seek(0)
        shape, self.dtype, _ = npy_header(stream, length)
        if len(shape) not in (2, 3) or 0 in shape:
            raise ValueError(
                f"its shape is {shape}, not (height, width) or (height, "
                "width, channels)"
            )
        self.stream = stream
        self.size = shape[1::-1]  # as Pillow has it
        self.channels = (*shape, 1)[2]

    def values(self):
        """The array `(height, width, channels)`."""
        self.stream.seek(0)
        values = np.lib.format.read_array(self.stream, allow_pickle=False)
        return values.reshape(*self.size[::-1], self.channels)


@contextlib.contextmanager
def opened(kind, source, max_pixels=MAX_PIXELS, name=None):
    """An image of which the header is read and checked, as it is stored.

    A `PIL.Image.Image` or an `NpyImage`; what is raised about it is a
    `ValueError` with its name.
    """
    positive_int("max_pixels", max_pixels)
    is_path = isinstance(source, (str, os.PathLike))
    if name is None:
        name = repr(os.fspath(source)) if is_path else "given as bytes"
    try:
        with contextlib.ExitStack() as stack:
            if is_path:
                stream = stack.enter_context(_open_file(source))
            else:
                stream = io.BytesIO(source)
            magic = stream.read(len(MAGIC))
            stream.seek(0)
            if not magic:
                raise ValueError("it is empty")
            if magic == MAGIC:
                image = NpyImage(stream)
            else:
                image = Image.open(stream, formats=FORMATS)
                stack.enter_context(image)
            width, height = image.size
            if width * height > max_pixels:
                raise ValueError(
                    f"its header says {width} x {height} pixels, more than "
                    f"max_pixels={max_pixels}"
                )
            yield image
    # Decoders fail with whatever a damaged file leads them to: OSError,
    # SyntaxError, struct.error, IndexError, DecompressionBombError ...
    except MemoryError:
        raise
    except Exception as error:
        raise ValueError(
            f"The {kind} {name} cannot be read: {_reason(error)}."
        ) from error


@contextlib.contextmanager
def opened_upright(kind, source, max_pixels, name, factor=None):
    """The same, turned as its EXIF orientation says.

    `factor` tells of the upright `(height, width)` which share of its sides is
    wanted at least: a decoder of JPEG leaves out what is finer than that.
    """
    with opened(kind, source, max_pixels, name) as image:
        share = None if factor is None else factor(_size_of(image))
        if not isinstance(image, NpyImage):
            if share is not None:
                sides = (math.ceil(side * share) for side in image.size)
                # Does nothing to other formats.
                image.draft(None, tuple(sides))
            ImageOps.exif_transpose(image, in_place=True)
        yield image


def size_of(source, name=None):
    """The upright `(height, width)` of an image; of PNG files all is read."""
    with opened("image", source, name=name) as image:
        return _size_of(image)


def _size_of(image):
    if isinstance(image, NpyImage):
        return image.size[::-1]
    return upright(image, image.getexif().get(ExifTags.Base.Orientation, 1))


def upright(image, orientation):
    """`(height, width)` of a picture of a file; 5 to 8 lie on a side."""
    # Of a TIFF file Pillow tells the stored size or, since 11, the upright one.
    tags = getattr(image, "tag_v2", {})
    width = tags.get(ExifTags.Base.ImageWidth, image.width)
    height = tags.get(ExifTags.Base.ImageLength, image.height)
    return (width, height) if orientation > 4 else (height, width)


def _open_file(path):
    path = pathlib.Path(path)
    # Opening a pipe would wait for ever.
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    return path.open("rb")


def _reason(error):
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if isinstance(error, UnidentifiedImageError):
        return f"its content is none of {', '.join(FORMATS)}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).rstrip(".") or type(error).__name__


class Header(typing.NamedTuple):
    """The upright `(height, width)`, and facts such as `"mode RGB"`."""

    size: tuple
    facts: tuple


def read_header(source, kind="image", name=None):
    """Reads the header of an image or a mask.

    Of a PNG file whose orientation stands behind its pixels, which few programs
    write, the size is that before it is turned.
    """
    with opened(kind, source, name=name) as image:
        if isinstance(image, NpyImage):
            facts = ("format NPY", f"mode {image.dtype}")
            return Header(image.size[::-1], facts)
        # Pillow's own for PNG files decodes them, to see what stands behind.
        exif = Image.Image.getexif(image)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        size = upright(image, orientation)
        kinds = {
            f"format {image.format}": True,
            f"mode {image.mode}": True,
            "EXIF-rotated": orientation > 1,
            "animated, or of several pages": _several(image),
            "16-bit": _deep(image),
            "CMYK": image.mode == "CMYK",
            "palette": image.mode in ("P", "PA"),
            "transparent": image.has_transparency_data,
        }
        return Header(size, tuple(name for name in kinds if kinds[name]))


def _several(image):
    # It looks for a second image, and only the first one is ever read.
    with contextlib.suppress(Exception):
        return getattr(image, "is_animated", False)


def _deep(image):
    # Of colour Pillow keeps 8 bits; how they are stored tells. A BMP file
    # of 16 bits a pixel, `BGR;16`, is not meant.
    stored = str(image.tile[0][3]) if image.tile else ""
    return image.mode.startswith("I;16") or bool(re.search(";16[BLN]", stored))
