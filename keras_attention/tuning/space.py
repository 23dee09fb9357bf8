"""Search spaces: functions of `hp` that return what was drawn.

Each takes a `keras_tuner.HyperParameters` and returns a plain dictionary,
which JSON can hold and from which `hypermodel.py` builds: spaces are tested
without training, and outlive the tuner. All names are declared at every call,
in their conditional scopes, whatever is active.
"""

import math
import numbers

from keras_attention import arguments
from keras_attention.tuning.options import LAYER_CHOICES
from keras_attention.tuning.options import NONE
from keras_attention.tuning.options import describe

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


def attention_space(hp, options, several=True):
    """Draws which attention stands where.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        options: What `attention_options` returned.
        several: Whether several places can have attention at once. Then every
            place has a hyperparameter `<place>_attention`, `"none"` by
            default; otherwise `place` chooses one of them.

    Returns:
        `{place: description}` of the places that have attention; `layer_of`
        makes a layer of a description. Arguments are hyperparameters named
        `<place>_<mechanism>_<argument>`.

    Example:

    >>> import keras_tuner
    >>> from keras_attention.tuning.options import attention_options
    >>> options = attention_options({"block3": (28, 28, 64)}, ["se"])
    >>> hp = keras_tuner.HyperParameters()
    >>> attention_space(hp, options)
    {}
    >>> hp = keras_tuner.HyperParameters()
    >>> hp.values["block3_attention"] = "se"
    >>> attention_space(hp, options)
    {'block3': {'mechanism': 'se', 'reduction_ratio': 16,
     'identity_init': False}}
    >>> [parameter.name for parameter in hp.space]
    ['block3_attention', 'block3_se_reduction_ratio', 'block3_se_identity_init']
    """
    attention = {}
    if several:
        for place, mechanisms in options.items():
            name = f"{place}_attention"
            chosen = hp.Choice(name, [NONE, *mechanisms])
            drawn = _draw_mechanism(hp, name, place, mechanisms, chosen)
            if chosen != NONE:
                attention[place] = drawn
        return attention
    place = hp.Choice("place", [NONE, *options])
    for candidate, mechanisms in options.items():
        with hp.conditional_scope("place", [candidate]):
            name = f"{candidate}_attention"
            chosen = hp.Choice(name, list(mechanisms))
            drawn = _draw_mechanism(hp, name, candidate, mechanisms, chosen)
            if candidate == place:
                attention[place] = drawn
    return attention


def network_space(hp, choices=None):
    """Draws the width of the network and the dropout before its classifier.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        choices: Other values than those of `NETWORK_CHOICES`.

    Returns:
        `{"width_multiplier": ..., "dropout": ...}`.

    Example:

    >>> import keras_tuner
    >>> network_space(keras_tuner.HyperParameters(), {"dropout": [0.1]})
    {'width_multiplier': 1.0, 'dropout': 0.1}
    """
    choices = {**NETWORK_CHOICES, **(choices or {})}
    return {name: _draw(hp, name, choices[name]) for name in NETWORK_CHOICES}


def training_space(hp, choices=None):
    """Draws the optimizer and the schedule of its learning rate.

    Args:
        hp: A `keras_tuner.HyperParameters`.
        choices: Other values than those of `TRAINING_CHOICES`; a learning
            rate for all optimizers, or a dictionary of one each.

    Returns:
        `{"optimizer": ..., "learning_rate": ..., "weight_decay": ...,
        "schedule": ..., "warm_up": ...}`. Optimizers have ranges of their
        own, so their learning rates are hyperparameters of their own, such
        as `adamw_learning_rate`.

    Example:

    >>> import keras_tuner
    >>> fixed = {"optimizer": "adamw", "schedule": "cosine", "warm_up": 0.1}
    >>> hp = keras_tuner.HyperParameters()
    >>> training_space(hp, check_choices(fixed))["optimizer"]
    'adamw'
    >>> [parameter.name for parameter in hp.space]
    ['adamw_learning_rate', 'weight_decay']
    """
    choices = {**TRAINING_CHOICES, **(choices or {})}
    optimizers, rates = choices["optimizer"], choices["learning_rate"]
    optimizer = _draw(hp, "optimizer", optimizers)
    drawn = {"optimizer": optimizer, "learning_rate": None}
    for name in optimizers:
        values = rates[name] if isinstance(rates, dict) else rates
        parent = "optimizer" if len(optimizers) > 1 else None
        rate = _draw_if(hp, parent, [name], f"{name}_learning_rate", values)
        if name == optimizer:
            drawn["learning_rate"] = rate
    for name in ("weight_decay", "schedule", "warm_up"):
        drawn[name] = _draw(hp, name, choices[name])
    return drawn


def check_choices(choices, known=None):
    """Brings the choices of a user into the form that the spaces take.

    Args:
        choices: Dictionary of name to a list of values, a tuple
            `(low, high)`, or a single value, which is not searched.
        known: The names that there are; `None` takes those of all spaces.

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


def _draw_mechanism(hp, parent, place, mechanisms, chosen):
    """Declares the arguments of every mechanism; describes the chosen one."""
    description = None
    for mechanism, what in mechanisms.items():
        with hp.conditional_scope(parent, [mechanism]):
            prefix = f"{place}_{mechanism}"
            drawn, searched = {}, set()
            for argument in what:
                name = f"{prefix}_{argument.name}"
                above = argument.parent and f"{prefix}_{argument.parent}"
                if argument.parent in drawn and above not in searched:
                    # The parent has one value, and is no hyperparameter.
                    if drawn[argument.parent] not in argument.parent_values:
                        continue
                    above = None
                value = _draw_if(
                    hp,
                    above,
                    list(argument.parent_values),
                    name,
                    argument.values,
                )
                if len(argument.values) > 1:
                    searched.add(name)
                if value is not None:
                    drawn[argument.name] = value
        if mechanism == chosen:
            description = describe(mechanism, what, drawn)
    return description


def _draw_if(hp, parent, parent_values, name, values):
    """Draws inside a conditional scope, if there is a parent."""
    if parent is None:
        return _draw(hp, name, values)
    with hp.conditional_scope(parent, parent_values):
        return _draw(hp, name, values)


def _draw(hp, name, values):
    """A value of a list or a range; `None` where it is inactive."""
    if isinstance(values, tuple):
        low, high = values
        sampling = "log" if low > 0 else "linear"
        return hp.Float(name, low, high, sampling=sampling)
    if len(values) == 1:
        return values[0]
    if isinstance(values[0], bool):
        return hp.Boolean(name, default=values[0])
    return hp.Choice(name, values)


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
