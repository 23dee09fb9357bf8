"""Which score, alignment and aggregation go together.

What a place can take is read from the flags of their classes; what goes with
what, by asking the layer: it refuses parts that cannot work together when it
is made, so that nothing about them is repeated here.
"""

import functools
import itertools

from keras_attention import alignments
from keras_attention import layers
from keras_attention.tuning.space.choices import asked_for
from keras_attention.tuning.space.drawing import Argument
from keras_attention.tuning.space.drawing import check_values
from keras_attention.tuning.space.mechanisms import AXES


def parts_of(key, layer, inserted, site, given):
    """The `Argument`s of a mechanism's parts, as far as they go together.

    The alignment, and depending on it the others; `None` where nothing goes
    together. `layer` is one of the mechanism, `inserted` in the network or
    beside it. Of a part without choices in `given`, the first key is taken that
    goes with others.
    """
    candidates = {"alignment": [], "score": [], "aggregation": []}
    fits = {
        "alignment": lambda part: _aligns(part, layer, inserted),
        "score": lambda part: site.has_known_size or not part.needs_static_size,
        # What is inserted stays a map, a tap becomes a vector.
        "aggregation": lambda part: (
            part.keeps_positions == inserted
            and not (site.pooled and _widens(part))
        ),
    }
    config = layer.get_config()
    for part in [part for part in candidates if part in config]:
        keys = given.get(part) or _default_first(part, layer)
        candidates[part] = [
            name for name in keys if fits[part](AXES[part].get(name))
        ]
    taken = _taken(key, candidates, given)
    if not taken:
        return None
    found = [Argument("alignment", ("alignment", "key"), list(taken))]
    for part in ("score", "aggregation"):
        if part in config:
            found += _beside(part, taken)
    declared = [own for part in found for own in _declared(part, given)]
    return (
        found + declared + _temperature(taken, asked_for("temperature", given))
    )


def _declared(argument, given):
    """The arguments that the classes of drawn keys say may be varied."""
    part = argument.path[0]
    return [
        Argument(
            f"{argument.name}_{key}_{name}",
            (part, name),
            given.get(f"{part}_{key}_{name}") or values,
            argument.name,
            (key,),
        )
        for key in argument.values
        for name, values in (
            AXES[part].registry.search_space(key) or {}
        ).items()
    ]


def _default_first(part, layer):
    """All keys, that of the layer's own part before the others."""
    own = type(getattr(layer, part))
    axis = AXES[part]
    return sorted(
        axis.available(), key=lambda key: type(axis.get(key)) is not own
    )


def _widens(aggregation):
    """Whether its vector may have more channels than the map."""
    return aggregation.needs_query or aggregation.repeats_channels


def _aligns(part, layer, inserted):
    """Whether an alignment can be at a place, whatever is beside it."""
    return (
        # Hard choices are trained by a model of their own, not by `fit`.
        not getattr(part, "needs_reinforce", False)
        and (layer.query_kind == "vector" or not part.needs_query)
        # Weights that sum to 1 would leave next to nothing of a map that they
        # multiply; where positions are compared in pairs, that is the rule.
        and not (
            inserted and part.normalized and not layer.alignment.normalized
        )
    )


def _taken(key, candidates, given):
    """Alignment to `{"score": [...], "aggregation": [...]}` that go with it.

    Without alignments that no pair of them suits; of a part that nobody asked
    for, the first.
    """
    found = {}
    scored, aggregated = candidates["score"], candidates["aggregation"]
    for alignment in candidates["alignment"]:
        # A first pair that works, beside which the others are tried.
        pairs = itertools.product(scored or [None], aggregated or [None])
        pair = next((p for p in pairs if _accepts(key, alignment, *p)), None)
        if pair is None:
            continue
        score, aggregation = pair
        beside = {
            "score": [score]
            if "score" not in given
            else [
                s for s in scored if _accepts(key, alignment, s, aggregation)
            ],
            "aggregation": [aggregation]
            if "aggregation" not in given
            else [a for a in aggregated if _accepts(key, alignment, score, a)],
        }
        found[alignment] = beside
        if "alignment" not in given:
            break
    return found


@functools.cache
def _accepts(key, alignment, score, aggregation):
    """Whether a layer can be made of these parts; `None` are its own."""
    parts = dict(alignment=alignment, score=score, aggregation=aggregation)
    try:
        layers.get(key, **{n: part for n, part in parts.items() if part})
    except ValueError:
        return False
    return True


def _beside(part, taken):
    """One `Argument` for all alignments that take the same keys."""
    groups = {}
    for alignment, parts in taken.items():
        groups.setdefault(tuple(parts[part]), []).append(alignment)
    largest = max(groups, key=lambda keys: (len(groups[keys]), len(keys)))
    return [
        Argument(
            # Hyperparameters of one name would have to have the same values.
            part if keys == largest else f"{part}_of_{'_'.join(parents)}",
            (part, "key"),
            list(keys),
            "alignment",
            tuple(parents),
        )
        for keys, parents in groups.items()
    ]


def _temperature(taken, values):
    tempered = [
        alignment
        for alignment in taken
        if "temperature" in alignments.get(alignment).get_config()
    ]
    for alignment in tempered:
        check_values(alignments, alignment, "temperature", values)
    if not tempered:
        return []
    path = ("alignment", "temperature")
    return [Argument(path[1], path, values, path[0], tuple(tempered))]
