"""What is known of a data set in three parts."""

import collections
import dataclasses

ROLES = ("train", "validation", "test")


@dataclasses.dataclass(frozen=True)
class DataInfo:
    """What a model has to know about the data.

    Args:
        name: str, the full TFDS name with configuration and version.
        image_shape: tuple `(height, width, channels)` of an image in a batch.
        class_names: tuple of str; empty when the labels are no classes.
        sizes: dict from `"train"`, `"validation"`, `"test"` to numbers of
            examples.
        sources: dict from the same keys to the TFDS splits they are made of.
    """

    name: str
    image_shape: tuple
    class_names: tuple
    sizes: dict
    sources: dict

    @property
    def classes(self):
        """Number of classes, the `classes=` of our models."""
        return len(self.class_names)


class Splits(collections.namedtuple("Splits", ROLES)):
    """`train, validation, test`, with a `DataInfo` as attribute `info`.

    Example:

    >>> info = DataInfo("toy", (8, 8, 1), ("a", "b"), {"train": 3}, {})
    >>> splits = Splits([1], [2], [3], info)
    >>> train, validation, test = splits
    >>> splits.train, splits.info.classes
    ([1], 2)
    """

    def __new__(cls, train, validation, test, info):
        """Makes the three splits that carry `info`."""
        splits = super().__new__(cls, train, validation, test)
        splits.info = info
        return splits

    def __getnewargs__(self):
        """What `copy` and `pickle` make the splits of again."""
        return (*self, self.info)

    def __repr__(self):
        return f"Splits({self.info})"


def splits_of(name, parts, sources):
    """The `Splits` of three `Examples`, each of a source."""
    info = DataInfo(
        name=name,
        image_shape=parts[0].image_shape,
        class_names=tuple(parts[0].class_names),
        sizes=dict(zip(ROLES, map(len, parts), strict=True)),
        sources=dict(zip(ROLES, sources, strict=True)),
    )
    return Splits(*parts, info)
