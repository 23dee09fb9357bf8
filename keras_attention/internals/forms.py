"""Whether a map can be one of an image, by the proportions of both."""

import math

# A border that convolutions without padding leave out changes proportions a
# little: 26 x 58 positions of 32 x 64 pixels.
_NEARLY = 0.15


def has_form(grid, size):
    """Whether `rows x columns` positions can cover an image of a size.

    They can if the proportions are nearly the image's, or if some stride, its
    rests rounded alike, makes the grid of the size.

    Args:
        grid: tuple `(rows, columns)`.
        size: tuple `(height, width)`.

    >>> has_form((7, 9), (224, 300)), has_form((7, 7), (480, 640))
    (True, False)
    """
    if form_distance(grid, size) < _NEARLY:
        return True
    return any(
        max(side / (n + more) for n, side in zip(grid, size, strict=True))
        < min(
            side / (n + more - 1) if n + more > 1 else math.inf
            for n, side in zip(grid, size, strict=True)
        )
        for more in (0, 1)  # rounded up, and down
    )


def form_distance(first, second):
    """How far apart the proportions of two sizes are, 0 for the same.

    >>> form_distance((10, 20), (20, 40)), form_distance((1, 1), (1, 1))
    (0.0, 0.0)
    """
    return abs(math.log(first[0] * second[1] / (first[1] * second[0])))


def expect_form(name, grid, size, hint=""):
    """Raises `ValueError` for a map of other proportions than its image.

    Args:
        name: str, the argument's name, for the message.
        grid: tuple `(rows, columns)` of the map.
        size: tuple `(height, width)` of the image.
        hint: str, what to do. Defaults to `""`.
    """
    if not has_form(grid, size):
        raise ValueError(
            f"Invalid value for argument {name}: expected maps of the "
            f"proportions of their image, {size[0]} x {size[1]}. Received: a "
            f"map of {grid[0]} x {grid[1]}{hint}"
        )
