"""What must be the same for a training to go on, and what differs."""

import json

import keras

MOST = 5
# Names, and seeds that Keras draws: the state of all seeds is kept itself.
_LEFT_OUT = {"name", "seed", "build_config", "shared_object_id"}


def describe(model, data, callbacks, settings):
    """Dictionary of names to text: the program of a training.

    Names of layers are left out: Keras counts them on in one process.

    Args:
        model: A compiled `keras.Model`.
        data: str, the data in words.
        callbacks: list of Keras callbacks.
        settings: dict or `None`, plain values of the program.
    """
    found = {
        "keras": f"{keras.__version__} on {keras.backend.backend()}",
        "data": data,
        "callbacks": ", ".join(type(one).__name__ for one in callbacks),
    }
    for number, layer in enumerate(_flat(model)):
        name = f"layer {number} ({type(layer).__name__})"
        found[name] = _text(layer.get_config())
        shapes = [tuple(weight.shape) for weight in layer.weights]
        found[f"{name} weights"] = str(shapes)
    for kind, thing in (("optimizer", model.optimizer), ("loss", model.loss)):
        found[kind] = _text(thing)
    for name, value in (settings or {}).items():
        found[f"settings[{name!r}]"] = _text(value)
    return found


def differences(before, now):
    """Sentences of what is not the same; an empty list if all is."""
    found = [
        f"{name}: {before.get(name, 'nothing')} before, "
        f"{now.get(name, 'nothing')} now"
        for name in dict.fromkeys([*before, *now])
        if before.get(name) != now.get(name)
    ]
    more = len(found) - MOST
    return found[:MOST] + ([f"and {more} more"] if more > 0 else [])


def _flat(layer):
    """The layers inside models, in order, without the models themselves."""
    for child in layer.layers:
        if isinstance(child, keras.Model):
            yield from _flat(child)
        else:
            yield child


def _text(thing):
    """A value, or the configuration of what has one, without names."""
    if hasattr(thing, "get_config"):
        thing = {"class": type(thing).__name__, **thing.get_config()}
    return json.dumps(_plain(thing), sort_keys=True)


def _plain(value):
    if isinstance(value, dict):
        return {
            str(key): _plain(item)
            for key, item in value.items()
            if key not in _LEFT_OUT
        }
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if hasattr(value, "get_config"):
        return [type(value).__name__, _plain(value.get_config())]
    # A function is told by its name, an array by its type and shape.
    name = getattr(value, "__name__", None)
    return name or f"{type(value).__name__}{getattr(value, 'shape', '')}"
