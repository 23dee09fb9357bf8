"""Real handwritten digits among clutter, made on the spot with NumPy.

One or several digits lie at random places and scales among fragments of other
digits. Only a fraction of the canvas matters and the ground truth says which,
so that an attention map can be compared with the truth instead of admired.
The digits are scikit-learn's, so nothing is downloaded.

Reference:

- [Mnih et al., 2014. Recurrent Models of Visual Attention](
  https://arxiv.org/abs/1406.6247), the cluttered translated MNIST.
"""

import functools

import numpy as np

from keras_attention.datasets.digits_settings import SIDE
from keras_attention.datasets.info import ROLES
from keras_attention.internals.arguments import one_of
from keras_attention.internals.requirements import explained

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


@functools.cache
def pool(split):
    """The digit images a split draws from, no two splits sharing one."""
    # Imported here: scikit-learn takes a second, `import` should not.
    with explained("keras_attention.datasets"):
        from sklearn.datasets import load_digits

    data = load_digits()
    position = ROLES.index(split)
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

    >>> from keras_attention.datasets.digits_settings import DigitsSettings
    >>> example = next(generate(DigitsSettings(digits=2), "train"))
    >>> example["image"].shape, example["labels"].tolist()
    ((48, 48, 1), [0, 1])
    >>> example["caption"]
    'a zero at the centre and a one at the bottom'
    """
    one_of("split", split, ROLES)
    for index in range(getattr(settings, split)):
        key = [settings.seed, ROLES.index(split), index]
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

    # The third of the canvas that a centre lies in.
    cells = (boxes[:, :2] + boxes[:, 2:]) * 3 // (2 * np.array([height, width]))
    order = np.lexsort((boxes[:, 1], cells[:, 0]))
    labels = targets[chosen][order]
    *head, last = [
        f"{WORDS[label]} at the {PLACES[row][column]}"
        for label, (row, column) in zip(labels, cells[order], strict=True)
    ]
    extent = (height, width, height, width)
    return {
        "image": np.rint(canvas * 255).astype("uint8"),
        "label": int(labels[0]),
        "labels": labels.astype("int64"),
        "mask": mask,
        "boxes": (boxes[order] / extent).astype("float32"),
        "caption": " and ".join([", ".join(head), last] if head else [last]),
    }


def _enlarge(image, settings, generator):
    rows = _bilinear(round(SIDE * generator.uniform(*settings.scale)))
    return rows @ image @ rows.T


@functools.cache
def _bilinear(side):
    """`(side, 8)`: what every row of an enlarged digit takes of its rows."""
    # In NumPy: a picture is the same to the bit whatever Pillow is installed.
    ratio = SIDE / side
    centres = (np.arange(side) + 0.5) * ratio
    distances = np.abs(np.arange(SIDE) + 0.5 - centres[:, None])
    hats = np.maximum(0.0, 1.0 - distances / max(ratio, 1.0))
    return (hats / hats.sum(axis=1, keepdims=True)).astype("float32")


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
