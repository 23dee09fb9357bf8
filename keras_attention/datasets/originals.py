"""The photographs behind laid-out images, and the way back to them."""

import dataclasses

import numpy as np

from keras_attention.datasets.layout import to_original
from keras_attention.datasets.placement import LAYOUTS
from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import one_of


@dataclasses.dataclass(frozen=True, eq=False)
class Originals:
    """What images of one size were made of: the way back for their maps.

    `Examples.originals` has it of images that this package has read. Given to
    the methods of `keras_attention.explanation` and to `collect_attention`, it
    lets their maps come back in the pixels of the photographs.

    Args:
        sizes: int array `(count, 2)`, heights and widths of the photographs.
        size: tuple `(height, width)` of the images that a network takes.
        layout: str, `"stretch"`, `"pad"` or `"crop"`, as for `lay_out`.
            Defaults to `"stretch"`.

    Raises:
        ValueError: For sizes of another shape, or an unknown layout.

    Example: a wide photograph, padded above and below.

    >>> originals = Originals([(4, 8)], size=(8, 8), layout="pad")
    >>> maps = np.zeros((1, 8, 8))
    >>> maps[:, 4:6] = 1
    >>> [back] = originals.bring_back(maps)
    >>> print(back.mean(1))
    [0. 0. 1. 1.]

    See also:
        `to_original`, of one photograph.
    """

    sizes: np.ndarray
    size: tuple
    layout: str = "stretch"

    def __post_init__(self):
        one_of("layout", self.layout, LAYOUTS)
        sizes = np.asarray(self.sizes)
        if sizes.ndim != 2 or sizes.shape[1] != 2 or (sizes < 1).any():
            expected = "(height, width) of every photograph"
            raise ValueError(invalid("sizes", self.sizes, expected))
        object.__setattr__(self, "sizes", sizes.astype("int64"))
        object.__setattr__(self, "size", tuple(self.size))

    def __len__(self):
        return len(self.sizes)

    def __getitem__(self, indices):
        """Those of some images: a slice, list or array of integers or bool."""
        return dataclasses.replace(self, sizes=self.sizes[indices])

    def bring_back(self, maps, method="bilinear"):
        """Maps of the images, each in the pixels of its photograph.

        Args:
            maps: array or list, a map `(..., rows, columns)` an image, of any
                resolution.
            method: str, as for `to_original`. Defaults to `"bilinear"`.

        Returns:
            A list of float32 arrays `(..., height, width)`, NaN where the
            layout `"crop"` cut the photograph off.

        Raises:
            ValueError: For another number of maps, and for maps that are none
                of images of this size.
        """
        if len(maps) != len(self):
            expected = f"{len(self)} maps, one a photograph"
            raise ValueError(invalid("maps", f"{len(maps)} maps", expected))
        return [
            to_original(one, original, self.layout, self.size, method)
            for one, original in zip(maps, self.sizes.tolist(), strict=True)
        ]
