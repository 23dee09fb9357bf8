"""Keys of mechanisms, and the layers that they stand for."""

import keras

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import layers
from keras_attention import scores
from keras_attention.internals import arguments
from keras_attention.internals.words import did_you_mean

#: Pools a place evenly: what attention pooling has to be better than.
UNIFORM = "uniform"
#: Nothing at a place.
NONE = "none"
#: Every key there is.
ALL = "all"
#: One of each kind: even pooling, attention pooling with a learned query and
#: with the network's own, weights of channels, weights of both. With "none" six
#: values, of which the 20 trials of a search try each three times; the others
#: are what these are compared with next, or cost more than they do.
MECHANISMS = (UNIFORM, "attn_pool", "gate", "se", "cbam")
AXES = {
    "score": scores,
    "alignment": alignments,
    "aggregation": aggregations,
}
_AXES = {**AXES, "layer": layers}


def mechanism_keys(mechanisms=None):
    """Keys of layers for keys and families, `"uniform"` among them.

    `None` are `MECHANISMS` and what others have registered, who want to see it
    searched; `"all"` are all.

    >>> mechanism_keys(["channel", "gate"])
    ['cbam_channel', 'eca', 'se', 'gate']
    """
    available = layers.available()
    if mechanisms is None:
        others = [k for k in available if not is_ours(type(layers.get(k)))]
        return [*MECHANISMS, *others]
    if isinstance(mechanisms, str):
        mechanisms = [mechanisms]
    keys = []
    for name in mechanisms:
        if name in available or name == UNIFORM:
            keys.append(name)
            continue
        if name == ALL:
            keys += [*available, UNIFORM]
            continue
        try:
            keys.extend(layers.available(name))
        except ValueError as error:
            raise ValueError(
                arguments.invalid(
                    "mechanisms",
                    name,
                    "keys or families of keras_attention.layers, "
                    f"{UNIFORM!r} or {ALL!r}. Keys: {', '.join(available)}",
                )
                + f". {did_you_mean(name, [*available, UNIFORM])}".rstrip()
            ) from error
    if not keys:
        raise ValueError(
            arguments.invalid("mechanisms", mechanisms, "at least one")
        )
    return list(dict.fromkeys(keys))


def classes_of_others():
    """What is registered from elsewhere: `[(axis, key, class)]`.

    Another process that unpickles it has imported their modules, or has
    the classes of a notebook, for `register_again`.
    """
    found = [
        (name, key, type(axis.get(key)))
        for name, axis in _AXES.items()
        for key in axis.available()
    ]
    return [entry for entry in found if not is_ours(entry[2])]


def register_again(others):
    """Registers what `classes_of_others` returned, as far as nobody has."""
    for name, key, cls in others:
        if key not in _AXES[name].available():
            _AXES[name].register(key)(cls)


def is_ours(cls):
    """Whether a class comes with this package."""
    return cls.__module__.startswith("keras_attention.")


def layer_of(description):
    """The layer that a drawn description stands for.

    Args:
        description: dict, such as `{"mechanism": "attn_pool", "num_heads": 2,
            "alignment": {"key": "softmax", "temperature": 0.3}}`.

    Returns:
        A new layer.

    Example:

    >>> layer_of({"mechanism": "se", "reduction_ratio": 4}).reduction_ratio
    4
    """
    config = dict(description)
    key = config.pop("mechanism")
    if key == UNIFORM:
        return keras.layers.GlobalAveragePooling2D()
    for part, axis in AXES.items():
        if part in config:
            part_config = dict(config[part])
            part_key = part_config.pop("key")
            # By its key, a score is given the heads and the key size.
            config[part] = (
                axis.get(part_key, **part_config) if part_config else part_key
            )
    return layers.get(key, **config)
