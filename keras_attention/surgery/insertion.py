"""The layer to put at a place, made of what the user gave."""

import re

import keras

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import layers
from keras_attention import scores
from keras_attention.internals.registry import takes_config

# Alignments keep the shape of any map, and mean nothing on one.
_PARTS = (scores.Score, alignments.Alignment, aggregations.Aggregation)


def given_layer(what):
    """The layer that the user gave for a place: attention or any other.

    Args:
        what: str, dict, class or layer.
    """
    layer = layers.registry.get_any(what)
    if isinstance(layer, _PARTS):
        raise ValueError(
            "What stands at a place is a layer on maps, not a part of one: "
            "a score, an alignment or an aggregation is an argument of "
            "layers.get('attn_pool'), 'cross', 'gate' or 'mhsa'. "
            f"Received: {what!r}"
        )
    return layer


def new_layer(what, place, features, graph, names):
    """A layer of its own for one place, not built.

    Args:
        what: str, dict, class or layer, which is copied.
        place: `Place`, after which the layer is named.
        features: symbolic tensor, the map that it will follow.
        graph: `Graph` of the whole model, for its data format.
        names: set of the names in use; the layer's is added.

    Returns:
        A layer with the data format of the map; a key or a class also gets
        the dtype policy of the layer that it follows.
    """
    given = given_layer(what)
    try:
        config = given.get_config()
    except NotImplementedError as error:
        raise ValueError(
            f"{what!r} cannot be copied to its places: {error}"
        ) from error
    config["name"] = _new_name(place.path, suffix(given), names)
    if takes_config(what):
        # As get_config has it: an object is no argument that Keras can save.
        policy = graph.dtype_policy(features)
        config["dtype"] = keras.dtype_policies.serialize(policy)
    if isinstance(given, layers.AttentionLayer2D):
        config["data_format"] = _data_format(
            given, what, place.path, features, graph
        )
    layer = remade(given, config)
    names.add(layer.name)
    return layer


def insertable_layer(what, place, features, graph, names, identity_init):
    """`new_layer` of what keeps the shape of its map and takes no query.

    Args:
        what: See `new_layer`, like the next four.
        place: See `new_layer`.
        features: See `new_layer`.
        graph: See `new_layer`.
        names: See `new_layer`.
        identity_init: bool or `None`, of an attention layer; `None` leaves it
            as it is given.
    """
    layer = new_layer(what, place, features, graph, names)
    if isinstance(layer, layers.AttentionLayer2D):
        if not layer.is_insertable:
            raise ValueError(
                "attach inserts layers that keep the shape of their map and "
                f"need no query, which {type(layer).__name__} does not. "
                f"Received: {what!r}. {_valid_keys()}"
            )
        if identity_init is not None:
            config = {**layer.get_config(), "identity_init": identity_init}
            layer = remade(layer, config)
    _expect_same_shape(layer, what, place.path, features)
    return layer


def remade(layer, config):
    """A new layer of the same class."""
    try:
        return type(layer).from_config(config)
    except TypeError as error:
        raise ValueError(
            f"{layer!r} cannot be copied to its places: its class must be "
            "made from the configuration that get_config() returns, with "
            f"name and dtype. Keras says: {error}"
        ) from error


def suffix(layer):
    """The registry's key of a layer, or else its class in snake case."""
    name = layers.registry.key_of(layer)
    return re.sub(
        r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z\d])(?=[A-Z][a-z])", "_", name
    ).lower()


def insertable_keys():
    """The keys of what can be inserted as it comes."""
    return [key for key in layers.available() if layers.get(key).is_insertable]


def _new_name(path, ending, names):
    first = f"{path.rpartition('/')[2]}_{ending}"
    name, number = first, 1
    while name in names:
        number += 1
        name = f"{first}_{number}"
    return name


def _data_format(layer, what, path, features, graph):
    found = graph.data_format(features)
    if found is None and takes_config(what):
        raise ValueError(
            f"attention at {path!r}: no layer of the model tells which axis "
            "has the channels, or they disagree. Give a layer that does: "
            f"keras_attention.layers.get({suffix(layer)!r}, "
            "data_format='channels_last') or 'channels_first'."
        )
    return found or layer.data_format


def _expect_same_shape(layer, what, path, features):
    """Tries a copy on a map of its own, which leaves no trace."""
    inputs = keras.Input(batch_shape=features.shape, dtype=features.dtype)
    try:
        outputs = remade(layer, layer.get_config())(inputs)
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
            f"{_valid_keys()}"
        )


def _valid_keys():
    keys = ", ".join(map(repr, insertable_keys()))
    return f"Valid keys: {keys}; or another layer of this kind."
