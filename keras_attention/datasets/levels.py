"""From whatever numbers a file has for its pixels to 0 to 255, or 0 and 1."""

import math
import numbers

import numpy as np
from PIL import ExifTags
from PIL import Image

from keras_attention.internals.arguments import invalid

WHITE = 255
BLACK = 0


def check_white(white):
    """`(black, white)` from a number or a pair of them, or `None`."""
    if white is None:
        return None
    pair = white if isinstance(white, (tuple, list)) else (0, white)
    valid = (
        len(pair) == 2
        and all(isinstance(value, numbers.Real) for value in pair)
        and -math.inf < pair[0] < pair[1] < math.inf
    )
    if not valid:
        expected = "a number above 0, or (black, white), the smaller one first"
        raise ValueError(invalid("white", white, expected))
    return tuple(pair)


def to_eight_bits(values, white):
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


def binarise(values, top=255):
    """Turns the values of one mask into 0 and 1 by the rule of `read_mask`."""
    largest = values.max()
    if largest <= 1:
        return (values > 0).astype("uint8")
    if largest < top / 2:
        raise ValueError(
            f"its largest value is {largest}, so it holds neither 0 and 1 nor "
            f"0 to {top}; turn class numbers into 0 and 1 first"
        )
    return (values >= top / 2).astype("uint8")


def deep_grey(image, ground):
    """The values of a picture of more than 8 bits, and its white.

    What is transparent is `ground`, `WHITE` or `BLACK`.
    """
    values = np.array(image)
    tags = getattr(image, "tag_v2", {})
    top = 2 ** tags.get(ExifTags.Base.BitsPerSample, (16,))[0] - 1
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # 0 is white
        values = top - values
    if image.has_transparency_data:
        transparent = values == image.info["transparency"]
        values[transparent] = top if ground else 0
    return values, top


def opaque(image, ground):
    """A picture without its transparency, on a grey level."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    flat = Image.new("RGB", image.size, (ground,) * 3)
    flat.paste(image, mask=image.getchannel("A"))
    return flat


def pixels_of(picture):
    """The values of a picture, `(height, width, channels)`."""
    pixels = np.array(picture)
    return pixels if pixels.ndim == 3 else pixels[..., None]
