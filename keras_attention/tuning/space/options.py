"""What attention a map can take: which mechanisms, with which arguments.

Nothing is listed here by name. The keys come from the registries, what may be
varied from the arguments that a layer has, and which parts go together from
the flags of their classes: a key that is registered tomorrow can be searched
tomorrow.

Of the arguments only those are drawn that somebody asked for: the user by a
choice, or the author of a layer by the search space it is registered with. All
others would take more trials than most people run.
"""

import math

import keras

from keras_attention import layers
from keras_attention.internals import arguments
from keras_attention.tuning.space.choices import LAYER_CHOICES
from keras_attention.tuning.space.choices import asked_for
from keras_attention.tuning.space.choices import choices_at
from keras_attention.tuning.space.drawing import Argument
from keras_attention.tuning.space.drawing import check_values
from keras_attention.tuning.space.drawing import describe
from keras_attention.tuning.space.mechanisms import AXES
from keras_attention.tuning.space.mechanisms import NONE
from keras_attention.tuning.space.mechanisms import UNIFORM
from keras_attention.tuning.space.mechanisms import is_ours
from keras_attention.tuning.space.mechanisms import mechanism_keys
from keras_attention.tuning.space.parts import parts_of
from keras_attention.tuning.space.site import Site

# What is varied in every layer that has it, unless its class says otherwise.
_VARIED = ("reduction_ratio", "kernel_size", "num_heads", "key_dim")
# What Keras or the place decides, or what is drawn in another way.
_NOT_VARIED = {
    *("name", "trainable", "dtype", "data_format", "identity_init"),
    *AXES,
}
#: Above it, the weights of one head over one image take more than 4 MB.
_MAX_POSITIONS = 1024


def attention_options(
    sites,
    mechanisms=None,
    choices=None,
    max_positions=_MAX_POSITIONS,
    affordable=None,
):
    """What can be drawn at every place.

    A combination that cannot work is not among it: heads that do not divide
    the channels, a kernel larger than the map, scores that an alignment does
    not take, positions compared in pairs on a large map.

    Args:
        sites: dict of place to `Site`, or to a shape
            `(height, width, channels)` where the map has to stay a map.
        mechanisms: str or list of str, keys or families of
            `keras_attention.layers`, `"uniform"` and `"all"`; `None` takes
            `MECHANISMS` and what others have registered. A place takes those of
            them that fit it. Defaults to `None`.
        choices: dict of name to list, the values that are drawn from, where
            they fit; `None` are the usual ones. Of other arguments the first of
            `LAYER_CHOICES` that fits is taken. A name is an argument, alone,
            behind a mechanism, or behind a place and a mechanism; the longest
            that fits counts. `<place>_attention` are the mechanisms of a
            place. Defaults to `None`.
        max_positions: int; on larger maps, positions are not compared in pairs.
            Defaults to `1024`.
        affordable: callable `(place, description) -> bool` or `None`; what it
            refuses, alone in an otherwise plain network, is left out. Defaults
            to `None`.

    Returns:
        Dictionary of place to a dictionary of mechanism to a list of
        `Argument`.

    Raises:
        ValueError: For unknown mechanisms and arguments, and for a place that
            takes none of the mechanisms.

    Example:

    >>> choices = {"se_reduction_ratio": [8, 4]}
    >>> sites = {"block3": (28, 28, 64)}
    >>> options = attention_options(sites, ["se", "mhsa"], choices)
    >>> for argument in options["block3"]["se"]:
    ...     print(argument.name, argument.values)
    reduction_ratio [8, 4]
    identity_init [False]
    >>> sorted(attention_options({"block1": (224, 224, 64)}, ["se", "mhsa"])
    ...        ["block1"])
    ['se']
    """
    arguments.positive_int("max_positions", max_positions)
    choices = choices or {}
    options = {}
    for place, site in sites.items():
        if not isinstance(site, Site):
            site = Site([tuple(site)])
        chosen = choices.get(f"{place}_attention")
        # Results have "none" among the values, and so does every place.
        keys = mechanism_keys(
            [k for k in chosen if k != NONE] if chosen else mechanisms
        )
        found = {
            key: _arguments_at(
                key, site, choices_at(choices, place, key), max_positions
            )
            for key in keys
        }
        why = {
            key: what for key, what in found.items() if isinstance(what, str)
        }
        found = {key: what for key, what in found.items() if key not in why}
        if affordable is not None:
            costly = found
            found = _affordable(found, place, affordable)
            why |= dict.fromkeys(costly, "costs more than max_overhead")
        if not found:
            told = "; ".join(f"{key}: {reason}" for key, reason in why.items())
            raise ValueError(
                f"No mechanism fits the place {place!r}, with maps of "
                f"{', '.join(map(str, site.maps))}. Received: mechanisms="
                f"{mechanisms!r}. {told}. {_advice(site, affordable)}"
            )
        options[place] = found
    return options


def _arguments_at(key, site, given, max_positions):
    """What can be drawn for a mechanism, or a reason why it does not fit."""
    if key == UNIFORM:
        return [] if site.may_be_tapped else "makes a vector of the map"
    layer = layers.get(key)
    config = layer.get_config()
    inserted = layer.is_insertable
    if not inserted and not site.may_be_tapped:
        if not site.pooled:
            return "makes a vector of the map"
        if not _pools_alone(key, site):
            return "makes no vector of the map alone"
    if "max_positions" in config and site.positions > max_positions:
        return f"{site.positions} positions are more than {max_positions=}"
    found = []
    declared = layers.registry.search_space(key)
    usual = declared or {name: LAYER_CHOICES[name] for name in _VARIED}
    for name in dict.fromkeys([*usual, *given]):
        if name not in config or name in _NOT_VARIED:
            continue
        values = given.get(name) or usual.get(name)
        if not values and name in LAYER_CHOICES:
            continue
        if not values:
            raise ValueError(f"There are no usual values of {key}'s {name}.")
        values = _fitting(name, key, site, values)
        if not values:
            return f"no {name} fits the map"
        # Of others' layers, all is drawn that they are registered with.
        if name not in given and is_ours(type(layer)):
            values = values[:1]
        check_values(layers, key, name, values)
        found.append(Argument(name, (name,), values))
    if "alignment" in config:
        parts = parts_of(key, layer, inserted, site, given)
        if parts is None:
            return "no score, alignment and aggregation go together here"
        found += parts
    if inserted and "identity_init" in config:
        values = asked_for("identity_init", given)
        found.append(Argument("identity_init", ("identity_init",), values))
    return found


def _pools_alone(key, site):
    """Whether it makes `(batch, channels)` of the maps, without a query."""
    for shape in site.maps:
        try:
            pooled = layers.get(key)(keras.KerasTensor((None, *shape)))
        except ValueError:
            return False
        if pooled.shape != (None, shape[2]):
            return False
    return True


def attention_names(options):
    """The names that choices of attention can have, of its options."""
    names = {*LAYER_CHOICES, *(f"{place}_attention" for place in options)}
    for place, mechanisms in options.items():
        for key, what in mechanisms.items():
            for argument in what:
                name = argument.name
                # Keys have one name, whatever alignments they are beside.
                if argument.path[1:] == ("key",):
                    name = argument.path[0]
                names |= {name, f"{key}_{name}", f"{place}_{key}_{name}"}
    return names


def _fitting(name, key, site, values):
    channels = [shape[2] for shape in site.maps]
    if name == "reduction_ratio":
        return [v for v in values if v <= min(channels)]
    if name == "kernel_size":
        along_channels = key in layers.available("channel")
        limit = min(channels) if along_channels else site.side
        return [v for v in values if v <= limit]
    if name == "num_heads":
        queries = [shape[2] for shape in site.queries]
        divided = math.gcd(*channels, *queries)
        return [v for v in values if divided % v == 0]
    return list(values)


def _affordable(found, place, affordable):
    """Leaves out what is too costly, an argument's value at a time."""

    def fits(mechanism, drawn):
        what = found[mechanism]
        return affordable(place, describe(mechanism, what, drawn))

    def cheap(mechanism, argument):
        if argument.parent or isinstance(argument.values, tuple):
            return argument
        name, (first, *others) = argument.name, argument.values
        others = [v for v in others if fits(mechanism, {name: v})]
        return argument._replace(values=[first, *others])

    return {
        mechanism: [cheap(mechanism, argument) for argument in what]
        for mechanism, what in found.items()
        if fits(mechanism, {})
    }


def _advice(site, affordable):
    if affordable is not None:
        return "Allow more mechanisms or raise max_overhead."
    if not site.may_be_tapped:
        return "It takes mechanisms that keep the shape of their map."
    return "Allow more mechanisms or name another place."
