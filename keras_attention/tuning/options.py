"""What attention a map can take: which mechanisms, with which arguments.

Nothing is listed here by name. The keys come from the registries, what may be
varied from the arguments that a layer has, and which parts go together from
the flags of their classes: a key that is registered tomorrow is searched
tomorrow.
"""

import math
from typing import NamedTuple

import keras

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import arguments
from keras_attention import layers
from keras_attention import scores

#: Arguments of attention layers and of their parts that a search varies, with
#: the values it draws from: first the cheapest, which is the default.
LAYER_CHOICES = {
    "reduction_ratio": [16, 8, 4],
    "kernel_size": [3, 5, 7],
    "num_heads": [1, 2, 4, 8],
    "key_dim": [16, 32, 64],
    "filters": [32, 64, 128, 256],
    "score": None,
    "alignment": None,
    "aggregation": None,
    "temperature": [1.0, 0.3, 0.1],
    "identity_init": [False, True],
}

#: Pools a place evenly: what attention pooling has to be better than.
UNIFORM = "uniform"
#: Nothing at a place.
NONE = "none"

_PARTS = {
    "score": scores,
    "alignment": alignments,
    "aggregation": aggregations,
}
#: Above it, the weights of one head over one image take more than 4 MB.
_MAX_POSITIONS = 1024


class Argument(NamedTuple):
    """Something to draw: one argument of a mechanism.

    Attributes:
        name: Of the hyperparameter, behind its place and its mechanism.
        path: Where the value belongs: `("num_heads",)`,
            `("alignment", "key")`.
        values: A list to choose from, or a tuple `(low, high)` for a range.
        parent: `name` of the argument that it depends on, or `None`.
        parent_values: The parent's values with which it exists.
    """

    name: str
    path: tuple
    values: list | tuple
    parent: str | None = None
    parent_values: tuple = ()


class Site(NamedTuple):
    """A place for attention.

    Attributes:
        maps: The shapes `(height, width, channels)` that its map can have:
            several, if the width of the network is searched too.
        queries: The shapes that the map of the query can have, in the same
            order, for a place that may be tapped; empty for one where the map
            has to stay a map.
    """

    maps: list
    queries: list | tuple = ()

    @property
    def may_be_tapped(self):
        """Whether a vector may be made of the map, beside the network."""
        return bool(self.queries)

    @property
    def has_known_size(self):
        """Whether all heights and widths are known."""
        return all(None not in shape[:2] for shape in self.maps)

    @property
    def positions(self):
        """Of the largest map, infinity where it is not known."""
        if not self.has_known_size:
            return math.inf
        return max(height * width for height, width, _ in self.maps)

    @property
    def side(self):
        """The shortest, infinity where it is not known."""
        if not self.has_known_size:
            return math.inf
        return min(min(shape[:2]) for shape in self.maps)


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
        sites: Dictionary of place to `Site`, or to a shape
            `(height, width, channels)` where the map has to stay a map.
        mechanisms: Keys or families of `keras_attention.layers`, and
            `"uniform"`; `None` takes all that fit. A place takes those of
            them that fit it.
        choices: Other values than those of `LAYER_CHOICES`: dictionary of
            argument to list. For `"score"`, `"alignment"` and `"aggregation"`
            they are keys.
        max_positions: On larger maps, positions are not compared in pairs.
        affordable: Optional function `(place, description) -> bool`; what it
            refuses, alone in an otherwise plain network, is left out.

    Returns:
        Dictionary of place to a dictionary of mechanism to a list of
        `Argument`.

    Raises:
        ValueError: For unknown mechanisms and arguments, and for a place that
            takes none of the mechanisms.

    Example:

    >>> options = attention_options({"block3": (28, 28, 64)}, ["se", "mhsa"])
    >>> for argument in options["block3"]["mhsa"]:
    ...     print(argument.name, argument.values)
    num_heads [1, 2, 4, 8]
    key_dim [16, 32, 64]
    identity_init [False, True]
    >>> sorted(attention_options({"block1": (224, 224, 64)}, ["se", "mhsa"])
    ...        ["block1"])
    ['se']
    """
    arguments.positive_int("max_positions", max_positions)
    choices = {**LAYER_CHOICES, **(choices or {})}
    keys = mechanism_keys(mechanisms)
    options = {}
    for place, site in sites.items():
        if not isinstance(site, Site):
            site = Site([tuple(site)])
        found = {
            key: _arguments_at(key, site, choices, max_positions)
            for key in keys
        }
        found = {key: what for key, what in found.items() if what is not None}
        if affordable is not None:
            found = _affordable(found, place, affordable)
        if not found:
            raise ValueError(
                f"No mechanism fits the place {place!r}, with maps of "
                f"{', '.join(map(str, site.maps))}. Received: mechanisms="
                f"{mechanisms!r}. {_advice(site, affordable)}"
            )
        options[place] = found
    return options


def mechanism_keys(mechanisms=None):
    """Keys of layers for keys and families, `"uniform"` among them.

    >>> mechanism_keys(["channel", "gate"])
    ['cbam_channel', 'eca', 'se', 'gate']
    """
    available = layers.available()
    if mechanisms is None:
        return [*available, UNIFORM]
    if isinstance(mechanisms, str):
        mechanisms = [mechanisms]
    keys = []
    for name in mechanisms:
        if name in available or name == UNIFORM:
            keys.append(name)
            continue
        try:
            keys.extend(layers.available(name))
        except ValueError as error:
            raise ValueError(
                arguments.invalid(
                    "mechanisms",
                    name,
                    "keys or families of keras_attention.layers, or "
                    f"{UNIFORM!r}. Keys: {', '.join(available)}",
                )
            ) from error
    if not keys:
        raise ValueError(
            arguments.invalid("mechanisms", mechanisms, "at least one")
        )
    return list(dict.fromkeys(keys))


def layer_of(description):
    """The layer that a drawn description stands for.

    Args:
        description: `{"mechanism": "attn_pool", "num_heads": 2, "alignment":
            {"key": "softmax", "temperature": 0.3}, ...}`.

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
    for part, axis in _PARTS.items():
        if part in config:
            part_config = dict(config[part])
            part_key = part_config.pop("key")
            # By its key, a score is given the heads and the key size.
            config[part] = (
                axis.get(part_key, **part_config) if part_config else part_key
            )
    return layers.get(key, **config)


def is_inserted(layer):
    """Whether a layer stands in the network instead of beside it."""
    return layer.shape_preserving and layer.query_kind is None


def _arguments_at(key, site, choices, max_positions):
    """What can be drawn for a mechanism, `None` where it does not fit."""
    if key == UNIFORM:
        return [] if site.may_be_tapped else None
    layer = layers.get(key)
    config = layer.get_config()
    inserted = is_inserted(layer)
    if not inserted and not site.may_be_tapped:
        return None
    if "max_positions" in config and site.positions > max_positions:
        return None
    found = []
    for name in ("reduction_ratio", "kernel_size", "num_heads", "key_dim"):
        if name in config:
            values = _fitting(name, key, site, choices[name])
            if not values:
                return None
            _check_values(layers, key, name, values)
            found.append(Argument(name, (name,), values))
    # Where there is a ratio too, it would be overridden.
    if "filters" in config and "reduction_ratio" not in config:
        _check_values(layers, key, "filters", choices["filters"])
        found.append(Argument("filters", ("filters",), choices["filters"]))
    if "alignment" in config:
        parts = _parts(layer, config, inserted, site, choices)
        if parts is None:
            return None
        found += parts
    if inserted and "identity_init" in config:
        values = choices["identity_init"]
        found.append(Argument("identity_init", ("identity_init",), values))
    return found


def _check_values(axis, key, name, values):
    """Lets the class refuse a value now instead of in every trial."""
    for value in values:
        axis.get(key, **{name: value})


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


def _parts(layer, config, inserted, site, choices):
    """Score, alignment and aggregation, as far as they go together."""
    aggregates = _allowed(
        "aggregation",
        choices,
        # What is inserted stays a map, a tap becomes a vector.
        lambda part: part.keeps_positions == inserted,
    )
    signed, positive = [], []
    if "score" in config:
        possible = _allowed(
            "score",
            choices,
            lambda part: site.has_known_size or not part.needs_static_size,
        )
        positive = [s for s in possible if scores.get(s).positive_scores]
        signed = possible
    aligned = _allowed(
        "alignment",
        choices,
        lambda part: (
            (positive or not part.positive_scores)
            and (layer.query_kind == "vector" or not part.needs_query)
            # Weights that sum to 1 would leave next to nothing of a map.
            and not (inserted and part.normalized)
        ),
    )
    if not aligned or not aggregates or ("score" in config and not signed):
        return None
    particular = [a for a in aligned if alignments.get(a).positive_scores]
    tolerant = [a for a in aligned if a not in particular]
    tempered = [
        a for a in aligned if "temperature" in alignments.get(a).get_config()
    ]
    found = [Argument("alignment", ("alignment", "key"), aligned)]
    for name, values, parents in (
        ("score", signed, tolerant),
        ("positive_score", positive, particular),
    ):
        if values and parents:
            found.append(
                Argument(
                    name, ("score", "key"), values, "alignment", tuple(parents)
                )
            )
    for alignment in tempered:
        _check_values(
            alignments, alignment, "temperature", choices["temperature"]
        )
    if tempered:
        found.append(
            Argument(
                "temperature",
                ("alignment", "temperature"),
                choices["temperature"],
                "alignment",
                tuple(tempered),
            )
        )
    found.append(Argument("aggregation", ("aggregation", "key"), aggregates))
    return found


def _allowed(part, choices, fits):
    axis = _PARTS[part]
    keys = axis.available() if choices[part] is None else choices[part]
    return [key for key in keys if fits(axis.get(key))]


def _affordable(found, place, affordable):
    """Leaves out what is too costly, an argument's value at a time."""
    kept = {}
    for mechanism, what in found.items():
        cheapest = describe(mechanism, what, {})
        if not affordable(place, cheapest):
            continue
        kept[mechanism] = [
            argument
            if argument.parent or isinstance(argument.values, tuple)
            else argument._replace(
                values=argument.values[:1]
                + [
                    value
                    for value in argument.values[1:]
                    if affordable(
                        place, describe(mechanism, what, {argument.name: value})
                    )
                ]
            )
            for argument in what
        ]
    return kept


def describe(mechanism, what, drawn):
    """The description of a mechanism with the drawn arguments.

    Args:
        mechanism: Its key.
        what: Its `Argument`s.
        drawn: Dictionary of name to value; the others take their first.
    """
    description, taken = {"mechanism": mechanism}, {}
    for argument in what:
        above = argument.parent
        if above is not None and taken[above] not in argument.parent_values:
            continue
        value = drawn.get(argument.name, argument.values[0])
        taken[argument.name] = value
        node = description
        for step in argument.path[:-1]:
            node = node.setdefault(step, {})
        node[argument.path[-1]] = value
    return description


def _advice(site, affordable):
    if affordable is not None:
        return "Allow more mechanisms or raise max_overhead."
    if not site.may_be_tapped:
        return "It takes mechanisms that keep the shape of their map."
    return "Allow more mechanisms or name another place."
