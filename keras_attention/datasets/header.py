"""What the header of an image file tells, without decoding the file."""

import contextlib
import re
import typing

from PIL import ExifTags
from PIL import Image

from keras_attention.datasets.images import opened
from keras_attention.datasets.npy import NpyImage


class Header(typing.NamedTuple):
    """What is known of an image before it is decoded.

    Args:
        size: tuple, the upright `(height, width)`.
        facts: tuple of str, such as `"format JPEG"`, `"mode RGB"` and
            `"EXIF-rotated"`.
    """

    size: tuple
    facts: tuple


def read_header(source, kind="image", name=None):
    """Reads the header of an image or a mask.

    Args:
        source: str or path, or the file's bytes.
        kind: str, `"image"` or `"mask"`, for messages. Defaults to `"image"`.
        name: str, as for `read_image`. Defaults to `None`.

    Returns:
        A `Header`. Of a PNG file whose orientation stands behind its pixels,
        which few programs write, the size is that before it is turned.

    Raises:
        ValueError: as `read_image`.
    """
    with opened(kind, source, name=name) as image:
        if isinstance(image, NpyImage):
            facts = ("format NPY", f"mode {image.header.dtype}")
            return Header(image.size[::-1], facts)
        # Pillow's own for PNG files decodes them, to see what stands behind.
        exif = Image.Image.getexif(image)
        orientation = exif.get(ExifTags.Base.Orientation, 1)
        size = image.size if orientation > 4 else image.size[::-1]
        kinds = {
            "EXIF-rotated": orientation > 1,
            "animated, or of several pages": _several(image),
            "16-bit": _deep(image),
            "CMYK": image.mode == "CMYK",
            "palette": image.mode in ("P", "PA"),
            "transparent": image.has_transparency_data,
        }
        facts = (fact for fact, is_so in kinds.items() if is_so)
        return Header(
            size, (f"format {image.format}", f"mode {image.mode}", *facts)
        )


def _several(image):
    # It looks for a second image, and only the first one is ever read.
    with contextlib.suppress(Exception):
        return getattr(image, "is_animated", False)


def _deep(image):
    # Of colour Pillow keeps 8 bits; how they are stored tells. A BMP file
    # of 16 bits a pixel, `BGR;16`, is not meant.
    stored = str(image.tile[0][3]) if image.tile else ""
    return image.mode.startswith("I;16") or bool(re.search(";16[BLN]", stored))
