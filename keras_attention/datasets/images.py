"""Any image file as the same uint8 pixels, in training and at inference."""

import numpy as np
from PIL import Image

from keras_attention.datasets.levels import BLACK
from keras_attention.datasets.levels import WHITE
from keras_attention.datasets.levels import binarise
from keras_attention.datasets.levels import check_white
from keras_attention.datasets.levels import deep_grey
from keras_attention.datasets.levels import opaque
from keras_attention.datasets.levels import pixels_of
from keras_attention.datasets.levels import to_eight_bits
from keras_attention.datasets.opening import MAX_PIXELS
from keras_attention.datasets.opening import NpyImage
from keras_attention.datasets.opening import opened_upright
from keras_attention.internals.arguments import positive_int


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

    >>> import io
    >>> buffer = io.BytesIO()
    >>> Image.new("CMYK", (4, 2)).save(buffer, "JPEG")
    >>> read_image(buffer.getvalue()).shape
    (2, 4, 3)
    """
    positive_int("channels", channels)
    white = check_white(white)
    return pixels_of(decoded(source, channels, max_pixels, name, white=white))


def decoded(
    source,
    channels=3,
    max_pixels=MAX_PIXELS,
    name=None,
    factor=None,
    white=None,
):
    """As `read_image`, but a picture in the mode RGB or L where it has one.

    With other numbers of channels it is an array. `factor` is as for
    `opened_upright`, `white` from `check_white`.
    """
    mode = "RGB" if channels == 3 else "L"
    with opened_upright("image", source, max_pixels, name, factor) as image:
        if isinstance(image, NpyImage):
            alike = {image.channels, channels} == {1, 3}
            if image.channels != channels and not alike:
                raise ValueError(
                    f"it has {image.channels} channels, not {channels}"
                )
            pixels = to_eight_bits(image.values(), white)
            if not alike:
                return pixels
            grey = image.channels == 1
            image = Image.fromarray(pixels[..., 0] if grey else pixels)
        if channels not in (1, 3):
            raise ValueError(
                f"it is no .npy file, which may have {channels} channels"
            )
        if image.mode.startswith("I;16"):
            values, top = deep_grey(image, WHITE)
            image = Image.fromarray(to_eight_bits(values, white or (0, top)))
        elif image.mode in ("I", "F"):
            image = Image.fromarray(to_eight_bits(np.array(image), white))
        image = opaque(image, WHITE)
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

    >>> import io
    >>> buffer = io.BytesIO()
    >>> Image.new("L", (4, 2), 200).save(buffer, "PNG")
    >>> read_mask(buffer.getvalue())[..., 0].tolist()
    [[1, 1, 1, 1], [1, 1, 1, 1]]
    """
    with opened_upright("mask", source, max_pixels, name) as image:
        if isinstance(image, NpyImage):
            if image.channels > 1 or image.dtype not in ("u1", "?"):
                raise ValueError("it is not (height, width) of uint8 or bool")
            return binarise(image.values())
        if image.mode in ("I", "F"):
            raise ValueError("its pixels have 32 bits and no known white")
        if image.mode.startswith("I;16"):
            return binarise(*deep_grey(image, BLACK))[..., None]
        palette = image.mode in ("P", "PA")
        rgb = pixels_of(opaque(image, BLACK).convert("RGB"))
        brightest = rgb.max(axis=-1, keepdims=True)
        if palette and np.any(rgb != brightest):
            return (brightest > 0).astype("uint8")
        return binarise(brightest)
