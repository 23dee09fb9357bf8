"""What a training is made of besides its program: plain values and arrays."""

import keras
import numpy as np

# Of a callback, what `fit` gives it.
_GIVEN = {"model", "params", "validation_data"}
_ARRAY, _TUPLE, _FUNCTION = "__array__", "__tuple__", "__function__"
# Such as what a callback compares with, to know what is better.
_FUNCTIONS = {"keras.ops": keras.ops, "numpy": np}


def variables(model):
    """The variables of a compiled model: dict of what they are to a list.

    The seeds of dropout and other random layers are among the weights here,
    which Keras' own files of weights leave out.
    """
    metrics = model.metrics_variables
    of_metrics = set(map(id, metrics))
    weights = [v for v in model.variables if id(v) not in of_metrics]
    return {
        "weights": weights,
        "optimizer": model.optimizer.variables,
        "metrics": metrics,
    }


def read_variables(model):
    """Their values: dict of `<kind>/<number>` to array."""
    return {
        f"{kind}/{number}": _numpy(variable)
        for kind, found in variables(model).items()
        for number, variable in enumerate(found)
    }


def write_variables(model, arrays, kinds=("weights", "optimizer")):
    """Sets what `read_variables` has read.

    Raises:
        ValueError: They are other ones in number or shape.
    """
    for kind in kinds:
        found = variables(model)[kind]
        saved = [n for n in arrays if n.partition("/")[0] == kind]
        if len(saved) != len(found):
            raise ValueError(
                f"The checkpoint holds {len(saved)} variables of the {kind}, "
                f"the training has {len(found)}."
            )
        for number, variable in enumerate(found):
            value = arrays[f"{kind}/{number}"]
            if value.shape != tuple(variable.shape):
                raise ValueError(
                    f"{variable.path} has the shape {tuple(variable.shape)}, "
                    f"in the checkpoint {value.shape}."
                )
            variable.assign(value)


def read_generators():
    """State of the generators that Keras draws from beside its seeds.

    On PyTorch a `Dropout` without a seed of its own draws from PyTorch's.
    """
    if keras.backend.backend() != "torch":
        return {}
    import torch

    states = [torch.get_rng_state(), *torch.cuda.get_rng_state_all()]
    return {f"generator/{i}": state.numpy() for i, state in enumerate(states)}


def write_generators(arrays):
    """Sets what `read_generators` has read."""
    states = [v for n, v in arrays.items() if n.startswith("generator/")]
    if not states:
        return
    import torch

    first, *cards = map(torch.from_numpy, states)
    torch.set_rng_state(first)
    torch.cuda.set_rng_state_all(cards)


def not_finite(model, arrays):
    """Path of the first weight or optimizer variable with NaN or infinity."""
    for kind in ("weights", "optimizer"):
        for number, variable in enumerate(variables(model)[kind]):
            value = arrays[f"{kind}/{number}"]
            if value.dtype.kind == "f" and not np.isfinite(value).all():
                return variable.path
    return None


def read_attributes(thing, arrays, prefix, since=None):
    """A callback's attributes that are values, as JSON can hold them.

    Numbers, text, arrays, functions of Keras and NumPy, and lists, tuples and
    dictionaries of them: so `EarlyStopping` keeps its best weights and how
    long it has waited. What is private, and models and files, stay as the
    callback makes them.

    Args:
        thing: A callback.
        arrays: dict that gets its arrays.
        prefix: str, for their names.
        since: dict, what it was when it began; what is still the same is how
            it was made and left out. Defaults to `None`.

    Returns:
        A dict.
    """
    found = {}
    for name, value in vars(thing).items():
        if name.startswith("_") or name in _GIVEN:
            continue
        own = {}
        try:
            encoded = _encode(value, f"{prefix}/{name}", own)
        except TypeError:
            continue
        if own or since is None or since.get(name, since) != encoded:
            found[name] = encoded
            arrays.update(own)
    return found


def write_attributes(thing, found, arrays):
    """Sets what `read_attributes` has read."""
    for name, value in found.items():
        setattr(thing, name, _decode(value, arrays))


def _encode(value, name, arrays):
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, dict) and all(isinstance(k, str) for k in value):
        return {
            key: _encode(item, f"{name}/{key}", arrays)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple):
        items = [
            _encode(item, f"{name}/{number}", arrays)
            for number, item in enumerate(value)
        ]
        return items if isinstance(value, list) else {_TUPLE: items}
    for module, functions in _FUNCTIONS.items():
        called = getattr(value, "__name__", None)
        if called and getattr(functions, called, None) is value:
            return {_FUNCTION: f"{module}.{called}"}
    raise TypeError(f"{name} is no value.")


def _decode(value, arrays):
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {_ARRAY}:
        return arrays[value[_ARRAY]]
    if set(value) == {_FUNCTION}:
        module, _, called = value[_FUNCTION].rpartition(".")
        return getattr(_FUNCTIONS[module], called)
    if set(value) == {_TUPLE}:
        return tuple(_decode(item, arrays) for item in value[_TUPLE])
    return {key: _decode(item, arrays) for key, item in value.items()}


def _numpy(variable):
    """A copy: the next step may change what a view would show."""
    value = variable.value
    if keras.backend.backend() == "tensorflow":
        # `convert_to_numpy` takes seven times as long for small variables.
        value = np.asarray(value.value().numpy())
    else:
        value = np.array(keras.ops.convert_to_numpy(value))
    # NumPy's files have no bfloat16; float32 holds all its numbers.
    return value if value.dtype.kind in "biufc" else value.astype("float32")
