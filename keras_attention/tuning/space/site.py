"""A place for attention: the shapes of its map and of its query."""

import math
from typing import NamedTuple

from keras_attention.surgery.places import find
from keras_attention.surgery.places import the_map


class Site(NamedTuple):
    """A place for attention.

    Attributes:
        maps: list of the shapes `(height, width, channels)` that its map can
            have: several, if the width of the network is searched too.
        queries: list or tuple of the shapes that the map of the query can have,
            in the same order, for a place that may be tapped; empty for one
            where the map has to stay a map.
        pooled: bool, whether the map is pooled evenly right behind the place,
            in whose stead attention may make the vector.
    """

    maps: list
    queries: list | tuple = ()
    pooled: bool = False

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


def map_shapes(graph, where):
    """`(height, width, channels)` of every map that a place names."""
    return [
        _map_shape(the_map(place, where, "places"), graph)
        for place in find(graph, where, "places")
    ]


def _map_shape(tensor, graph):
    shape = tuple(tensor.shape[1:])
    if graph.data_format(tensor) == "channels_first":
        return (*shape[1:], shape[0])
    return shape
