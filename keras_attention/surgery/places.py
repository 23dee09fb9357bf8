"""The language that names places: one for `attach`, networks and searches.

| a place is | for instance |
|---|---|
| the name of a layer, or its path in a nested model | `"vgg16/block3_pool"` |
| a block: the last layer whose name goes on from it | `"block3"` |
| a glob | `"block*_pool"` |
| a layer class | `keras.layers.MaxPooling2D` |
| a function `layer -> bool` | `lambda layer: layer.name == "pool"` |
| every sum of maps of one shape | `"residual_adds"` |
| the last layer at each map size | `"stage_ends"` |
"""

import fnmatch

import keras

from keras_attention import layers
from keras_attention.internals import arguments
from keras_attention.internals.words import did_you_mean
from keras_attention.internals.words import few
from keras_attention.surgery import landmarks
from keras_attention.surgery.graph import is_functional
from keras_attention.surgery.graph import is_inserted_attention

_LANDMARKS = {
    "residual_adds": landmarks.residual_adds,
    "stage_ends": landmarks.stage_ends,
}
_LANGUAGE = (
    "the name of a layer, a path such as 'vgg16/block3_pool', a block such as "
    "'block3', a glob such as 'block*_pool', a layer class, a function "
    f"layer -> bool, {' or '.join(map(repr, _LANDMARKS))}"
)


def check_dictionary(attention):
    """Raises unless it is a dictionary `{where: what}` of one each."""
    if not isinstance(attention, dict) or not attention:
        raise ValueError(
            arguments.invalid(
                "attention",
                attention,
                "a dictionary {where: what} with at least one place, e.g. "
                "{'block3_pool': 'cbam'}",
            )
        )
    for where, what in attention.items():
        if isinstance(what, list | tuple | set):
            raise ValueError(
                f"attention at {where!r}: a place takes one mechanism. "
                f"Received: {what!r}. Attach the first, then the next behind "
                "the layer that attach inserted."
            )


def find_all(graph, attention):
    """The places of a dictionary `{where: what}`, each once and free.

    Args:
        graph: `Graph`.
        attention: dict, of which the keys are read.

    Returns:
        List of `(where, Place)`, in the order of the dictionary, then of the
        model.

    Raises:
        ValueError: If a place is unknown, named twice, or followed by
            attention that could be taken out.
    """
    taken = {}
    for where in attention:
        for place in find(graph, where, "attention"):
            other, _ = taken.setdefault(id(place.operation), (where, place))
            if other != where:
                raise ValueError(
                    f"attention names the layer {place.path!r} twice: by "
                    f"{other!r} and by {where!r}. Received: "
                    f"{list(attention)}. Name it once."
                )
            for follower in place.followers:
                if is_inserted_attention(follower):
                    raise ValueError(
                        f"attention names {where!r}, which matches "
                        f"{place.path!r}. That has attention already: "
                        f"{follower.name!r}. Take it out with detach first, "
                        f"or name {follower.name!r} to put more behind it."
                    )
    return list(taken.values())


def find(graph, where, argument, *, with_attention=False, whole=False):
    """The places that a `where` names, in the order of the model.

    Args:
        graph: `Graph`.
        where: str, class or callable; see the module.
        argument: str, the argument that `where` comes from, for messages.
        with_attention: bool, whether blocks, globs, classes and functions match
            the attention layers of the model. Defaults to `False`.
        whole: bool, whether a block is all of its layers, attention too, and
            not where it ends. Defaults to `False`.

    Returns:
        A list of `Place`, not empty, without inputs.
    """
    if whole and not (isinstance(where, str) and where in graph.places):
        found = _candidates(graph, where, argument)
    else:
        found = _matching(graph, where, argument, with_attention)
    if not found:
        raise ValueError(
            f"{argument} names {where!r}, which {_nothing(graph, where)}"
        )
    unique = list({id(place.operation): place for place in found}.values())
    for place in unique:
        if isinstance(place.operation, keras.layers.InputLayer):
            raise ValueError(
                f"{argument} names {where!r}, which matches {place.path!r}, "
                "an input of the model. Name a layer behind it."
            )
    return unique


def the_map(place, where, argument, rank=4):
    """The tensor of a rank that the first call of a place returns."""
    for outputs in place.outputs:
        shapes = [tuple(tensor.shape) for tensor in outputs]
        if len(shapes) != 1 or len(shapes[0]) != rank:
            raise ValueError(
                f"{argument} names {where!r}, which matches {place.path!r}. "
                f"Attention needs one map of rank {rank}, (batch, "
                f"{'depth, ' * (rank == 5)}height, width, channels), to "
                "follow. Received: outputs of shape "
                f"{', '.join(map(str, shapes))}"
            )
    return place.outputs[0][0]


def _matching(graph, where, argument, with_attention):
    if isinstance(where, str) and where in graph.places:
        return [graph.places[where]]
    found = _candidates(graph, where, argument)
    if not with_attention:
        found = [p for p in found if not is_inserted_attention(p.operation)]
    if isinstance(where, str) and not _is_pattern(where):
        if with_attention:  # Of a block, attention is what is taken out.
            found = [p for p in found if is_inserted_attention(p.operation)]
        found = found[-1:]  # The end of a block.
    return found


def _candidates(graph, where, argument):
    places = graph.places.values()
    if isinstance(where, str):
        if where in _LANDMARKS:
            found = set(map(id, _LANDMARKS[where](graph)))
            return [p for p in places if id(p.operation) in found]
        if _is_pattern(where):
            return [p for p in places if _globs(where, p.path)]
        return [p for p in places if _is_in_block(where, p)]
    if isinstance(where, type) and issubclass(where, keras.Operation):
        return [p for p in places if isinstance(p.operation, where)]
    if callable(where) and not isinstance(where, type | keras.Operation):
        layers = [
            p for p in places if isinstance(p.operation, keras.layers.Layer)
        ]
        return [p for p in layers if where(p.operation)]
    raise ValueError(
        f"Invalid place in argument {argument}: expected {_LANGUAGE}. "
        f"Received: {where!r}"
    )


def _is_pattern(where):
    return where in _LANDMARKS or any(c in where for c in "*?[")


def _is_in_block(block, place):
    """Whether `"block3_conv1"` goes on from `"block3"`, in the same model."""
    rest = place.path.removeprefix(f"{block}_")
    return (
        rest != place.path
        and "/" not in rest
        # Keras numbers layers without a name: conv2d, conv2d_1, ...
        and not rest.isdigit()
        and not isinstance(place.operation, keras.layers.InputLayer)
    )


def _globs(pattern, path):
    """Part by part, so that `*` stays inside one model."""
    patterns, names = pattern.split("/"), path.split("/")
    return len(patterns) == len(names) and all(
        map(fnmatch.fnmatchcase, names, patterns)
    )


def _nothing(graph, where):
    """The rest of a sentence on a `where` that matches nothing."""
    places = graph.places
    names = [
        path
        for path, place in places.items()
        if not isinstance(place.operation, keras.layers.InputLayer)
    ]
    if not isinstance(where, str):
        kinds = dict.fromkeys(
            type(place.operation).__name__ for place in places.values()
        )
        return (
            "matches no layer of the model. Its layers are of class "
            f"{few(kinds)}."
        )
    if where in _LANDMARKS:
        return (
            "matches nothing: the model has none. Name its layers: "
            f"{few(names)}."
        )
    outer = where.rpartition("/")[0]
    if outer in places and not is_functional(places[outer].operation):
        return (
            f"is inside {outer!r}, a {type(places[outer].operation).__name__}"
            " and not a functional model: what it does between its layers is "
            f"unknown. Name {outer!r} itself."
        )
    inside = [name for name in names if name.endswith("/" + where)]
    blocks = dict.fromkeys(name.rpartition("_")[0] for name in names)
    hint = did_you_mean(where, [*_LANDMARKS, *blocks, *names])
    if inside:
        hint = f"Did you mean {few(inside)}? "
    elif any(_globs(f"*_{where}", name) for name in names):
        hint = f"Did you mean '*_{where}'? "
    elif where in layers.available():
        hint = (
            f"{where!r} is a mechanism, not a place; attach takes "
            f"{{place: {where!r}}}. "
        )
    return f"matches no layer of the model. {hint}Layers: {few(names, 12)}."
