"""From the argument `weights` of a network to its weights."""

from keras_attention.features import network_arguments
from keras_attention.features.pretrained.fit import fill_by_layer
from keras_attention.features.pretrained.fit import is_by_layer
from keras_attention.features.pretrained.published import check_weights
from keras_attention.features.pretrained.published import state_of
from keras_attention.internals import arguments


def check(network, weights, image, include_top, classes, adapt_channels, needs):
    """Raises `ValueError` for weights that no such network could take.

    Called before the network is built, as the widest takes a while.

    Args:
        network: str, its name in `weights_info`, such as `"VGG16BN"`.
        weights: str, path, dict or `None`, what the caller gave.
        image: symbolic tensor, the image.
        include_top: bool, whether the network has a classifier.
        classes: int, how many classes that has.
        adapt_channels: bool, whether images may have other channels.
        needs: dict, what else the published network has: what it is to its
            value here, the published one, and whether the two fit.
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
    _, channels = network_arguments.split_shape(image.shape[1:])
    needs = {
        **needs,
        "the number of channels": (
            channels,
            "3 (or adapt_channels=True)",
            channels == 3 or adapt_channels,
        ),
    }
    if include_top:
        expected = "1000 (or include_top=False)"
        needs["classes"] = (classes, expected, classes == 1000)
    for name, (value, expected, fits) in needs.items():
        if not fits:
            raise ValueError(
                f"ImageNet weights need {name} = {expected}. Received: {value}"
            )


def load(model, network, weights, adapt_channels, fill, own, top):
    """Fills `model` from a source that `check` has passed.

    Args:
        model: `keras.Model`, the network.
        network: str, its name in `weights_info`.
        weights: str, path, dict or `None`, what the caller gave.
        adapt_channels: bool, whether the first convolution is made to fit.
        fill: callable, of the model, a state by PyTorch's names and
            `adapt_channels`.
        own: str, a pattern of the names of the network's layers.
        top: tuple of str, the layers of the network's classifier. A network
            without has no use for them.
    """
    if weights is None:
        return
    state = state_of(network, weights)
    if not is_by_layer(state):
        fill(model, state, adapt_channels)
        return
    here = [layer.name for layer in model.layers]
    if all(f"{name}/0" in state and name not in here for name in top):
        state = {
            name: array
            for name, array in state.items()
            if name.partition("/")[0] not in top
        }
    fill_by_layer(model, state, adapt_channels, own)
