"""The places of a functional model, and the language that names them."""

import difflib
import fnmatch
from typing import NamedTuple

import keras

from keras_attention.surgery import graph
from keras_attention.surgery import landmarks

_LANDMARKS = {
    "residual_adds": landmarks.residual_adds,
    "stage_ends": landmarks.stage_ends,
}
_LANGUAGE = (
    "the name of a layer, a path such as 'vgg16/block3_pool', a glob such as "
    "'block*_pool', a layer class, a function layer -> bool, "
    f"{' or '.join(map(repr, _LANDMARKS))}"
)


class Place(NamedTuple):
    """A layer (or function of `keras.ops`) in a model or a model inside it."""

    path: str
    operation: keras.Operation
    #: The output tensors of every call.
    outputs: list
    #: The operations that take one of them.
    followers: list


def check_model(model, argument="model"):
    """Raises unless the graph of a model is known."""
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"{argument} must be a functional or sequential keras.Model. "
            f"Received: {argument}={model!r}"
        )
    if graph.is_graph(model):
        return
    if isinstance(model, keras.Sequential):
        raise ValueError(
            f"{argument} is a sequential model of unknown input shape: give "
            "it a keras.Input first, or build it. Received: "
            f"{argument}={model!r}"
        )
    raise ValueError(
        f"{argument} must be a functional or sequential model; what a "
        f"subclassed one does between its layers is unknown. Received: "
        f"{argument}={model!r} of class {type(model).__name__}. Attach to a "
        "functional model inside it instead."
    )


def all_places(model, prefix=""):
    """`{path: Place}` for everything in a model, its inputs included."""
    calls = graph.calls(model)
    takers = {}
    for call in calls:
        for tensor in call.inputs:
            takers.setdefault(id(tensor), []).append(call.operation)
    places = {}
    for call in calls:
        operation = call.operation
        path = prefix + operation.name
        if path not in places:
            places[path] = Place(path, operation, [], [])
        places[path].outputs.append(call.outputs)
        for tensor in call.outputs:
            places[path].followers.extend(takers.get(id(tensor), ()))
        if graph.is_graph(operation) and len(places[path].outputs) == 1:
            places.update(all_places(operation, path + "/"))
    return places


def find(model, where, argument, *, with_attention=False):
    """The places that a `where` names, in the order of the model.

    Args:
        model: A model that `check_model` accepts.
        where: See `attach`.
        argument: The argument that `where` comes from, for messages.
        with_attention: Whether globs, classes and functions match the
            attention layers of the model.

    Returns:
        A list of `Place`, not empty, without inputs.
    """
    places = all_places(model)
    found = _matching(model, where, argument, places, with_attention)
    unique = list({id(place.operation): place for place in found}.values())
    for place in unique:
        if isinstance(place.operation, keras.layers.InputLayer):
            raise ValueError(
                f"{argument} names {where!r}, which matches {place.path!r}, "
                "an input of the model. Name a layer behind it."
            )
    return unique


def the_map(place, where, argument):
    """The rank-4 tensor that the first call of a place returns."""
    for outputs in place.outputs:
        shapes = [tuple(tensor.shape) for tensor in outputs]
        if len(shapes) != 1 or len(shapes[0]) != 4:
            raise ValueError(
                f"{argument} names {where!r}, which matches {place.path!r}. "
                "Attention needs one map of rank 4, (batch, height, width, "
                "channels), to follow. Received: outputs of shape "
                f"{', '.join(map(str, shapes))}"
            )
    return place.outputs[0][0]


def _matching(model, where, argument, places, with_attention):
    if isinstance(where, str):
        if where in places:
            return [places[where]]
        if where in _LANDMARKS:
            found = _landmarks(model, where, places)
        elif any(character in where for character in "*?["):
            found = [p for p in places.values() if _globs(where, p.path)]
        else:
            found = []
    elif isinstance(where, type) and issubclass(where, keras.Operation):
        found = [p for p in places.values() if isinstance(p.operation, where)]
    elif callable(where) and not isinstance(where, type):
        found = [
            place
            for place in places.values()
            if isinstance(place.operation, keras.layers.Layer)
            and where(place.operation)
        ]
    else:
        raise ValueError(
            f"Invalid place in argument {argument}: expected {_LANGUAGE}. "
            f"Received: {where!r}"
        )
    if not with_attention:
        found = [p for p in found if not graph.is_attention(p.operation)]
    if not found:
        raise ValueError(
            f"{argument} names {where!r}, which {_nothing(where, places)}"
        )
    return found


def _landmarks(model, word, places):
    def layout(tensor):
        found = graph.data_format(tensor, model)
        if found is None:
            raise ValueError(
                f"{word!r} needs to know which axis of a map has the "
                f"channels, and no layer tells for {tensor!r}. Name layers "
                "instead."
            )
        return found

    found = set(map(id, _LANDMARKS[word](model, layout)))
    return [place for place in places.values() if id(place.operation) in found]


def _globs(pattern, path):
    """Part by part, so that `*` stays inside one model."""
    patterns, names = pattern.split("/"), path.split("/")
    return len(patterns) == len(names) and all(
        map(fnmatch.fnmatchcase, names, patterns)
    )


def _nothing(where, places):
    """The rest of a sentence on a `where` that matches nothing."""
    if where in _LANDMARKS:
        return (
            "matches nothing: the model has none. Name its layers: "
            f"{_few(_names(places))}."
        )
    if not isinstance(where, str):
        return (
            "matches no layer of the model. Its layers are of class "
            f"{_few(_classes(places))}."
        )
    outer = where.rpartition("/")[0]
    if outer in places and not graph.is_graph(places[outer].operation):
        return (
            f"is inside {outer!r}, a {type(places[outer].operation).__name__}"
            " and not a functional model: what it does between its layers is "
            f"unknown. Name {outer!r} itself."
        )
    names = _names(places)
    nearest = [name for name in names if name.endswith("/" + where)]
    nearest += difflib.get_close_matches(where, names, n=3)
    return (
        "matches no layer of the model. "
        + (f"Did you mean {_few(nearest)}? " if nearest else "")
        + f"Layers: {_few(names, 12)}."
    )


def _names(places):
    return [
        path
        for path, place in places.items()
        if not isinstance(place.operation, keras.layers.InputLayer)
    ]


def _classes(places):
    return list({type(p.operation).__name__: None for p in places.values()})


def _few(names, most=6):
    # The ends of a network, where most people attach, come last.
    shown = [repr(name) for name in names]
    if len(shown) > most:
        shown = [*shown[: most // 2], "...", *shown[-(most // 2) :]]
    return ", ".join(shown)
