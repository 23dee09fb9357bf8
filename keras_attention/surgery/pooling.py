"""Attention pooling in place of an even pooling that is there already."""

import keras

from keras_attention.surgery import insertion
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.rebuild import rebuild


def pooling_behind(graph, place):
    """The even pooling that a map goes into, and nothing else does.

    Args:
        graph: `Graph` of the whole model.
        place: `Place`.

    Returns:
        A `keras.layers.GlobalAveragePooling2D`, or `None` where the map goes
        elsewhere too, or the pooling takes other maps too.
    """
    if len(place.outputs) != 1 or len(place.followers) != 1:
        return None
    (pooling,) = place.followers
    if not isinstance(pooling, keras.layers.GlobalAveragePooling2D):
        return None
    calls = sum(call.operation is pooling for call in graph.all_calls)
    return pooling if calls == 1 and not pooling.keepdims else None


def replace_pooling(model, attention):
    """A copy of a model that pools some maps by attention instead of evenly.

    Args:
        model: `keras.Model`, as for `attach`.
        attention: dict `{where: what}`, places that `pooling_behind` knows and
            what makes of each map a vector `(batch, channels)`.

    Returns:
        A functional `keras.Model`, as of `attach`. What is new is named after
        its place.
    """
    graph = read_graph(model)
    names = {operation.name for operation in graph.operations}
    edits = {}
    for where, place in places.find_all(graph, attention):
        features = places.the_map(place, where, "attention")
        layer = insertion.new_layer(
            attention[where], place, features, graph, names
        )
        edits[id(pooling_behind(graph, place))] = _instead(layer)
    return rebuild(graph, edits)


def _instead(layer):
    return lambda pooling, features: layer(features)
