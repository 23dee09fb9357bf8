"""A network that exists already, as the base of a search."""

import keras

from keras_attention.surgery import attach
from keras_attention.surgery import graph
from keras_attention.surgery import places as model_places
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.site import map_shape


class FunctionalBase:
    """A network that exists already; attention is attached behind its layers.

    The configuration and the weights are kept, not the model, so that it
    can be pickled and that every trial starts from the same weights.

    Args:
        model: A functional or sequential classifier.
        places: What `attach` takes as `where`, if it can be pickled; `None`
            takes the last layer at each map size.

    Attributes:
        sites: Dictionary of place to `Site`, with the map of every layer that
            the place names.
        networks: A single one, without anything to draw.
        has_width: False.
        gives_logits: Whether the outputs are logits.
    """

    def __init__(self, model, places):
        model_places.check_model(model, "base")
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
        self.sites = _sites_of(model, places)
        self.build({}, {})  # what cannot be copied shows now

    def build(self, attention, network):
        """The network with what `attention_space` drew."""
        model = keras.models.model_from_json(self.config)
        model.set_weights(self.weights)
        layers = {where: layer_of(what) for where, what in attention.items()}
        for start in (True, False):
            chosen = {
                where: layer
                for where, layer in layers.items()
                if bool(getattr(layer, "identity_init", False)) is start
            }
            if chosen:
                model = attach(model, chosen, identity_init=start)
        return model


def _gives_logits(model):
    """Whether the last layer, of nested models too, has no activation."""
    last = graph.source(model.outputs[0])
    if graph.is_graph(last):
        return _gives_logits(last)
    activation = getattr(last, "activation", None)
    return activation is keras.activations.linear


def _sites_of(model, places):
    if places is None:
        found = model_places.find(model, "stage_ends", "places")
        places = [place.path for place in found]
    sites = {}
    for where in places:
        shapes = []
        for place in model_places.find(model, where, "places"):
            features = model_places.the_map(place, where, "places")
            layout = graph.data_format(features, model)
            shapes.append(map_shape(features, layout))
        sites[where] = Site(shapes)
    return sites
