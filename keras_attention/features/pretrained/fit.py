"""Arrays into a model: all of them, or none and a report."""

import re
from collections.abc import Callable
from collections.abc import Mapping
from typing import NamedTuple

import keras
import numpy as np

from keras_attention.internals import arguments


class Target(NamedTuple):
    """A weight of a model, and how another library holds the same numbers."""

    variable: keras.Variable
    #: Of the array that is expected.
    shape: tuple
    #: That array in Keras' order of axes.
    to_keras: Callable = np.asarray
    #: The axis whose length may be another, of a first convolution's inputs.
    channels_axis: int | None = None


def torch_target(variable):
    """What PyTorch has for a convolution's, dense layer's or other weight."""
    shape = tuple(variable.shape)
    if len(shape) == 4:
        # (h, w, I, O) of (O, I, h, w).
        torch_shape = (shape[3], shape[2], *shape[:2])
        return Target(variable, torch_shape, lambda x: x.transpose(2, 3, 1, 0))
    return Target(variable, shape[::-1], lambda x: x.T)


def fill(model, targets, state):
    """Assigns every array to its weight, once all are known to fit.

    Args:
        model: `keras.Model`, whose name is told in messages.
        targets: dict of name to `Target`, every weight that has to be there.
        state: dict of name to array, NumPy's or torch's.

    Raises:
        ValueError: With a report, if arrays are missing, unexpected, of
            another shape, no finite real numbers, or negative where they are
            variances. No weight has changed then.
    """
    state, arrays = named(state), {}
    problems = {
        "Missing": [name for name in targets if name not in state],
        "Unexpected": [name for name in state if name not in targets],
        "Wrong shape": [],
        "No real numbers": [],
        "NaN or infinite": [],
        "Negative variance": [],
    }
    for name, target in targets.items():
        if name not in state:
            continue
        shape = tuple(np.shape(state[name]))
        if not _fits(shape, target):
            problems["Wrong shape"].append(f"{name} {shape} for {target.shape}")
            continue
        try:
            array = _to_float32(name, state[name])
        except ValueError:
            problems["No real numbers"].append(name)
            continue
        arrays[name] = _adapted(array, target)
        if not np.isfinite(array).all():
            problems["NaN or infinite"].append(name)
        elif target.variable.name == "moving_variance" and array.min() < 0:
            problems["Negative variance"].append(name)
    if any(problems.values()):
        lines = [
            f"{problem}: {_first_few(names)}."
            for problem, names in problems.items()
            if names
        ]
        raise ValueError(
            f"The state does not fit the model {model.name!r}.\n"
            + "\n".join(lines)
        )
    # Everything is read and known to fit before the first weight changes.
    for name, target in targets.items():
        target.variable.assign(target.to_keras(arrays[name]))


def fill_by_layer(model, state, adapt_channels, own):
    """Assigns arrays by Keras' names, `"layer/number"`, as `fill` does.

    What stands in front of the network, in `input_tensor`, has names that the
    pattern `own` does not match, and keeps its weights.
    """
    targets = {
        f"{layer.name}/{number}": Target(variable, tuple(variable.shape))
        for layer in model.layers
        if re.fullmatch(own, layer.name)
        for number, variable in enumerate(layer.weights)
    }
    first, target = next(iter(targets.items()))
    if adapt_channels:
        targets[first] = target._replace(channels_axis=2)
    fill(model, targets, state)


def is_by_layer(state):
    """Whether names are Keras' and not PyTorch's."""
    return any("/" in str(name) for name in state)


def named(state):
    """The state with names of str, if it is a dictionary; else raises."""
    if not isinstance(state, Mapping):
        raise ValueError(
            "state must be a dictionary of arrays by their names. "
            f"Received: a {type(state).__name__}"
        )
    return {str(name): value for name, value in state.items()}


def _to_float32(name, value):
    if hasattr(value, "detach"):
        # NumPy has no bfloat16 and cannot see other devices.
        value = value.detach().cpu()
        value = (value if value.is_complex() else value.float()).numpy()
    with np.errstate(over="ignore"):
        return arguments.real_array(name, value).astype("float32", copy=False)


def _fits(shape, target):
    axis, expected = target.channels_axis, target.shape
    if axis is None or len(shape) != len(expected) or shape[axis] == 0:
        return shape == expected
    return np.delete(shape, axis).tolist() == np.delete(expected, axis).tolist()


def _adapted(kernel, target):
    """A kernel for the channels of the target, in the place of its own.

    Each gets the sum of the kernel over its channels, divided by their new
    number: an image that is the same in all channels gives what it gave.
    """
    if kernel.shape == target.shape:
        return kernel
    axis = target.channels_axis
    channels = target.shape[axis]
    total = kernel.sum(axis, keepdims=True)
    return np.repeat(total / channels, channels, axis)


def _first_few(names, count=4):
    more = len(names) - count
    text = ", ".join(names[:count])
    return f"{text} and {more} more" if more > 0 else text
