"""What a set of cluttered digits looks like."""

import dataclasses

from keras_attention.datasets.info import ROLES
from keras_attention.internals import arguments

#: Pixels along a side of scikit-learn's digits.
SIDE = 8


@dataclasses.dataclass(eq=False)
class DigitsSettings:
    """What a set of cluttered digits looks like; checked when made.

    Args:
        canvas: int or tuple `(height, width)`, the size of the images. Defaults
            to `48`.
        digits: int, how many digits lie on a canvas; they never overlap.
            Defaults to `1`.
        scale: tuple `(low, high)`, the range of the factor by which the 8x8
            digits are enlarged, bilinearly (nearest-neighbour digits are blocks
            whose corners give them away among the fragments). Defaults to
            `(2.0, 2.0)`.
        fragments: int, how many fragments of digits clutter the canvas.
            Defaults to `6`.
        fragment_size: int, the side of a fragment, cut from an enlarged digit.
            Defaults to `8`.
        colour: bool, digits and fragments in random colours on a dark ground (3
            channels) instead of grey on black (1 channel). Defaults to `False`.
        train: int, number of training examples. Defaults to `5000`.
        validation: int, number of validation examples. Defaults to `500`.
        test: int, number of test examples. Defaults to `1000`.
        seed: int, the seed of everything but the split of the digit images,
            which never changes: a test digit of one configuration is a test
            digit of all. Defaults to `0`.

    Raises:
        ValueError: naming the argument that cannot be satisfied.

    Example:

    >>> DigitsSettings(canvas=(32, 64), digits=2).shape
    (32, 64, 1)
    """

    canvas: int | tuple[int, int] = 48
    digits: int = 1
    scale: tuple[float, float] = (2.0, 2.0)
    fragments: int = 6
    fragment_size: int = 8
    colour: bool = False
    train: int = 5000
    validation: int = 500
    test: int = 1000
    seed: int = 0

    def __post_init__(self):
        for name in ("digits", "fragment_size", *ROLES):
            arguments.positive_int(name, getattr(self, name))
        for name in ("fragments", "seed"):
            arguments.non_negative_int(name, getattr(self, name))
        arguments.boolean("colour", self.colour)
        if not isinstance(self.canvas, int):
            self.canvas = tuple(self.canvas)
            if len(self.canvas) != 2:
                self._refuse("canvas", "an integer or (height, width)")
        for length in self.shape[:2]:
            arguments.positive_int("canvas", length)
        self.scale = tuple(float(bound) for bound in self.scale)
        if len(self.scale) != 2 or not 1 <= self.scale[0] <= self.scale[1]:
            self._refuse("scale", "(low, high) with 1 <= low <= high")
        smallest, largest = (round(SIDE * bound) for bound in self.scale)
        on_canvas = f"on canvas={self.canvas}"
        if largest > min(self.shape[:2]):
            fit = f"digits that fit {on_canvas}, not {largest} pixels high"
            self._refuse("scale", fit)
        rows, columns = (length // largest for length in self.shape[:2])
        if self.digits > rows * columns:
            self._refuse(
                "digits",
                f"at most {rows * columns} digits, which surely fit "
                f"{on_canvas} without overlap at scale={self.scale}",
            )
        if self.fragment_size >= smallest:
            small = f"less than the smallest digit, {smallest} pixels"
            self._refuse("fragment_size", small)

    def _refuse(self, name, expected):
        raise ValueError(arguments.invalid(name, getattr(self, name), expected))

    @property
    def shape(self):
        """`(height, width, channels)` of an image."""
        canvas = self.canvas
        sides = (canvas, canvas) if isinstance(canvas, int) else canvas
        return (*sides, 3 if self.colour else 1)

    def slug(self):
        """A name that two settings share only when they are the same."""
        height, width, _ = self.shape
        low, high = self.scale
        return (
            f"{height}x{width}_{self.digits}digits_scale{low}-{high}_"
            f"{self.fragments}fragments{self.fragment_size}_"
            f"{'colour' if self.colour else 'grey'}_"
            f"{self.train}-{self.validation}-{self.test}_seed{self.seed}"
        )
