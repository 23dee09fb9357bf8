"""Learning rates that differ between the layers of a model."""

import re

import keras

from keras_attention.internals import arguments
from keras_attention.surgery.graph import read_graph
from keras_attention.training import network_parts


def discriminative(model, rates, optimizer):
    """An optimizer for each factor of the learning rate, as one optimizer.

    Adam divides a gradient by its own size, so that a scaled gradient or loss
    changes nothing; here each layer's update has its own learning rate. Weight
    decay, which Keras multiplies with the learning rate, follows the factor.

    Args:
        model: `keras.Model`, functional, or sequential with known inputs, as
            it trains: frozen layers have been frozen (`freeze`).
        rates: dict or float. A dictionary `{place: factor}`, with places as
            `attach` takes them: a block or a model inside is all of its
            layers; what is not named has 1. A float in `(0, 1]` is layer-wise
            decay: the head and the attention have 1, the layer before them
            `rates`, the next `rates ** 2`, and batch normalization what it
            normalizes.
        optimizer: callable, `factor -> keras.optimizers.Optimizer`, a new one
            at each call: `lambda factor: keras.optimizers.SGD(0.1 * factor)`.

    Returns:
        A `keras.optimizers.MultiOptimizer`, or the optimizer alone if there is
        only one factor. It has no `learning_rate` to set, and
        `global_clipnorm` clips the layers of each factor for themselves.

    Raises:
        ValueError: An unknown place, a layer with two factors, a factor out of
            range, a model in which nothing trains.

    Example:

    >>> import keras
    >>> from keras_attention import VGG16BNAttention
    >>> from keras_attention.training import discriminative
    >>> model = VGG16BNAttention({"block4": "attn_pool"}, classes=2,
    ...     input_shape=(32, 32, 3), width_multiplier=1 / 16)
    >>> optimizer = discriminative(model, {"block1": 0.1, "block2": 0.3},
    ...     lambda factor: keras.optimizers.SGD(0.01 * factor))
    >>> [round(float(one.learning_rate), 4) for one in optimizer.optimizers]
    [0.001, 0.003, 0.01]

    Reference:
        Howard, Ruder: Universal Language Model Fine-tuning for Text
        Classification. ACL 2018.

    Differs from the paper:
        Factors are of layers, not of groups of them; theirs is 1 / 2.6.

    Cost:
        None in a step: as many updates, in more optimizers.
    """
    groups = _groups(model, _factors(model, rates))
    (*others, (first, _)) = groups.items()
    default = optimizer(first)
    if not others:
        return default
    # One pattern a factor: Keras makes one optimizer of each when it loads.
    patterns = {
        "|".join(map(re.escape, paths)): optimizer(factor)
        for factor, paths in others
    }
    return keras.optimizers.MultiOptimizer(
        keras.optimizers.OptimizerMap(default, patterns)
    )


def _factors(model, rates):
    """`{id of a layer: factor}`, without those of factor 1."""
    graph = read_graph(model)
    if not isinstance(rates, dict):
        if arguments.positive_float("rates", rates) > 1:
            raise ValueError(arguments.invalid("rates", rates, "at most 1"))
        heights = network_parts.heights(graph)
        return {layer: rates**height for layer, height in heights.items()}
    names, found = {}, {}
    for where, factor in rates.items():
        arguments.positive_float(f"rates[{where!r}]", factor)
        for layer in network_parts.named(graph, where, "rates"):
            if found.setdefault(layer, factor) != factor:
                raise ValueError(
                    f"rates gives a layer two factors: {found[layer]} by "
                    f"{names[layer]!r} and {factor} by {where!r}. Name it once."
                )
            names.setdefault(layer, where)
    return found


def _groups(model, factors):
    """`{factor: paths of variables that train}`, in the order of the model."""
    groups, seen = {}, {}
    for layer in network_parts.layers(read_graph(model)):
        factor = factors.get(id(layer), 1.0)
        for variable in layer.trainable_variables:
            if seen.setdefault(variable.path, factor) != factor:
                raise ValueError(
                    "rates: two layers of the same name have factors that "
                    f"differ. Rename one of them. Received: {variable.path!r}"
                )
            groups.setdefault(factor, []).append(variable.path)
    if not groups:
        raise ValueError("Nothing in the model trains: no learning rates.")
    return groups
