"""How the positions of pairwise attention lie in the image."""

from keras_attention.inspection.weights_kind import layer_and_call
from keras_attention.internals.recording import sublayers
from keras_attention.layers import AttentionLayer2D


def position_grids(model, names):
    """The size of the map that each layer was built for.

    Pairwise weights number the positions; the layer alone knows how many of
    them make a row.

    Args:
        model: `keras.Model` that was extracted from.
        names: iterable of str, as in the extracted weights.

    Returns:
        Dictionary of name to `(height, width)`, or to `None` for layers of
        others, and for maps of any size.

    Example:

    >>> import keras
    >>> from keras_attention import layers
    >>> inputs = keras.Input((6, 8, 4))
    >>> model = keras.Model(inputs, layers.get("mhsa", name="mix")(inputs))
    >>> position_grids(model, ["mix"])
    {'mix': (6, 8)}
    """
    layers = dict(sublayers(model))

    def grid(name):
        layer = layers.get(layer_and_call(name, layers)[0])
        if not isinstance(layer, AttentionLayer2D):
            return None
        config = layer.get_build_config()
        shapes = config.get("shapes_dict", {})
        shape = config.get("input_shape", shapes.get("features_shape"))
        first = 2 if layer.data_format == "channels_first" else 1
        sizes = tuple(shape or ())[first : first + 2]
        return sizes if len(sizes) == 2 and None not in sizes else None

    return {name: grid(name) for name in names}
