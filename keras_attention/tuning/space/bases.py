"""The network that a search starts from: named or given, and checked."""

from keras_attention.internals import arguments
from keras_attention.tuning.space.choices import NETWORK_CHOICES
from keras_attention.tuning.space.functional_base import FunctionalBase
from keras_attention.tuning.space.vgg_base import VGGBase


def make_base(base, input_shape, classes, places, choices, multi_label):
    """The base of a search, whatever way it was named.

    Args:
        base: str or `keras.Model`, `"vgg16_bn"` or a functional classifier.
        input_shape: tuple, of the images; `None` for that of a functional base.
        classes: int, the same.
        places: as of `AttentionHyperModel`.
        choices: dict, what `check_choices` returned.
        multi_label: bool, whether an image can have several classes.

    Returns:
        A `VGGBase` or a `FunctionalBase`.

    Raises:
        ValueError: For a base that cannot be attached to, and for arguments
            that do not agree with it.
    """
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
        return VGGBase(
            input_shape,
            classes,
            "sigmoid" if multi_label else "softmax",
            places,
            choices.get(
                "width_multiplier", NETWORK_CHOICES["width_multiplier"]
            ),
        )
    made = FunctionalBase(base, places)
    for name, given, own in (
        (
            "input_shape",
            input_shape and tuple(input_shape),
            made.input_shape,
        ),
        ("classes", classes, made.classes),
    ):
        if given is not None and given != own:
            expected = f"{own}, that of base, or None"
            raise ValueError(arguments.invalid(name, given, expected))
    _check_shape(made.input_shape)
    unused = sorted(set(NETWORK_CHOICES) & set(choices))
    if unused:
        raise ValueError(
            "A functional base has its width and its dropout. Received: "
            f"choices of {', '.join(unused)}"
        )
    return made


def check_outputs(base, multi_label, metrics):
    """Refuses what would be wrong without a word."""
    if base.classes < 2 and not multi_label:
        raise ValueError(
            "One output is a label by itself: pass multi_label=True and "
            "labels of shape (batch, 1), or make two classes. Received: "
            f"classes={base.classes}"
        )
    keys = [metric for metric in metrics if isinstance(metric, str)]
    if keys and multi_label and base.gives_logits:
        raise ValueError(
            "Metrics by key compare several labels with 0.5, which is no "
            "threshold for logits. Give base a sigmoid, or metrics that "
            "take logits, such as keras.metrics.AUC(from_logits=True). "
            f"Received: metrics={keys}"
        )


def _check_shape(shape):
    if shape is None or None in shape:
        expected = "(height, width, channels), all known"
        raise ValueError(arguments.invalid("input_shape", shape, expected))
