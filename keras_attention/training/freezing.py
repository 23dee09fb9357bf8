"""First the head and the attention, then the backbone from a place on."""

import math
from typing import NamedTuple

import keras

from keras_attention.internals import arguments
from keras_attention.surgery.graph import read_graph
from keras_attention.training import network_parts


class Trained(NamedTuple):
    """What trains after `freeze`; as text, in words.

    Attributes:
        layers: list of str, the names of the layers that train.
        parameters: int, how many parameters train.
        total: int, how many there are, moving statistics included.
        compile_again: bool, whether the model was compiled: what a compiled
            model trains may be what it trained before.
    """

    layers: list
    parameters: int
    total: int
    compile_again: bool

    def __str__(self):
        again = ". Compile the model again." if self.compile_again else ""
        return (
            f"{self.parameters:,} of {self.total:,} parameters train, in "
            f"{', '.join(self.layers)}{again}"
        )


def freeze(model, before=None, batch_normalization=False):
    """Freezes a backbone, or what of it lies before a place.

    Attention layers and the head, which is every layer behind the last map,
    always train. Of the backbone trains what `before` names and all that is
    computed from it; batch normalization in it keeps its statistics and stays
    in inference mode. Every call decides for all layers anew:
    `freeze(model)`, compile and fit, then `freeze(model, before="block4")`,
    compile and fit.

    A compiled model must be compiled again, with a new optimizer: Keras goes
    on training what it did, or refuses variables that the optimizer does not
    know. An optimizer's moments and average of weights begin again with it.

    Args:
        model: `keras.Model`, functional, or sequential with known inputs;
            models inside are seen through. A subclassed one inside is one
            layer, with the batch normalization inside it.
        before: str, class, callable or `None`, a place as `attach` takes it,
            where training begins; of a block, its first layer. `None` trains
            nothing of the backbone; a head of convolutions has to be named.
            Defaults to `None`.
        batch_normalization: bool, whether batch normalization trains, and
            moves its statistics, where the layers around it train. Defaults to
            `False`.

    Returns:
        `Trained`, to print.

    Raises:
        ValueError: An unknown place, a model of unknown graph, or nothing
            would train.

    Example:

    >>> import keras
    >>> from keras_attention import VGG16BNAttention
    >>> from keras_attention.training import freeze
    >>> model = VGG16BNAttention({"block4": "attn_pool"}, classes=2,
    ...     input_shape=(32, 32, 3), width_multiplier=1 / 16)
    >>> print(freeze(model))
    2,242 of 61,126 parameters train, in block4_pool_attn_pool, predictions
    >>> freeze(model, before="block5").parameters
    29986
    """
    arguments.boolean("batch_normalization", batch_normalization)
    graph = read_graph(model)
    always = network_parts.head(graph)
    begun = set()
    if before is not None:
        named = network_parts.named(graph, before, "before")
        begun = network_parts.behind(graph, named)
    trained, layers = [], network_parts.layers(graph)
    for layer in layers:
        keeps = not batch_normalization and isinstance(
            layer, keras.layers.BatchNormalization
        )
        if id(layer) in always or (id(layer) in begun and not keeps):
            trained.append(layer)
    if not any(_count(layer.weights) for layer in trained):
        raise ValueError(
            "Nothing would train: the model has no attention and no layer "
            "with weights behind its last map. Name where training begins. "
            f"Received: before={before!r}"
        )
    model.trainable = True  # Or models around a layer hold it back.
    for layer in layers:
        layer.trainable = False
    for layer in trained:
        layer.trainable = True
    return Trained(
        [layer.name for layer in trained],
        _count(model.trainable_weights),
        _count(model.weights),
        bool(model.compiled),
    )


def _count(weights):
    return sum(math.prod(weight.shape) for weight in weights)
