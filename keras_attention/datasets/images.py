"""Any image file as the same uint8 pixels, in training and at inference.

Formats are told by content, never by the file's name. Pillow decodes; none of
its global settings is read here or changed.
"""

import contextlib
import io
import math
import numbers
import os
import pathlib

import numpy as np
from PIL import ExifTags
from PIL import Image
from PIL import ImageOps
from PIL import UnidentifiedImageError

from keras_attention.datasets.npy import MAGIC
from keras_attention.datasets.npy import NpyImage
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import positive_int

FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP")
# 50 million pixels are 150 MB of RGB, more than any camera in a data set has.
MAX_PIXELS = 50_000_000
WHITE = 255
BLACK = 0


def read_image(
    source, channels=3, max_pixels=MAX_PIXELS, name=None, white=None
):
    """Decodes one image to 8-bit RGB or grey, or `.npy` of any channels.

    PNG, JPEG, WebP, TIFF, GIF and BMP, whatever the file is called, and arrays
    `(height, width)` or `(height, width, channels)` that `np.save` wrote. What
    a viewer would show upright is upright here: the EXIF orientation is
    applied. Of an animation or a file of several pages the first image is
    taken.

    - 16-bit grey is scaled, `round(v / 257)`, not clipped; 12-bit TIFF
      likewise. Of 16-bit colour Pillow keeps the high byte, at most one level
      away from that.
    - Transparency, in whatever form the file has it, is composited on white:
      it is what viewers and browsers show, and ink on a transparent ground,
      the common case, would vanish on black.
    - CMYK is converted by the plain formula and colour profiles are ignored,
      as other loaders do.
    - Grey is the luma `0.299 R + 0.587 G + 0.114 B`.

    Args:
        source: str or path, or the file's bytes.
        channels: int, 3 for RGB or 1 for grey; of `.npy` files with other
            numbers of channels, theirs. Defaults to `3`.
        max_pixels: int; a file whose header says more is refused before any of
            it is decoded. Defaults to `50_000_000`.
        name: str, what messages call the image; the path if `None`. Defaults to
            `None`.
        white: float, the value that becomes 255 where 0 becomes 0, of grey
            images of 16 or 32 bits and of `.npy` files that are not uint8; or a
            tuple `(black, white)`. What lies outside is clipped. `None` is the
            largest value of 16 bits, and refuses the others. Defaults to
            `None`.

    Returns:
        A uint8 array `(height, width, channels)`.

    Raises:
        ValueError: naming the image and why it cannot be read: no such file,
            empty, no image, truncated, too large, NaN, or of no known white.

    Example:

    >>> buffer = io.BytesIO()
    >>> Image.new("CMYK", (4, 2)).save(buffer, "JPEG")
    >>> read_image(buffer.getvalue()).shape
    (2, 4, 3)
    """
    positive_int("channels", channels)
    white = check_white(white)
    return _pixels(decoded(source, channels, max_pixels, name, white=white))


def decoded(
    source,
    channels=3,
    max_pixels=MAX_PIXELS,
    name=None,
    factor=None,
    white=None,
):
    """As `read_image`; JPEG files, if wanted, at less than full resolution.

    Args:
        source: as for `read_image`.
        channels: as for `read_image`. Defaults to `3`.
        max_pixels: as for `read_image`. Defaults to `50_000_000`.
        name: as for `read_image`. Defaults to `None`.
        factor: callable from the upright `(height, width)` of the file to the
            share of its sides that is wanted at least; a decoder of JPEG
            leaves out what is finer than that, in steps of 2. `None` wants
            all. Defaults to `None`.
        white: tuple, from `check_white`. Defaults to `None`.

    Returns:
        A `PIL.Image.Image` in the mode RGB or L; or an array `(height, width,
        channels)`, for other numbers of channels.

    Raises:
        ValueError: as `read_image`.
    """
    mode = "RGB" if channels == 3 else "L"
    with _opened("image", source, max_pixels, name, factor) as image:
        if isinstance(image, NpyImage):
            alike = {image.channels, channels} == {1, 3}
            if image.channels != channels and not alike:
                raise ValueError(
                    f"it has {image.channels} channels, not {channels}"
                )
            pixels = _to_eight_bits(image.values(), white)
            if not alike:
                return pixels
            grey = image.channels == 1
            image = Image.fromarray(pixels[..., 0] if grey else pixels)
        if channels not in (1, 3):
            raise ValueError(
                f"it is no .npy file, which may have {channels} channels"
            )
        if image.mode.startswith("I;16"):
            values, top = _deep_grey(image)
            pixels = _to_eight_bits(values, white or (0, top))
            image = Image.fromarray(pixels)
        elif image.mode in ("I", "F"):
            image = Image.fromarray(_to_eight_bits(np.array(image), white))
        image = _flat(image, WHITE)
        image.load()
        # It would copy where there is nothing to convert.
        return image if image.mode == mode else image.convert(mode)


def read_mask(source, max_pixels=MAX_PIXELS, name=None):
    """Decodes a mask to 0 and 1.

    - Grey, as from most tools: a file of 0 and 1 is taken as it is, otherwise
      what reaches half the full scale is 1 (soft edges and JPEG noise). A
      file whose largest value lies between is neither, but class numbers or
      a very faint mask, and is refused rather than read as empty.
    - Colour: the largest of the three channels, by the same rule.
    - A colour palette, as VOC has it: every colour but black is 1. A palette
      of greys alone counts as grey.
    - Transparent is background.

    Args:
        source: str or path, or the file's bytes.
        max_pixels: int, as for `read_image`. Defaults to `50_000_000`.
        name: str, what messages call the mask; the path if `None`. Defaults to
            `None`.

    Returns:
        A uint8 array `(height, width, 1)` of 0 and 1.

    Raises:
        ValueError: as `read_image`, and for values that are no mask.

    Example:

    >>> buffer = io.BytesIO()
    >>> Image.new("L", (4, 2), 200).save(buffer, "PNG")
    >>> read_mask(buffer.getvalue())[..., 0].tolist()
    [[1, 1, 1, 1], [1, 1, 1, 1]]
    """
    with _opened("mask", source, max_pixels, name) as image:
        if isinstance(image, NpyImage):
            if image.channels > 1 or image.header.dtype not in ("u1", "?"):
                raise ValueError("it is not (height, width) of uint8 or bool")
            return binarise(image.values())
        if image.mode in ("I", "F"):
            raise ValueError("its pixels have 32 bits and no known white")
        if image.mode.startswith("I;16"):
            return binarise(*_deep_grey(image))[..., None]
        palette = image.mode in ("P", "PA")
        rgb = _pixels(_flat(image, BLACK).convert("RGB"))
        brightest = rgb.max(axis=-1, keepdims=True)
        if palette and np.any(rgb != brightest):
            return (brightest > 0).astype("uint8")
        return binarise(brightest)


def binarise(values, top=255):
    """Turns the values of one mask into 0 and 1 by the rule of `read_mask`.

    Args:
        values: array of numbers or booleans.
        top: number, the value that means "certainly the object". Defaults to
            `255`.

    Returns:
        A uint8 array of 0 and 1 in the shape of `values`.

    Raises:
        ValueError: if the largest value lies between 1 and half of `top`.

    Example:

    >>> binarise(np.array([0, 100, 130, 255], "uint8")).tolist()
    [0, 0, 1, 1]
    >>> binarise(np.array([0, 1], "uint8")).tolist()
    [0, 1]
    """
    largest = values.max()
    if largest <= 1:
        return (values > 0).astype("uint8")
    if largest < top / 2:
        raise ValueError(
            f"its largest value is {largest}, so it holds neither 0 and 1 nor "
            f"0 to {top}; turn class numbers into 0 and 1 first"
        )
    return (values >= top / 2).astype("uint8")


def check_white(white):
    """`(black, white)` from a number or a pair of them, or `None`.

    Raises:
        ValueError: for anything else.

    >>> check_white(4095), check_white((-1000, 400)), check_white(None)
    ((0, 4095), (-1000, 400), None)
    """
    if white is None:
        return None
    pair = white if isinstance(white, (tuple, list)) else (0, white)
    numeric = all(isinstance(value, numbers.Real) for value in pair)
    if (
        len(pair) != 2
        or not numeric
        or not -math.inf < pair[0] < pair[1] < math.inf
    ):
        expected = "a number above 0, or (black, white), the smaller one first"
        raise ValueError(invalid("white", white, expected))
    return tuple(pair)


@contextlib.contextmanager
def opened(kind, source, max_pixels=MAX_PIXELS, name=None):
    """An image of which the header is read and checked, as it is stored.

    Args:
        kind: str, `"image"` or `"mask"`, for messages.
        source: as for `read_image`.
        max_pixels: as for `read_image`. Defaults to `50_000_000`.
        name: as for `read_image`. Defaults to `None`.

    Yields:
        A `PIL.Image.Image`, or an `NpyImage`; what is raised about it is said
        with its name.

    Raises:
        ValueError: as `read_image`.
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
            if not stream.read(1):
                raise ValueError("it is empty")
            stream.seek(0)
            magic = stream.read(len(MAGIC))
            stream.seek(0)
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
def _opened(kind, source, max_pixels, name, factor=None):
    """The same, upright."""
    with opened(kind, source, max_pixels, name) as image:
        share = None if factor is None else factor(_upright(image))
        if not isinstance(image, NpyImage):
            if share is not None:
                sides = (math.ceil(side * share) for side in image.size)
                # Does nothing to other formats.
                image.draft(None, tuple(sides))
            ImageOps.exif_transpose(image, in_place=True)
        yield image


def size_of(source, max_pixels=MAX_PIXELS, name=None):
    """The upright `(height, width)` that the header of an image tells."""
    found = []

    def factor(size):
        found.append(size)
        return 1e-9  # as little as there is

    with _opened("image", source, max_pixels, name, factor):
        return found[0]


def _upright(image):
    """Height and width after the EXIF orientation; 5 to 8 lie on a side."""
    if isinstance(image, NpyImage):
        return image.size[::-1]
    turned = image.getexif().get(ExifTags.Base.Orientation, 1) > 4
    return image.size if turned else image.size[::-1]


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


def _flat(image, ground):
    """The image without its transparency, on a grey level."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    flat = Image.new("RGB", image.size, (ground,) * 3)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def _deep_grey(image):
    """The values of an image of more than 8 bits, and its white."""
    values = np.array(image)
    tags = getattr(image, "tag_v2", {})
    bits = tags.get(258, (16,))[0]  # BitsPerSample
    top = 2**bits - 1
    if tags.get(262) == 0:  # PhotometricInterpretation: 0 is white
        values = top - values
    if image.has_transparency_data:
        values[values == image.info["transparency"]] = top
    return values, top


def _to_eight_bits(values, white):
    """Values from black to white as uint8; those of uint8 are as they are."""
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind not in "iufb":
        raise ValueError(f"its pixels are {values.dtype.name}, no numbers")
    if white is None:
        raise ValueError(
            f"its pixels are {values.dtype.name}, of no known white; pass "
            "white=, or save it with 8 or 16 bits"
        )
    black, white = white
    if np.isnan(values).any():
        raise ValueError("a pixel is NaN")
    shares = (values.astype("float64") - black) * (255 / (white - black))
    return np.rint(shares.clip(0, 255)).astype("uint8")


def _pixels(image):
    pixels = np.array(image)
    return pixels if pixels.ndim == 3 else pixels[..., None]
