"""A map over its image, in pixels."""

import matplotlib
import numpy as np
from PIL import Image
from PIL import ImageDraw

from keras_attention.visualization.pictures import grey

COLORMAP = "magma"
# Seen on grey and on every colour of the map.
OUTLINE = "#35f0e6"
# Little attention lets the image through, much shows the colour of the bar.
OPACITY = (0.45, 0.85)
# Black in the image stays apart from no attention.
DARKEST = 0.2


def overlaid(pictures, values, high):
    """Maps, smoothly enlarged, over grey images.

    Args:
        pictures: array `(batch, height, width, 3)` in `[0, 1]`.
        values: array `(batch, rows, columns)`. What is not finite has no
            colour.
        high: float, what the brightest colour stands for; 0 is the darkest.

    Returns:
        `(batch, height, width, 3)` in `[0, 1]`, float32.

    Example: no attention leaves the picture dark, much makes it bright.

    >>> seen = overlaid(np.ones((1, 4, 8, 3)), np.array([[[0.0, 1.0]]]), 1.0)
    >>> seen.shape, bool(seen[0, 0, 0].mean() < seen[0, 0, -1].mean())
    ((1, 4, 8, 3), True)
    """
    colours = matplotlib.colormaps[COLORMAP]
    base = DARKEST + (1 - DARKEST) * grey(pictures)
    seen = np.repeat(base[..., None], 3, -1).astype("float32")
    for picture, value in zip(seen, values, strict=True):
        known = np.isfinite(value)
        size = picture.shape[:2]
        large = enlarged(np.where(known, value, 0.0), size) / high
        opacity = np.interp(large, (0, 1), OPACITY)
        opacity = (opacity * (enlarged(known, size) > 0.5))[..., None]
        colour = colours(large.clip(0, 1))[..., :3]
        picture[:] = picture * (1 - opacity) + colour * opacity
    return seen


def enlarged(values, size):
    """`(rows, columns)` to `size`, bicubic."""
    image = Image.fromarray(np.asarray(values, "float32"))
    return np.asarray(image.resize(size[::-1], Image.Resampling.BICUBIC))


def outlined(pictures, paths, scale=1.0):
    """Closed lines drawn into pictures, with a dark edge.

    Args:
        pictures: array `(batch, height, width, 3)` in `[0, 1]`.
        paths: list, for every picture a list of lines `(points, 2)`, as
            `outline_paths` gives them.
        scale: float, how much larger the pictures are than those that the
            lines were made for. Defaults to `1.0`.

    Returns:
        The pictures, float32.
    """
    drawn = []
    for picture, lines in zip(pictures, paths, strict=True):
        image = Image.fromarray(as_bytes(picture))
        pencil = ImageDraw.Draw(image)
        for colour, width in (("black", 3), (OUTLINE, 1)):
            for line in lines:
                # Of pixels' centres.
                points = (np.asarray(line) + 0.5) * scale - 0.5
                pencil.line([*map(tuple, points)], fill=colour, width=width)
        drawn.append(np.asarray(image))
    return np.stack(drawn).astype("float32") / 255


def as_bytes(pictures):
    """`[0, 1]` to uint8."""
    return np.round(255 * np.clip(pictures, 0, 1)).astype("uint8")


def resized(pictures, side):
    """Pictures whose longer side is at most `side`, and not much less.

    Small ones are enlarged a whole number of times, a square for each pixel.

    Args:
        pictures: array `(batch, height, width, 3)` in `[0, 1]`.
        side: int, pixels.

    Returns:
        The pictures, float32, and how many times they are larger.

    Example:

    >>> small, large = np.zeros((1, 20, 30, 3)), np.zeros((1, 100, 200, 3))
    >>> resized(small, 96)[0].shape, resized(large, 96)[0].shape
    ((1, 60, 90, 3), (1, 48, 96, 3))
    """
    height, width = pictures.shape[1:3]
    scale = side / max(height, width)
    if scale >= 1:
        times = int(scale)
        return pictures.repeat(times, 1).repeat(times, 2), float(times)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = [
        Image.fromarray(as_bytes(p)).resize(size, Image.Resampling.LANCZOS)
        for p in pictures
    ]
    return np.stack(small).astype("float32") / 255, scale
