"""What is drawn from: the values of every hyperparameter, and one's own."""

import math
import numbers

from keras_attention.internals import arguments
from keras_attention.internals.words import did_you_mean
from keras_attention.tuning.space.optimizers import check_function
from keras_attention.tuning.space.optimizers import check_optimizer

#: Arguments of attention layers and of their parts, with the usual values;
#: those of parts are all keys that go together. Until they are asked for, the
#: first is taken that a place can have.
LAYER_CHOICES = {
    "reduction_ratio": [16, 8, 4],
    "kernel_size": [3, 5, 7],
    "num_heads": [1, 2, 4, 8],
    "key_dim": [16, 32, 64],
    "score": None,
    "alignment": None,
    "aggregation": None,
    "temperature": [1.0, 0.3, 0.1],
    "identity_init": [False, True],
}
#: The same of the network.
NETWORK_CHOICES = {
    "width_multiplier": [1.0],
    "dropout": [0.0, 0.2, 0.5],
}
#: The same of its training. The learning rate is always drawn, unless it is
#: given; `learning_rate` is that of all optimizers, `sgd_learning_rate` of one.
TRAINING_CHOICES = {
    "optimizer": ["adamw", "sgd"],
    "weight_decay": [1e-4, 1e-5, 1e-3, 1e-2],
    "schedule": ["cosine", "constant"],
    "warm_up": [0.125, 0.0],
}
_SCHEDULES = ("cosine", "constant")
# The ends of names whose values are real: they can be an interval.
_REAL = ("dropout", "learning_rate", "temperature", "warm_up", "weight_decay")


def first_of(choices):
    """What is drawn of choices that nobody asked for: their first values."""
    return {name: values[:1] for name, values in choices.items()}


def check_choices(choices):
    """Brings the choices of a user into the form that the spaces take.

    Lists, with numbers of one type, and tuples `(low, high)`, on a logarithmic
    scale if low is above 0; `None` stays for the usual values of an argument,
    which are those of its layer, and so does a function for an optimizer.

    >>> check_choices({"dropout": 0.5, "se_reduction_ratio": [4, 8]})
    {'dropout': [0.5], 'se_reduction_ratio': [4, 8]}
    """
    return {
        name: _checked(str(name), values)
        for name, values in (choices or {}).items()
    }


def check_names(choices, known):
    """Raises a `ValueError` for choices of names that there are not."""
    known = list(known)
    unknown = [name for name in choices if name not in known]
    if unknown:
        raise ValueError(
            "Invalid value for argument choices: expected names of arguments, "
            "alone, behind a mechanism or behind a place and a mechanism that "
            "it takes. Received: "
            f"choices of {', '.join(map(repr, unknown))}. "
            f"{did_you_mean(unknown[0], known)}".rstrip()
        )


def choices_at(choices, place, mechanism):
    """The choices of the arguments of a mechanism at a place, by argument.

    >>> choices = {"key_dim": 16, "gate_key_dim": 32, "b3_gate_key_dim": 8}
    >>> [choices_at(choices, at, "gate")["key_dim"] for at in ("b3", "b4")]
    [8, 32]
    """
    # A mechanism may have a dropout too: that has its name in front.
    ours = {*NETWORK_CHOICES, *TRAINING_CHOICES, "learning_rate"}
    found = {n: values for n, values in choices.items() if n not in ours}
    for prefix in (f"{mechanism}_", f"{place}_{mechanism}_"):
        for name, values in choices.items():
            if name.startswith(prefix):
                found[name.removeprefix(prefix)] = values
    return found


def asked_for(name, given):
    """The values of an argument: the chosen, the usual or the first of them.

    >>> [asked_for("temperature", g) for g in ({}, {"temperature": None})]
    [[1.0], [1.0, 0.3, 0.1]]
    """
    if name in given:
        return given[name] or LAYER_CHOICES[name]
    return LAYER_CHOICES[name][:1]


def _checked(name, values):
    is_class = isinstance(values, type)
    if name == "optimizer" and callable(values) and not is_class:
        return check_function(values)
    if values is None:
        return {**NETWORK_CHOICES, **TRAINING_CHOICES}.get(name)
    if isinstance(values, tuple):
        low_and_high = (
            name.endswith(_REAL)
            and len(values) == 2
            and all(map(_is_number, values))
            and 0 <= values[0] < values[1]
        )
        if not low_and_high:
            expected = (
                "a list of values, or where values are real a tuple (low, "
                "high) with 0 <= low < high"
            )
            raise ValueError(_invalid(name, values, expected))
        return tuple(map(float, values))
    given = values
    values = list(values) if isinstance(values, list) else [values]
    kinds = {
        numbers.Real if _is_number(value) else type(value) for value in values
    }
    if not kinds <= {numbers.Real, str, bool} or len(kinds) != 1:
        expected = "a list of numbers, of keys or of truth values, not empty"
        raise ValueError(_invalid(name, given, expected))
    if len(set(values)) != len(values):
        raise ValueError(_invalid(name, given, "a list of different values"))
    for value in values:
        if name == "optimizer":
            check_optimizer(value)
        elif name.endswith("learning_rate"):
            arguments.positive_float(name, value)
        elif name == "warm_up":
            arguments.fraction(name, value)
        elif name == "schedule" and value not in _SCHEDULES:
            expected = f"some of {', '.join(_SCHEDULES)}"
            raise ValueError(_invalid(name, given, expected))
    real = name.endswith(_REAL) or any(isinstance(v, float) for v in values)
    return (
        list(map(float, values)) if kinds == {numbers.Real} and real else values
    )


def _is_number(value):
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _invalid(name, values, expected):
    return (
        f"Invalid value for argument choices: expected {expected}. "
        f"Received: choices[{name!r}]={values!r}"
    )
