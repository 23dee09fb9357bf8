"""How much of what attention makes of a map goes on at all."""

import math

from keras import ops

from keras_attention.inspection.costs import ancestry
from keras_attention.inspection.weights_kind import layer_and_call
from keras_attention.internals.recording import sublayers
from keras_attention.layers import AttentionLayer2D


def gains(model, names):
    """The gain of every entry of an `AttentionExtractor`'s weights.

    A layer made with `identity_init=True` gives `x + gain * (F(x) - x)`: at a
    gain of 0 its weights, however vivid, have no influence. Of a layer inside
    another one the product counts.

    Args:
        model: `keras.Model` that was extracted from.
        names: iterable of str, as in the extracted weights.

    Returns:
        Dictionary of name to float, or to `None` where no gain is.

    Example:

    >>> import keras
    >>> from keras_attention import layers
    >>> inputs = keras.Input((8, 8, 4))
    >>> x = layers.get("cbam", name="cbam", identity_init=True)(inputs)
    >>> model = keras.Model(inputs, layers.get("se", name="se")(x))
    >>> gains(model, ["cbam/spatial", "se"])
    {'cbam/spatial': 0.0, 'se': None}
    """
    layers = dict(sublayers(model))

    def gain(name):
        path, _ = layer_and_call(name, layers)
        around = [layers.get(outer) for outer in ancestry(path)]
        found = [
            float(ops.convert_to_numpy(layer.gain))
            for layer in around
            if isinstance(layer, AttentionLayer2D) and layer.identity_init
        ]
        return math.prod(found) if found else None

    return {name: gain(name) for name in names}
