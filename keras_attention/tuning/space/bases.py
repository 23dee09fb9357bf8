"""The network that a search starts from: named or given, and checked."""

from keras_attention.internals import arguments
from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.functional_base import FunctionalBase
from keras_attention.tuning.space.vgg_base import VGGBase

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
