"""The layer to insert at a place, made of what the user gave."""

import re

import keras

from keras_attention import layers
from keras_attention.internals.registry import takes_config
from keras_attention.surgery import graph


def prepare(what, path, features, model, names, identity_init):
    """A new layer for one place, not built.

    Args:
        what: A key, configuration, class or instance.
        path: Of the place.
        features: The map that the layer will follow.
        model: The whole model, for its data format.
        names: The names in use; the layer's is added.
        identity_init: Of an attention layer.
    """
    given = layers.get(what)
    config = _config(given, what)
    is_attention = isinstance(given, layers.AttentionLayer2D)
    config["name"] = _new_name(path, suffix(given), names)
    if takes_config(what):
        config["dtype"] = graph.dtype_policy(features)
    if is_attention:
        config["identity_init"] = identity_init
        config["data_format"] = _data_format(given, what, path, features, model)
    _expect_shape_preserving(given, what)
    layer = _make(given, config, what)
    _expect_same_shape(_make(given, config, what), what, path, features)
    names.add(layer.name)
    return layer


def suffix(layer):
    """The registry's key of a layer, or else its class in snake case."""
    for key in layers.available():
        if type(layers.get(key)) is type(layer):
            return key
    name = re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z\d])(?=[A-Z][a-z])",
        "_",
        type(layer).__name__,
    )
    return name.lower()


def shape_preserving_keys():
    """The keys of what can be inserted as it comes."""
    return [key for key in layers.available() if _keeps(layers.get(key))]


def _keeps(layer):
    return layer.shape_preserving and layer.query_kind is None


def _config(layer, what):
    try:
        return layer.get_config()
    except NotImplementedError as error:
        raise ValueError(
            f"{what!r} cannot be copied to its places: {error}"
        ) from error


def _make(layer, config, what):
    try:
        return type(layer).from_config(config)
    except TypeError as error:
        raise ValueError(
            f"{what!r} cannot be copied to its places: its class must be "
            "made from the configuration that get_config() returns, with "
            f"name and dtype. Keras says: {error}"
        ) from error


def _new_name(path, ending, names):
    first = f"{path.rpartition('/')[2]}_{ending}"
    name, number = first, 1
    while name in names:
        number += 1
        name = f"{first}_{number}"
    return name


def _data_format(layer, what, path, features, model):
    found = graph.data_format(features, model)
    if found is None and takes_config(what):
        raise ValueError(
            f"attention at {path!r}: no layer of the model tells which axis "
            "has the channels, or they disagree. Give a layer that does: "
            f"keras_attention.layers.get({suffix(layer)!r}, "
            "data_format='channels_last') or 'channels_first'."
        )
    return found or layer.data_format


def _expect_shape_preserving(layer, what):
    if isinstance(layer, layers.AttentionLayer2D) and not _keeps(layer):
        raise ValueError(
            "attach inserts layers that keep the shape of their map and need "
            f"no query, which {type(layer).__name__} does not. Received: "
            f"{what!r}. Valid keys: "
            f"{', '.join(map(repr, shape_preserving_keys()))}; or another "
            "layer of this kind."
        )


def _expect_same_shape(layer, what, path, features):
    """Tries a layer on a map of its own, which leaves no trace."""
    inputs = keras.Input(batch_shape=features.shape, dtype=features.dtype)
    try:
        outputs = layer(inputs)
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{what!r} cannot follow {path!r}, whose outputs have the shape "
            f"{tuple(features.shape)}: {error}"
        ) from error
    shape = getattr(outputs, "shape", None)
    if shape != features.shape:
        raise ValueError(
            "attach inserts layers that keep the shape of their map, which "
            f"{type(layer).__name__} does not at {path!r}: "
            f"{tuple(features.shape)} becomes {shape}. Received: {what!r}. "
            f"Valid keys: {', '.join(map(repr, shape_preserving_keys()))}; or "
            "another layer of this kind."
        )
