"""What the header of an image file tells, without decoding the file."""

import contextlib
import re
import typing

from PIL import ExifTags
from PIL import Image

from keras_attention.datasets.npy import NpyImage
from keras_attention.datasets.opening import opened
from keras_attention.datasets.opening import upright


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
