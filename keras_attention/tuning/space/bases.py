"""The network that a search starts from: named or given, and checked."""

import keras

from keras_attention.features import VGG16BN
from keras_attention.internals import arguments
from keras_attention.models import VGG16BNAttention
from keras_attention.surgery import attach
from keras_attention.surgery.graph import is_functional
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.graph import source
from keras_attention.surgery.places import find
from keras_attention.surgery.pooling import pooling_behind
from keras_attention.surgery.pooling import replace_pooling
from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.mechanisms import layer_of
from keras_attention.tuning.space.site import Site
from keras_attention.tuning.space.site import map_shapes

_ACTIVATIONS = ("softmax", "sigmoid", "linear")


def make_base(
    base, input_shape, classes, places, choices, multi_label, activation
):
    """The base of a search, from the arguments of `AttentionHyperModel`."""
    if isinstance(places, str):
        places = [places]
    if places is not None and not list(places):
        raise ValueError(
            arguments.invalid("places", places, "at least one or None")
        )
    if isinstance(base, str):
        if base != "vgg16_bn":
            expected = "'vgg16_bn' or a keras.Model, a functional classifier"
            raise ValueError(arguments.invalid("base", base, expected))
        arguments.positive_int("classes", classes)
        _check_shape(input_shape)
        if activation is None:
            activation = "sigmoid" if multi_label else "softmax"
        arguments.one_of("activation", activation, _ACTIVATIONS)
        widths = {**NETWORK_CHOICES, **choices}["width_multiplier"]
        return VGGBase(input_shape, classes, activation, places, widths)
    made = FunctionalBase(base, places)
    shape = input_shape and tuple(input_shape)
    given = dict(input_shape=shape, classes=classes, activation=activation)
    for name, value in given.items():
        own = getattr(made, name)
        if value is not None and value != own:
            expected = f"{own}, that of base, or None"
            raise ValueError(arguments.invalid(name, value, expected))
    for shape in made.input_shapes:
        _check_shape(shape)
    unused = sorted(set(NETWORK_CHOICES) & set(choices))
    if unused:
        raise ValueError(
            "A functional base has its width and its dropout. Received: "
            f"choices of {', '.join(unused)}"
        )
    return made


def _check_shape(shape):
    if shape is None or None in shape:
        expected = "(height, width, channels), all known"
        raise ValueError(arguments.invalid("input_shape", shape, expected))


_BLOCKS = ("block3", "block4", "block5")


class VGGBase:
    """VGG16_bn with random weights; attention is inserted or taps it.

    It has the attributes of a `FunctionalBase`: `sites` have one map for each
    of the `widths` that are drawn from, and `networks` tell them in that order.
    Places are what `VGG16BNAttention` takes as `where`.
    """

    def __init__(self, input_shape, classes, activation, places, widths):
        self.input_shape = tuple(input_shape)
        self.classes = classes
        self.activation = activation
        self.outputs = {"predictions": (classes,)}
        self.output_names = {*self.outputs}
        self.has_width = True
        # Random weights have nothing to lose.
        self.choices = {}
        self.networks = [{"width_multiplier": width} for width in widths]
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
            try:
                graph = read_graph(
                    VGG16BN(
                        include_top=False,
                        input_shape=self.input_shape,
                        width_multiplier=width,
                    )
                )
                for place in places:
                    maps[place] += map_shapes(graph, place)
            except ValueError as error:
                raise ValueError(
                    "The network cannot be built for these input_shape="
                    f"{self.input_shape}, places={list(places)} and "
                    f"width_multiplier={width}: {error}"
                ) from error
            queries += map_shapes(graph, "block5_pool")
        return {place: Site(shapes, queries) for place, shapes in maps.items()}


class FunctionalBase:
    """A network that exists already; attention is attached behind its layers.

    Where such a layer's map goes into a `GlobalAveragePooling2D` and nowhere
    else, attention may pool it instead.

    The configuration and the weights are kept, not the model, so that it
    can be pickled and that every trial starts from the same weights. Places
    are what `attach` takes as `where`, if it can be pickled; `None` takes the
    last layer at each map size.
    """

    def __init__(self, model, places):
        graph = read_graph(model, "base")
        self.has_width = False
        # Nothing to draw.
        self.networks = [{}]
        # What was trained should start as it is.
        self.choices = {"identity_init": [True]}
        self.config = model.to_json()
        self.weights = model.get_weights()
        self.input_shapes = [tuple(x.shape[1:]) for x in model.inputs]
        several = len(self.input_shapes) > 1
        self.input_shape = None if several else self.input_shapes[0]
        shapes = [tuple(output.shape[1:]) for output in model.outputs]
        # A sequential model has one, and no name for it.
        names = getattr(model, "output_names", ["output"])
        self.outputs = dict(zip(names, shapes, strict=True))
        # A dictionary of outputs has names beside those of its layers.
        keys = getattr(model, "output", None)
        keys = keys if isinstance(keys, dict) else ()
        self.output_names = {*names, *keys}
        # Of several outputs or maps nobody knows them.
        vector = len(shapes) == 1 and len(shapes[0]) == 1
        self.classes = shapes[0][0] if vector else None
        self.activation = _activation(model) if vector else None
        self.sites = _sites_of(graph, places)
        self.build({}, {})  # what cannot be copied shows now

    def build(self, attention, network):
        """The network with what `attention_space` drew."""
        model = keras.models.model_from_json(self.config)
        model.set_weights(self.weights)
        inserted, pooling = {}, {}
        for where, what in attention.items():
            layer = layer_of(what)
            (inserted if layer.is_insertable else pooling)[where] = layer
        if inserted:
            # Each starts as it was drawn.
            model = attach(model, inserted, identity_init=None)
        return replace_pooling(model, pooling) if pooling else model


def _activation(model):
    """The name of the last layer's, of nested models too, or `None`."""
    last = source(model.outputs[0])
    if is_functional(last):
        return _activation(last)
    return getattr(getattr(last, "activation", None), "__name__", None)


def _sites_of(graph, places):
    if places is None:
        places = [p.path for p in find(graph, "stage_ends", "places")]
    return {
        where: Site(
            map_shapes(graph, where),
            pooled=all(
                pooling_behind(graph, place)
                for place in find(graph, where, "places")
            ),
        )
        for where in places
    }
