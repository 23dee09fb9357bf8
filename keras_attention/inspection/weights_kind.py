"""Whether recorded weights are a map, channels, or pairs of positions.

Shapes alone do not tell: `(batch, 1, 1, 9)` is one gate a channel, or one head
over a map of one row; `(batch, 1, 9, 9)` is a map, or the pairs of a 3x3 map.
So the layer says it.
"""

from keras_attention.internals.recording import sublayers


def weights_kinds(model, weights):
    """The kind of every entry of an `AttentionExtractor`'s weights.

    Args:
        model: `keras.Model` that was extracted from.
        weights: dict of name to array, as extracted.

    Returns:
        Dictionary of name to `"spatial"`, `"channel"` or `"pairwise"`, see
        `weights_kind`, in the order of the model's layers. (Under JAX, a
        compiled function sorts the names of what it returns.)
    """
    layers = dict(sublayers(model))
    order = {name: index for index, name in enumerate(layers)}

    def index(name):
        layer, call = layer_and_call(name, layers)
        return order.get(layer, len(order)), call

    kinds = {}
    for name in sorted(weights, key=index):
        layer, _ = layer_and_call(name, layers)
        kinds[name] = weights_kind(layers.get(layer), weights[name].shape)
    return kinds


def layer_and_call(name, layers):
    """A shared layer's second call is recorded as "name#2"."""
    layer, _, call = name.rpartition("#")
    return (layer, int(call)) if layer in layers else (name, 1)


def weights_kind(layer, shape):
    """What the weights of a layer run over.

    A layer of this package's kind says it: `weights_kind` of its class. Keras'
    own attention layers compare positions. Others are judged by the rank of
    their weights: 5 is `"spatial"`, and so is 4 unless it is
    `(batch, 1, 1, channels)` with more than one channel; 3 is `"pairwise"`.

    Args:
        layer: `keras.Layer` that recorded the weights, or `None`.
        shape: tuple, the shape of the weights.

    Returns:
        `"spatial"`, `"channel"` or `"pairwise"`.

    Example:

    >>> from keras_attention import layers
    >>> weights_kind(layers.SqueezeAndExcite2D(), (2, 1, 1, 9))
    'channel'
    >>> weights_kind(layers.AttentionPooling2D(), (2, 1, 1, 9))
    'spatial'
    """
    declared = getattr(layer, "weights_kind", None)
    if declared is not None:
        return declared
    if len(shape) == 4 and shape[1:3] == (1, 1) and shape[3] > 1:
        return "channel"
    is_stock = layer is not None and type(layer).__module__.startswith("keras.")
    return "pairwise" if is_stock or len(shape) < 4 else "spatial"
