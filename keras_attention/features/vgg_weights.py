"""Where the weights of a VGG network come from: files and the network."""

from keras_attention.features import torchvision_weights
from keras_attention.features import vgg_arguments
from keras_attention.features.pretrained.fit import fill_by_layer
from keras_attention.features.pretrained.fit import is_by_layer
from keras_attention.features.pretrained.published import check_weights
from keras_attention.features.pretrained.published import state_of
from keras_attention.internals import arguments

_CLASSIFIER = ("fc1/", "fc2/", "predictions/")


def check(
    network,
    weights,
    image,
    include_top,
    classes,
    width_multiplier,
    adapt_channels,
):
    """Raises `ValueError` for weights that no such network could take.

    Called before the network is built, as the widest takes a while.

    Args:
        network: str, its name in `weights_info`, such as `"VGG16BN"`.
        weights: str, path, dict or `None`, what the caller gave.
        image: symbolic tensor, the image.
        include_top: bool, whether the network has a classifier.
        classes: int, how many classes that has.
        width_multiplier: float, the scale of all widths.
        adapt_channels: bool, whether images may have other channels.
    """
    arguments.boolean("adapt_channels", adapt_channels)
    if adapt_channels and weights is None:
        expected = "False without weights, which are what is adapted"
        raise ValueError(
            arguments.invalid("adapt_channels", adapt_channels, expected)
        )
    if check_weights(network, weights) is None:
        return
    if weights != "imagenet" and include_top:
        expected = "used with include_top=False: it has no classifier"
        raise ValueError(arguments.invalid("weights", weights, expected))
    _check_imagenet(
        image, include_top, classes, width_multiplier, adapt_channels
    )


def _check_imagenet(
    image, include_top, classes, width_multiplier, adapt_channels
):
    sizes, channels = vgg_arguments.split_shape(image.shape[1:])
    needs = {
        "width_multiplier": (width_multiplier, 1, width_multiplier == 1),
        "the number of channels": (
            channels,
            "3 (or adapt_channels=True)",
            channels == 3 or adapt_channels,
        ),
    }
    if include_top:
        # Five poolings must leave the 7 x 7 positions that fc1 was trained on.
        fits = all(size // 32 == 7 for size in sizes)
        without = "(or include_top=False)"
        needs["classes"] = (classes, f"1000 {without}", classes == 1000)
        needs["height and width"] = (sizes, f"224 to 255 {without}", fits)
    for name, (value, expected, fits) in needs.items():
        if not fits:
            raise ValueError(
                f"ImageNet weights need {name} = {expected}. Received: {value}"
            )


def load(model, weights, network, adapt_channels):
    """Fills `model` from a source that `check` has passed."""
    if weights is None:
        return
    state = state_of(network, weights)
    if not is_by_layer(state):
        torchvision_weights.load_torchvision_state(model, state, adapt_channels)
        return
    if "fc1" not in [layer.name for layer in model.layers] and "fc1/0" in state:
        # A VGG's own top, of which a network without has no use.
        state = {
            name: array
            for name, array in state.items()
            if not name.startswith(_CLASSIFIER)
        }
    fill_by_layer(model, state, adapt_channels)
