"""Networks that a search puts attention into, and the maps they offer."""

import keras

from keras_attention.models import VGG16BNAttention
from keras_attention.models import attach
from keras_attention.models import graph
from keras_attention.models import places as model_places
from keras_attention.tuning.options import Site
from keras_attention.tuning.options import layer_of

_BLOCKS = ("block3", "block4", "block5")


class VGGBase:
    """VGG16_bn with random weights; attention is inserted or taps it.

    Args:
        input_shape: Of the images.
        classes: Number of classes.
        activation: Of the classifier.
        places: Blocks or layers; `None` takes the last three blocks.
        widths: The width multipliers that are drawn from.
    """

    def __init__(self, input_shape, classes, activation, places, widths):
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.activation = activation
        self.gives_logits = False
        self.sites = self._find_sites(places or _BLOCKS, widths)

    def build(self, attention, network):
        """The network with what `attention_space` and `network_space` drew."""
        return VGG16BNAttention(
            {where: layer_of(what) for where, what in attention.items()},
            input_shape=self.input_shape,
            classes=self.classes,
            classifier_activation=self.activation,
            width_multiplier=network["width_multiplier"],
            dropout=network["dropout"],
        )

    def _find_sites(self, places, widths):
        maps, queries = {place: [] for place in places}, []
        for width in widths:
            # The layers that pool the places know the shapes of their maps.
            pools = {
                place: keras.layers.GlobalAveragePooling2D() for place in places
            }
            try:
                model = VGG16BNAttention(
                    pools,
                    input_shape=self.input_shape,
                    classes=self.classes,
                    width_multiplier=width,
                )
            except ValueError as error:
                raise ValueError(
                    "The network cannot be built for these input_shape="
                    f"{self.input_shape}, places={list(places)} and "
                    f"width_multiplier={width}: {error}"
                ) from error
            for place in places:
                pool = model.get_layer(f"{place}_context")
                maps[place].append(_map_shape(pool.input, pool.data_format))
            pool = model.get_layer("global_pool")
            queries.append(_map_shape(pool.input, pool.data_format))
        return {place: Site(shapes, queries) for place, shapes in maps.items()}


class FunctionalBase:
    """A network that exists already; attention is attached behind its layers.

    The configuration and the weights are kept, not the model, so that it
    can be pickled and that every trial starts from the same weights.

    Args:
        model: A functional or sequential classifier.
        places: What `attach` takes as `where`, if it can be pickled; `None`
            takes the last layer at each map size.
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
            shapes.append(_map_shape(features, layout))
        sites[where] = Site(shapes)
    return sites


def _map_shape(tensor, data_format):
    """`(height, width, channels)` of a map."""
    shape = tuple(tensor.shape[1:])
    if data_format == "channels_first":
        return (*shape[1:], shape[0])
    return shape
