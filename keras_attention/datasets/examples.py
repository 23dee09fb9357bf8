"""Labelled images and what is known of each, wherever they came from."""

import dataclasses
import numbers

import numpy as np

from keras_attention.datasets.opening import size_of
from keras_attention.datasets.originals import Originals
from keras_attention.datasets.pixels import Pixels
from keras_attention.internals.arguments import invalid


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Labelled images of one size, with what else is known of each.

    `from_table`, `from_folder`, `from_npz` and `from_arrays` make them;
    `split` and `folds` divide them; `batches` is what `model.fit` takes.

    Args:
        images: uint8 array `(count, height, width, channels)`, or `Pixels`,
            which are decoded when they are asked for.
        labels: int64 array `(count,)`, the index of a class; or, multi-label,
            float32 `(count, classes)` of 0 and 1; or, of a regression, float32
            `(count,)` or `(count, targets)`.
        class_names: tuple of str, empty of a regression.
        names: tuple of str, what messages call each image: a file or a row.
        masks: uint8 array `(count, height, width, 1)` of 0 and 1, or `Pixels`,
            or `None`. Defaults to `None`.
        has_mask: bool array `(count,)`, where `masks` is known; `None` is
            everywhere. Defaults to `None`.
        boxes: list of float32 `(objects, 4)`, `(ymin, xmin, ymax, xmax)` as
            shares of the image, or `None`. Defaults to `None`.
        groups: array `(count,)` of what must stay together, such as patients,
            or `None`. Defaults to `None`.
        original_sizes: int64 array `(count, 2)`, heights and widths before the
            layout; of `Pixels` of files `None`, for the files tell. Defaults to
            `None`.
        layout: str, `"stretch"`, `"pad"` or `"crop"`: how the originals became
            `(height, width)`. Defaults to `"stretch"`.
        weights: float32 array `(count,)`, how much each counts in a loss, or
            `None`. Defaults to `None`.
        box_labels: list of int64 `(objects,)`, the class of every box, or
            `None`. Defaults to `None`.

    Raises:
        ValueError: If the lengths differ.

    Example:

    >>> images = np.zeros((3, 8, 8, 1), "uint8")
    >>> sizes = np.full((3, 2), 8)
    >>> examples = Examples(
    ...     images, np.array([0, 1, 0]), ("a", "b"), ("1", "2", "3"),
    ...     original_sizes=sizes,
    ... )
    >>> len(examples), examples[[0, 2]].names
    (3, ('1', '3'))
    """

    images: np.ndarray | Pixels
    labels: np.ndarray
    class_names: tuple
    names: tuple
    masks: np.ndarray | Pixels | None = None
    has_mask: np.ndarray | None = None
    boxes: list | None = None
    groups: np.ndarray | None = None
    original_sizes: np.ndarray | None = None
    layout: str = "stretch"
    weights: np.ndarray | None = None
    box_labels: list | None = None

    def __post_init__(self):
        for name in _PER_IMAGE:
            values = getattr(self, name)
            if values is not None and len(values) != len(self.images):
                expected = f"one entry for each of {len(self.images)} images"
                raise ValueError(invalid(name, len(values), expected))

    def __len__(self):
        return len(self.images)

    def __getitem__(self, indices):
        """The examples at an array or list of integers, or a boolean mask."""
        if isinstance(indices, numbers.Integral):
            raise TypeError(
                "Examples are chosen by a list, an array or a slice: "
                f"examples[[{indices}]] has one. Received: {indices}. Its "
                f"pixels are examples.images[{indices}]"
            )
        indices = np.arange(len(self))[indices]
        return dataclasses.replace(
            self, **{name: self._take(name, indices) for name in _PER_IMAGE}
        )

    def __repr__(self):
        shape = "x".join(map(str, self.image_shape))
        kind = "regression" if self.regression else f"{self.classes} classes"
        return f"Examples({len(self)} images {shape}, {kind})"

    @property
    def image_shape(self):
        """`(height, width, channels)`, the `input_shape=` of our models."""
        return self.images.shape[1:]

    @property
    def classes(self):
        """Number of classes, the `classes=` of our models."""
        return len(self.class_names)

    @property
    def multi_label(self):
        """Whether an image can have several classes, or none."""
        return self.labels.ndim == 2 and not self.regression

    @property
    def regression(self):
        """Whether the labels are numbers to predict."""
        return not self.class_names and self.labels.dtype.kind == "f"

    @property
    def originals(self):
        """The photographs, for maps to come back in their pixels: `Originals`.

        Raises:
            ValueError: If the original sizes are not known.
        """
        sizes = [self._original_size(index) for index in range(len(self))]
        return Originals(
            np.reshape(sizes, (-1, 2)), self.image_shape[:2], self.layout
        )

    def to_original(self, maps, index, method="bilinear"):
        """Brings maps of one image back to the pixels of its original.

        Args:
            maps: array `(..., rows, columns)` about `images[index]`, such as
                its attention weights.
            index: int, which image.
            method: str, `"bilinear"`, or `"nearest"` for masks. Defaults to
                `"bilinear"`.

        Returns:
            A float32 array `(..., height, width)` of the original's size; NaN
            where the layout `"crop"` cut it off.

        Raises:
            ValueError: If the original sizes are not known.
        """
        return self[[index]].originals.bring_back([maps], method)[0]

    def _original_size(self, index):
        if self.original_sizes is not None:
            return tuple(self.original_sizes[index].tolist())
        if isinstance(self.images, Pixels):
            file = self.images.file(index)
            # What `concatenate` puts beside files is none, but has a size.
            if file is not None:
                return file if isinstance(file, tuple) else size_of(file)
        expected = "the sizes of the originals"
        raise ValueError(invalid("original_sizes", None, expected))

    def _take(self, name, indices):
        values = getattr(self, name)
        if isinstance(values, Pixels):
            return values.select(indices)
        if isinstance(values, (list, tuple)):
            return type(values)(values[index] for index in indices)
        return None if values is None else values[indices]


_PER_IMAGE = tuple(
    field.name
    for field in dataclasses.fields(Examples)
    if field.name not in ("class_names", "layout")
)
