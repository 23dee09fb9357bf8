"""What fine-tuning tells apart: the layers of the head and of the backbone.

Layers here are those of the flat graph: of nested functional models what is
inside, of everything else the layer itself.
"""

import keras

from keras_attention.layers import AttentionLayer2D
from keras_attention.surgery import places
from keras_attention.surgery.graph import is_functional
from keras_attention.surgery.graph import read_graph


def layers(graph):
    """Each layer with weights, once, inputs first."""
    found = {id(c.operation): c.operation for c, _, _ in graph.flat_calls}
    return [one for one in found.values() if getattr(one, "weights", None)]


def named(graph, where, argument):
    """Ids of the layers that a place names: of a block or a model, all."""
    found = set()
    for place in places.find(graph, where, argument, whole=True):
        found.add(id(place.operation))
        if is_functional(place.operation):
            found |= {id(one) for one in read_graph(place.operation).operations}
    return found


def head(graph):
    """Ids of attention layers, and of layers that no map is behind.

    Maps are tensors of rank 4. A squeeze inside the backbone, pooled and
    multiplied with a map again, belongs to the backbone.
    """
    found, backbone = set(), set()
    mapped = set()  # Numbers of tensors that a map is computed from.
    for call, inputs, outputs in reversed(graph.flat_calls):
        layer = call.operation
        gives_map = any(len(tensor.shape) == 4 for tensor in call.outputs)
        if isinstance(layer, AttentionLayer2D):
            found.add(id(layer))
        elif gives_map or mapped & {*outputs}:
            backbone.add(id(layer))
            mapped |= {*inputs}
        else:
            found.add(id(layer))
    return found - backbone  # A layer of both is the backbone's.


def behind(graph, operations):
    """Ids of some layers and of all that are computed from them."""
    found, reached = set(), set()
    for call, inputs, outputs in graph.flat_calls:
        if id(call.operation) in operations or reached & {*inputs}:
            found.add(id(call.operation))
            reached |= {*outputs}
    return found


def heights(graph):
    """Layers with weights between each layer and the head: dict of ids.

    The layer next to the head has 1; on several ways the longest counts.
    Batch normalization is on the height of what it normalizes.
    """
    of_head, found, above = head(graph), {}, {}
    for call, inputs, outputs in reversed(graph.flat_calls):
        layer = call.operation
        passed = own = max(above.get(number, 0) for number in outputs)
        if id(layer) not in of_head:
            own += bool(getattr(layer, "weights", None))
            found[id(layer)] = max(own, found.get(id(layer), 0))
            if not isinstance(layer, keras.layers.BatchNormalization):
                passed = own
        for number in inputs:
            above[number] = max(passed, above.get(number, 0))
    return found
