"""Real handwritten digits among clutter, made on the spot with NumPy.

One or several digits lie at random places and scales among fragments of other
digits. Only a fraction of the canvas matters and the ground truth says which,
so that an attention map can be compared with the truth instead of admired.
The digits are scikit-learn's, so nothing is downloaded.

Reference:

- [Mnih et al., 2014. Recurrent Models of Visual Attention](
  https://arxiv.org/abs/1406.6247), the cluttered translated MNIST.
"""

import dataclasses
import functools

import numpy as np

from keras_attention.internals.arguments import boolean
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.requirements import explained

SIDE = 8
SPLITS = ("train", "validation", "test")
TENTHS = (7, 1, 2)
WORDS = (
    "a zero",
    "a one",
    "a two",
    "a three",
    "a four",
    "a five",
    "a six",
    "a seven",
    "an eight",
    "a nine",
)
PLACES = (
    ("top left", "top", "top right"),
    ("left", "centre", "right"),
    ("bottom left", "bottom", "bottom right"),
)


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
        for name in ("digits", "fragment_size", *SPLITS):
            positive_int(name, getattr(self, name))
        for name in ("fragments", "seed"):
            if getattr(self, name) != 0:
                positive_int(name, getattr(self, name))
        boolean("colour", self.colour)
        if not isinstance(self.canvas, int):
            self.canvas = tuple(self.canvas)
            if len(self.canvas) != 2:
                expected = "an integer or (height, width)"
                raise ValueError(invalid("canvas", self.canvas, expected))
        for length in self.shape[:2]:
            positive_int("canvas", length)
        self.scale = tuple(float(bound) for bound in self.scale)
        if len(self.scale) != 2 or not 1 <= self.scale[0] <= self.scale[1]:
            expected = "(low, high) with 1 <= low <= high"
            raise ValueError(invalid("scale", self.scale, expected))
        self._check_fit()

    def _check_fit(self):
        smallest, largest = (round(SIDE * bound) for bound in self.scale)
        on_canvas = f"on canvas={self.canvas}"
        if largest > min(self.shape[:2]):
            expected = f"digits that fit {on_canvas}, not {largest} pixels high"
            raise ValueError(invalid("scale", self.scale, expected))
        rows, columns = (length // largest for length in self.shape[:2])
        if self.digits > rows * columns:
            expected = (
                f"at most {rows * columns} digits, which surely fit "
                f"{on_canvas} without overlap at scale={self.scale}"
            )
            raise ValueError(invalid("digits", self.digits, expected))
        if self.fragment_size >= smallest:
            expected = f"less than the smallest digit, {smallest} pixels"
            raise ValueError(
                invalid("fragment_size", self.fragment_size, expected)
            )

    @property
    def shape(self):
        """`(height, width, channels)` of an image."""
        height, width = (
            (self.canvas, self.canvas)
            if isinstance(self.canvas, int)
            else self.canvas
        )
        return height, width, 3 if self.colour else 1

    def slug(self):
        """A name that two settings share only when they are the same."""
        height, width, _ = self.shape
        low, high = self.scale
        return "_".join(
            (
                f"{height}x{width}",
                f"{self.digits}digits",
                f"scale{low}-{high}",
                f"{self.fragments}fragments{self.fragment_size}",
                "colour" if self.colour else "grey",
                f"{self.train}-{self.validation}-{self.test}",
                f"seed{self.seed}",
            )
        )


@functools.cache
def pool(split):
    """The digit images a split draws from, no two splits sharing one.

    Args:
        split: str, `"train"`, `"validation"` or `"test"`.

    Returns:
        Images `(count, 8, 8)` float32 in [0, 1] and labels `(count,)`.

    Example:

    >>> [len(pool(split)[1]) for split in ("train", "validation", "test")]
    [1253, 180, 364]
    """
    # Imported here: scikit-learn takes a second, `import` should not.
    with explained("keras_attention.datasets"):
        from sklearn.datasets import load_digits

    data = load_digits()
    position = SPLITS.index(split)
    first = sum(TENTHS[:position])
    bounds = first, first + TENTHS[position]
    generator = np.random.default_rng(0)
    chosen = []
    for label in range(10):
        members = generator.permutation(np.flatnonzero(data.target == label))
        start, stop = (bound * len(members) // 10 for bound in bounds)
        chosen.extend(members[start:stop])
    images = (data.images[chosen] / 16).astype("float32")
    images.setflags(write=False)
    return images, data.target[chosen]


def generate(settings, split):
    """Yields the examples of a split, each from its own random generator.

    Args:
        settings: `DigitsSettings`.
        split: str, `"train"`, `"validation"` or `"test"`.

    Yields:
        A dict with `image` uint8 `(height, width, channels)`; `label` int, the
        first digit in reading order; `labels` int64 `(digits,)`, all of them;
        `mask` uint8 `(height, width, 1)`, 1 inside the digits' boxes; `boxes`
        float32 `(digits, 4)`, `(ymin, xmin, ymax, xmax)` as shares of the
        canvas; `caption`, a string.

    Raises:
        ValueError: on an unknown split.

    Example:

    >>> example = next(generate(DigitsSettings(digits=2), "train"))
    >>> example["image"].shape, example["labels"].tolist()
    ((48, 48, 1), [0, 1])
    >>> example["caption"]
    'a zero at the centre and a one at the bottom'
    """
    one_of("split", split, SPLITS)
    for index in range(getattr(settings, split)):
        key = [settings.seed, SPLITS.index(split), index]
        yield _example(settings, *pool(split), np.random.default_rng(key))


def _example(settings, images, targets, generator):
    height, width, channels = settings.shape
    canvas = np.zeros((height, width, channels), "float32")
    if settings.colour:
        canvas += generator.uniform(0, 0.15, 3)

    size = settings.fragment_size
    for _ in range(settings.fragments):
        source = images[generator.integers(len(images))]
        patch = _enlarge(source, settings, generator)
        top, left = generator.integers(len(patch) - size + 1, size=2)
        patch = patch[top : top + size, left : left + size]
        place = generator.integers((height - size + 1, width - size + 1))
        _paint(canvas, patch, place, settings.colour, generator)

    chosen = generator.integers(len(images), size=settings.digits)
    patches = [_enlarge(images[i], settings, generator) for i in chosen]
    sides = np.array([len(patch) for patch in patches])
    places = _places(sides, height, width, generator)
    boxes = np.concatenate((places, places + sides[:, None]), axis=1)
    mask = np.zeros((height, width, 1), "uint8")
    for patch, box in zip(patches, boxes, strict=True):
        _paint(canvas, patch, box[:2], settings.colour, generator)
        mask[box[0] : box[2], box[1] : box[3]] = 1

    rows = (boxes[:, 0] + boxes[:, 2]) * 3 // (2 * height)
    columns = (boxes[:, 1] + boxes[:, 3]) * 3 // (2 * width)
    order = np.lexsort((boxes[:, 1], rows))
    labels = targets[chosen][order]
    extent = (height, width, height, width)
    phrases = [
        f"{WORDS[label]} at the {PLACES[row][column]}"
        for label, row, column in zip(
            labels, rows[order], columns[order], strict=True
        )
    ]
    return {
        "image": np.rint(canvas * 255).astype("uint8"),
        "label": int(labels[0]),
        "labels": labels.astype("int64"),
        "mask": mask,
        "boxes": (boxes[order] / extent).astype("float32"),
        "caption": _join(phrases),
    }


def _enlarge(image, settings, generator):
    side = round(SIDE * generator.uniform(*settings.scale))
    # In NumPy: a picture is the same to the bit whatever Pillow is installed.
    ratio = SIDE / side
    centres = (np.arange(side) + 0.5) * ratio
    distances = np.abs(np.arange(SIDE) + 0.5 - centres[:, None])
    hats = np.maximum(0.0, 1.0 - distances / max(ratio, 1.0))
    rows = (hats / hats.sum(axis=1, keepdims=True)).astype("float32")
    return rows @ image @ rows.T


def _paint(canvas, patch, place, colour, generator):
    """Lays a patch over the canvas; its ink is its opacity."""
    paint = 1.0
    if colour:
        paint = generator.uniform(0.1, 1.0, 3)
        # The brightest channel is full: no digit drowns in the dark ground.
        paint /= paint.max()
    top, left = place
    view = canvas[top : top + len(patch), left : left + len(patch)]
    view += patch[..., None] * (paint - view)


def _places(sides, height, width, generator):
    """Corners of squares that do not overlap, uniform wherever possible."""
    for _ in range(50):
        free = np.stack((height - sides, width - sides), axis=1)
        corners = generator.integers(free + 1)
        if not _overlap(corners, sides):
            return corners
    # Too crowded to find by chance: distinct cells of a grid always work.
    rows, columns = height // sides.max(), width // sides.max()
    cells = generator.permutation(rows * columns)[: len(sides)]
    row, column = np.divmod(cells, columns)
    return np.stack((row * (height // rows), column * (width // columns)), 1)


def _overlap(corners, sides):
    gaps = corners[:, None] - corners[None] - sides[None, :, None]
    apart = (gaps >= 0).any(-1)
    return not (apart | apart.T | np.eye(len(sides), dtype=bool)).all()


def _join(phrases):
    *head, last = phrases
    return f"{', '.join(head)} and {last}" if head else last
