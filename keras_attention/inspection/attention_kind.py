"""Whether recorded weights are a map, channels, or pairs of positions.

Shapes alone do not tell: `(batch, 1, 1, 9)` is one gate a channel, or one head
over a map of one row; `(batch, 1, 9, 9)` is a map, or the pairs of a 3x3 map.
So the layer is asked.
"""

from keras_attention.internals.recording import sublayers

# Two maps whose shapes cannot be taken for each other or for channels.
_GRIDS = ((16, 32), (48, 80))
_CHANNELS = 64


def attention_kinds(model, weights):
    """The kind of every entry of an `AttentionExtractor`'s weights.

    Args:
        model: The model that was extracted from.
        weights: Dictionary of name to array, as extracted.

    Returns:
        Dictionary of name to `"spatial"`, `"channel"` or `"pairwise"`, see
        `attention_kind`, in the order of the model's layers. (Under JAX, a
        compiled function sorts the names of what it returns.)
    """
    layers = dict(sublayers(model))
    order = {name: place for place, name in enumerate(layers)}

    def place(name):
        layer, call = _layer_and_call(name, layers)
        return order.get(layer, len(order)), call

    kinds = {}
    for name in sorted(weights, key=place):
        layer, _ = _layer_and_call(name, layers)
        kinds[name] = attention_kind(layers.get(layer), weights[name].shape)
    return kinds


def _layer_and_call(name, layers):
    """A shared layer's second call is recorded as "name#2"."""
    layer, _, call = name.rpartition("#")
    return (layer, int(call)) if layer in layers else (name, 1)


def attention_kind(layer, shape):
    """What the weights of a layer run over.

    A layer that declares the shapes of its weights, as `AttentionLayer2D`
    does, is asked for those of two maps of different size: weights that
    change like the map are `"spatial"`, weights that do not change and are
    `(batch, 1, 1, channels)` are `"channel"`, all others are `"pairwise"`.

    Other layers are judged by rank: Keras' own attention layers and weights
    of rank 3 are `"pairwise"`, rank 5 is `"spatial"`, and so is rank 4 unless
    it is `(batch, 1, 1, channels)` with more than one channel.

    Args:
        layer: The layer that recorded the weights, or `None`.
        shape: The shape of the weights.

    Returns:
        `"spatial"`, `"channel"` or `"pairwise"`.

    Example:

    >>> from keras_attention import layers
    >>> attention_kind(layers.SqueezeAndExcite2D(), (2, 1, 1, 9))
    'channel'
    >>> attention_kind(layers.AttentionPooling2D(), (2, 1, 1, 9))
    'spatial'
    """
    if hasattr(layer, "attention_shapes"):
        return _declared_kind(layer, shape)
    is_channel = len(shape) == 4 and shape[1:3] == (1, 1) and shape[3] > 1
    if is_channel:
        return "channel"
    is_stock = layer is not None and type(layer).__module__.startswith("keras.")
    return "pairwise" if is_stock or len(shape) < 4 else "spatial"


def _declared_kind(layer, shape):
    small, large = (
        layer.attention_shapes(
            (None, *grid, _CHANNELS), _query_shape(layer.query_kind, grid)
        )[1]
        for grid in _GRIDS
    )
    if small == large:
        return "channel" if tuple(shape[1:3]) == (1, 1) else "pairwise"
    (rows, columns), (height, width) = small[-2:], _GRIDS[0]
    # A map at half the size of the features is a map all the same.
    return "spatial" if rows * width == columns * height else "pairwise"


def _query_shape(kind, grid):
    if kind == "map":
        return (None, *grid, _CHANNELS)
    return (None, _CHANNELS) if kind == "vector" else None
