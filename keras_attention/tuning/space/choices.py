"""What is drawn from: the values of every hyperparameter, and one's own."""

import math
import numbers

from keras_attention.internals import arguments

#: Arguments of attention layers and of their parts that a search varies, with
#: the values it draws from: first the cheapest, which is the default.
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
#: Of the network and of its training: a list to choose from, or a tuple
#: `(low, high)`, on a logarithmic scale if low is above 0.
NETWORK_CHOICES = {
    "width_multiplier": [1.0],
    "dropout": [0.0, 0.2, 0.5],
}
TRAINING_CHOICES = {
    "optimizer": ["adamw", "sgd"],
    "learning_rate": {"adamw": (3e-4, 1e-2), "sgd": (1e-2, 0.3)},
    "weight_decay": (1e-5, 1e-2),
    "schedule": ["cosine", "constant"],
    "warm_up": [0.125, 0.0],
}
_KEYS = {"optimizer": ("adamw", "sgd"), "schedule": ("cosine", "constant")}
_RANGES = (
    "dropout",
    "learning_rate",
    "temperature",
    "warm_up",
    "weight_decay",
)


def check_choices(choices, known=None):
    """Brings the choices of a user into the form that the spaces take.

    Args:
        choices: dict of name to a list of values, a tuple `(low, high)`, or a
            single value, which is not searched.
        known: tuple of str, the names that there are; `None` takes those of all
            spaces. Defaults to `None`.

    Returns:
        A dictionary of lists and tuples; numbers of a list are of one type.

    Raises:
        ValueError: For unknown names, and for values that cannot be drawn
            from.

    Example:

    >>> check_choices({"dropout": 0.5, "num_heads": [1, 2]})
    {'dropout': [0.5], 'num_heads': [1, 2]}
    """
    known = known or (*LAYER_CHOICES, *NETWORK_CHOICES, *TRAINING_CHOICES)
    checked = {}
    for name, values in (choices or {}).items():
        arguments.one_of("choices", name, known)
        if name == "learning_rate" and isinstance(values, dict):
            checked[name] = {
                arguments.one_of("choices", key, _KEYS["optimizer"]): (
                    _checked(f"{name} of {key}", name, rates)
                )
                for key, rates in values.items()
            }
            for key in _KEYS["optimizer"]:
                default = TRAINING_CHOICES[name][key]
                checked[name].setdefault(key, default)
        else:
            checked[name] = _checked(name, name, values)
    return checked


def _checked(label, name, values):
    if not isinstance(values, (list, tuple)):
        values = [values]
    if isinstance(values, tuple):
        low_and_high = (
            name in _RANGES
            and len(values) == 2
            and all(map(_is_number, values))
            and 0 <= values[0] < values[1]
        )
        if not low_and_high:
            expected = (
                "a list of values, or where values are real a tuple (low, "
                "high) with 0 <= low < high"
            )
            raise ValueError(_invalid(label, values, expected))
        return tuple(map(float, values))
    kinds = {
        numbers.Real if _is_number(value) else type(value) for value in values
    }
    if not kinds <= {numbers.Real, str, bool} or len(kinds) != 1:
        expected = "a list of numbers, of keys or of truth values, not empty"
        raise ValueError(_invalid(label, values, expected))
    if len(set(values)) != len(values):
        raise ValueError(_invalid(label, values, "a list of different values"))
    for value in values:
        if name in _KEYS and value not in _KEYS[name]:
            expected = f"some of {', '.join(_KEYS[name])}"
            raise ValueError(_invalid(label, values, expected))
    if kinds == {numbers.Real} and any(isinstance(v, float) for v in values):
        values = list(map(float, values))
    return list(values)


def _is_number(value):
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )


def _invalid(label, values, expected):
    return (
        f"Invalid value for argument choices: expected {expected}. "
        f"Received: choices[{label!r}]={values!r}"
    )
