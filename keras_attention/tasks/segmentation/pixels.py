"""What networks for pixels share: an encoder's maps, logits, predictions."""

import itertools

import keras

from keras_attention.features.resize_like import ResizeLike
from keras_attention.internals import arguments
from keras_attention.surgery import places
from keras_attention.surgery.graph import read_graph


def check_classes(classes, classifier_activation):
    """The activation; raises for what no pixel can be."""
    arguments.size("classes", classes)
    if keras.config.image_data_format() != "channels_last":
        raise ValueError(
            "Networks for pixels have their classes last, as losses and "
            "metrics want them: set keras.config.set_image_data_format("
            "'channels_last')"
        )
    activation = arguments.activation(
        "classifier_activation", classifier_activation
    )
    if classes == 1 and activation is keras.activations.softmax:
        raise ValueError(
            "A softmax over one class is 1 everywhere. Received: classes=1 "
            "with classifier_activation='softmax'; take 'sigmoid', or two "
            "classes"
        )
    return activation


def maps_of(encoder, stages, argument="stages"):
    """`{name of a layer: its map}` of an encoder, largest first.

    Args:
        encoder: `keras.Model`, functional, with one image or volume.
        stages: list of places, or one that matches several.
        argument: str, for messages. Defaults to `"stages"`.
    """
    graph = read_graph(encoder, "encoder")
    if len(encoder.inputs) != 1:
        expected = "a network with one input"
        raise ValueError(arguments.invalid("encoder", encoder, expected))
    found, rank = {}, len(encoder.inputs[0].shape)
    for where in [stages] if isinstance(stages, str) else stages:
        for place in places.find(graph, where, argument):
            if "/" in place.path:
                raise ValueError(
                    f"{argument} names {where!r}, which matches "
                    f"{place.path!r}, inside another model, whose maps have "
                    "no way out. Received: a nested encoder; take the model "
                    "inside it"
                )
            found[place.path] = places.the_map(place, where, argument, rank)
    sizes = [tuple(m.shape[1:-1]) for m in found.values()]
    for large, small in itertools.pairwise(sizes):
        if None not in (*large, *small) and not small < large:
            raise ValueError(
                f"{argument} must go from large maps to small ones. "
                f"Received: {', '.join(found)} with maps of {sizes}"
            )
    return found


def predictions(logits, image, activation):
    """Answers of the image's size, in float32."""
    logits = ResizeLike(name="logits_resized")(logits, image)
    return keras.layers.Activation(
        activation, dtype="float32", name="predictions"
    )(logits)


def classifier(x, classes, name):
    """A score for every class at every position."""
    ranks = {4: keras.layers.Conv2D, 5: keras.layers.Conv3D}
    return ranks[len(x.shape)](classes, 1, name=name)(x)
