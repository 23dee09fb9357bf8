"""The weights of one attention layer, and what can be read from them."""

import dataclasses
import html

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.words import shortened
from keras_attention.visualization.grids import distances
from keras_attention.visualization.grids import grid_of_keys
from keras_attention.visualization.grids import grid_of_queries
from keras_attention.visualization.influence import described_influence

_LONGEST = 100  # letters of a layer's name in a description


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class AttentionMap:
    """The weights of one attention layer for a number of images.

    Args:
        values: float32 array, the weights. Spatial:
            `(batch, heads, height, width)` or
            `(batch, heads, queries, height, width)`. Channel:
            `(batch, 1, 1, channels)`. Pairwise:
            `(batch, heads, positions, positions)`.
        layer: str, the layer's path in the model, e.g. `"encoder/attention"`.
        kind: str, `"spatial"`, `"channel"` or `"pairwise"`. Defaults to
            `"spatial"`.
        gain: float or `None`, what the layer's change of its input is
            multiplied by, if it was made with `identity_init=True`. At 0 the
            weights have no influence, whatever they look like. Defaults to
            `None`.
        grid: tuple `(height, width)` or `None`, of pairwise attention the map
            that the layer was built for, if it is known. Defaults to `None`.
        originals: `datasets.Originals` or `None`, the photographs that the
            images were laid out from. Figures then draw the weights over
            those, too. Defaults to `None`.
        removal: float or `None`, what removing the weights changes: how far
            the answers go if they are uniform, total variation, in `[0, 1]`,
            the mean over the images. Defaults to `None`.

    Example:

    >>> values = np.full((2, 4, 7, 7), 1 / 49, "float32")
    >>> attention = AttentionMap(values, layer="attention")
    >>> attention
    AttentionMap('attention', spatial, shape (2, 4, 7, 7), 0.0204 to 0.0204)
    >>> attention.spatial().shape
    (2, 7, 7)
    >>> attention[:1].values.shape
    (1, 4, 7, 7)
    """

    values: np.ndarray
    layer: str
    kind: str = "spatial"
    gain: float | None = None
    grid: tuple | None = None
    originals: object | None = None
    removal: float | None = None

    def __post_init__(self):
        arguments.one_of("kind", self.kind, ("spatial", "channel", "pairwise"))
        given = self.originals
        if given is not None and len(given) != len(self.values):
            raise ValueError(
                "Invalid value for argument originals: expected "
                f"{len(self.values)} photographs, one an image. Received: "
                f"{len(given)}"
            )

    @property
    def shape(self):
        """The shape of the values."""
        return self.values.shape

    def __array__(self, dtype=None, copy=None):
        """The values, for `np.asarray` and whatever takes arrays."""
        copy = False if copy is None else copy
        return self.values.astype(dtype or self.values.dtype, copy=copy)

    def __len__(self):
        return len(self.values)

    def __getitem__(self, images):
        """The weights of some images, still of their kind.

        Args:
            images: slice, int, or int or bool array `(count,)`, which images;
                an int is one of them, as a batch.
        """
        if isinstance(images, int | np.integer):
            images = [images]
        originals = self.originals
        return dataclasses.replace(
            self,
            values=self.values[images],
            originals=None if originals is None else originals[images],
        )

    def spatial(self):
        """The mean over heads and queries, `(batch, height, width)`.

        Raises:
            ValueError: If the weights are not spatial.
        """
        if self.kind != "spatial":
            raise ValueError(
                f"The {self.kind} weights of layer {self.layer!r} are not a "
                f"map over the image. Received: shape {self.values.shape}"
            )
        return mean_map("values", self.values)

    def to_originals(self):
        """`spatial()`, each map in the pixels of its photograph.

        Returns:
            A list of float32 arrays `(height, width)`; see
            `datasets.Originals.bring_back`.

        Raises:
            ValueError: If the weights are not spatial, or if the photographs
                are not known.
        """
        if self.originals is None:
            raise ValueError(
                f"The photographs behind the weights of layer {self.layer!r} "
                "are not known: pass originals=examples.originals to "
                "collect_attention"
            )
        return self.originals.bring_back(self.spatial())

    def received(self, grid=None, prefix=0):
        """How much attention each position gets, on average over the queries.

        Args:
            grid: tuple `(height, width)` or `None`, of the queries' positions;
                `None` takes the layer's own, or a square. Keys of which there
                are fewer have a coarser grid of the same form. Defaults to
                `None`.
            prefix: int, tokens in front that are no positions, such as a class
                token; they neither give nor get here. Defaults to `0`.

        Returns:
            A spatial `AttentionMap`, `(batch, heads, height, width)`.

        Raises:
            ValueError: If the weights are not pairwise, or no such grid has as
                many positions.

        Example: a 2 x 2 map, all of which looks at its last position.

        >>> values = np.zeros((1, 1, 4, 4))
        >>> values[..., 3] = 1
        >>> print(AttentionMap(values, "mix", "pairwise").received().values)
        [[[[0. 0.]
           [0. 1.]]]]
        """
        values, _, keys = self.pairs(grid, prefix)
        return self._as_map(values.mean(-2), keys)

    def seen_from(self, row, column, grid=None, prefix=0):
        """What one position looks at.

        Args:
            row: int, of the position in the grid, from the top.
            column: int, from the left.
            grid: tuple `(height, width)` or `None`, as in `received`. Defaults
                to `None`.
            prefix: int, as in `received`. Defaults to `0`.

        Returns:
            A spatial `AttentionMap`, `(batch, heads, height, width)`.

        Raises:
            ValueError: As for `received`, and for a position outside the grid.

        Example: every position looks at itself.

        >>> values = np.eye(4)[None, None]
        >>> mixed = AttentionMap(values, "mix", "pairwise")
        >>> print(mixed.seen_from(0, 1).values)
        [[[[0. 1.]
           [0. 0.]]]]
        """
        values, queries, keys = self.pairs(grid, prefix)
        arguments.non_negative_int("row", row)
        arguments.non_negative_int("column", column)
        if row >= queries[0] or column >= queries[1]:
            raise ValueError(
                "Invalid value for arguments row and column: expected a "
                f"position of the grid {queries[0]} x {queries[1]}, counted "
                f"from 0. Received: row={row}, column={column}"
            )
        return self._as_map(values[:, :, row * queries[1] + column], keys)

    def distance(self, grid=None, prefix=0):
        """How far away, on average, is what each head looks at.

        `mean_q sum_k w_qk |q - k|`, the distance in positions of the grid. A
        head that looks at neighbours has a small one, and so it is told apart
        from one that looks everywhere.

        Args:
            grid: tuple `(height, width)` or `None`, as in `received`. Defaults
                to `None`.
            prefix: int, as in `received`; the weights of what is left are taken
                as they are. Defaults to `0`.

        Returns:
            `(batch, heads)`, float64.

        Raises:
            ValueError: As for `received`.

        Example: looking at oneself, and at anywhere in a 2 x 2 map.

        >>> values = np.stack([np.eye(4), np.full((4, 4), 0.25)])[None]
        >>> print(AttentionMap(values, "mix", "pairwise").distance().round(2))
        [[0.   0.85]]

        Reference:
            Dosovitskiy et al.: An Image is Worth 16x16 Words: Transformers for
            Image Recognition at Scale. ICLR 2021, figure 7.
        """
        values, queries, keys = self.pairs(grid, prefix)
        between = distances(queries, keys)  # (queries, keys)
        return (values.astype("float64") * between).sum(-1).mean(-1)

    def pairs(self, grid=None, prefix=0):
        """Pairwise weights, and the grids that their positions form.

        Args:
            grid: tuple `(height, width)` or `None`, as in `received`. Defaults
                to `None`.
            prefix: int, as in `received`. Defaults to `0`.

        Returns:
            The weights without the prefix, `(batch, heads, queries, keys)`, and
            the grids `(height, width)` of the queries and of the keys.

        Raises:
            ValueError: As for `received`.
        """
        if self.kind != "pairwise":
            raise ValueError(
                f"The {self.kind} weights of layer {self.layer!r} are not of "
                f"pairs of positions. Received: shape {self.values.shape}"
            )
        arguments.non_negative_int("prefix", prefix)
        values = self.values
        if values.ndim == 3:  # Keras' Attention has no heads.
            values = values[:, None]
        values = values[:, :, prefix:, prefix:]
        count = values.shape[2]
        queries = grid_of_queries(count, grid, prefix, self.grid)
        return values, queries, grid_of_keys(values.shape[3], queries)

    def _as_map(self, values, grid):
        values = values.reshape(*values.shape[:2], *grid)
        return dataclasses.replace(
            self, values=values, kind="spatial", grid=None
        )

    def __repr__(self):
        low, high = self._range()
        layer = shortened(self.layer, _LONGEST)
        return (
            f"AttentionMap({layer!r}, {self.kind}, shape "
            f"{self.values.shape}, {low:.3g} to {high:.3g}"
            f"{described_influence(self, ', ')})"
        )

    def _repr_html_(self):
        low, high = self._range()
        layer = html.escape(shortened(self.layer, _LONGEST))
        return (
            f"<b>{layer}</b>: {self.kind} attention, "
            f"{' x '.join(map(str, self.values.shape))}, "
            f"{low:.3g} to {high:.3g}{described_influence(self, ', ')}"
        )

    def _range(self):
        finite = self.values[np.isfinite(self.values)]
        return (finite.min(), finite.max()) if finite.size else (np.nan,) * 2


def mean_map(name, values):
    """The mean over heads and queries, `(batch, height, width)`.

    Args:
        name: str, the argument's name, for the message.
        values: array `(batch, height, width)`, `(batch, heads, height, width)`
            or `(batch, heads, queries, height, width)`.

    Raises:
        ValueError: For other ranks, and for maps without positions.
    """
    if values.ndim not in (3, 4, 5) or 0 in values.shape:
        raise ValueError(
            f"Invalid value for argument {name}: expected maps (batch, height,"
            " width), (batch, heads, height, width) or (batch, heads, queries,"
            f" height, width), not empty. Received: shape {values.shape}"
        )
    return values.mean(axis=tuple(range(1, values.ndim - 2)))
