"""A network that exists already, as the base of a search."""

import keras

from keras_attention.surgery import attach
from keras_attention.surgery.graph import is_functional
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.graph import source
from keras_attention.surgery.places import find
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.site import map_shapes


class FunctionalBase:
    """A network that exists already; attention is attached behind its layers.

    The configuration and the weights are kept, not the model, so that it
    can be pickled and that every trial starts from the same weights.

    Args:
        model: `keras.Model`, a functional or sequential classifier.
        places: list, what `attach` takes as `where`, if it can be pickled;
            `None` takes the last layer at each map size.

    Attributes:
        sites: dict of place to `Site`, with the map of every layer that the
            place names.
        networks: list of dict, a single one, without anything to draw.
        has_width: bool, false.
        gives_logits: bool, whether the outputs are logits.
    """

    def __init__(self, model, places):
        graph = read_graph(model, "base")
        if len(model.inputs) != 1 or len(model.outputs) != 1:
            raise ValueError(
                "base must have one input and one output. Received: "
                f"{len(model.inputs)} inputs and {len(model.outputs)} outputs"
            )
        if len(model.outputs[0].shape) != 2:
            raise ValueError(
                "base must be a classifier, with outputs (batch, classes). "
                f"Received: outputs of shape {tuple(model.outputs[0].shape)}"
            )
        self.has_width = False
        self.networks = [{}]
        self.config = model.to_json()
        self.weights = model.get_weights()
        self.input_shape = tuple(model.inputs[0].shape[1:])
        self.classes = model.outputs[0].shape[-1]
        self.gives_logits = _gives_logits(model)
        self.sites = _sites_of(graph, places)
        self.build({}, {})  # what cannot be copied shows now

    def build(self, attention, network):
        """The network with what `attention_space` drew."""
        model = keras.models.model_from_json(self.config)
        model.set_weights(self.weights)
        layers = {where: layer_of(what) for where, what in attention.items()}
        # Each starts as it was drawn.
        return attach(model, layers, identity_init=None) if layers else model


def _gives_logits(model):
    """Whether the last layer, of nested models too, has no activation."""
    last = source(model.outputs[0])
    if is_functional(last):
        return _gives_logits(last)
    activation = getattr(last, "activation", None)
    return activation is keras.activations.linear


def _sites_of(graph, places):
    if places is None:
        places = [p.path for p in find(graph, "stage_ends", "places")]
    return {where: Site(map_shapes(graph, where)) for where in places}
