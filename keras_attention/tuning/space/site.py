"""A place for attention: the shapes of its map and of its query."""

import math
from typing import NamedTuple


class Site(NamedTuple):
    """A place for attention.

    Attributes:
        maps: The shapes `(height, width, channels)` that its map can have:
            several, if the width of the network is searched too.
        queries: The shapes that the map of the query can have, in the same
            order, for a place that may be tapped; empty for one where the map
            has to stay a map.
    """

    maps: list
    queries: list | tuple = ()

    @property
    def may_be_tapped(self):
        """Whether a vector may be made of the map, beside the network."""
        return bool(self.queries)

    @property
    def has_known_size(self):
        """Whether all heights and widths are known."""
        return all(None not in shape[:2] for shape in self.maps)

    @property
    def positions(self):
        """Of the largest map, infinity where it is not known."""
        if not self.has_known_size:
            return math.inf
        return max(height * width for height, width, _ in self.maps)

    @property
    def side(self):
        """The shortest, infinity where it is not known."""
        if not self.has_known_size:
            return math.inf
        return min(min(shape[:2]) for shape in self.maps)


def map_shape(tensor, data_format):
    """`(height, width, channels)` of a map."""
    shape = tuple(tensor.shape[1:])
    if data_format == "channels_first":
        return (*shape[1:], shape[0])
    return shape
