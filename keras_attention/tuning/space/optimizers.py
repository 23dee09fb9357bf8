"""Optimizers by their keys in `keras.optimizers`, and rates worth drawing."""

import functools
import inspect

import keras
import keras_tuner

from keras_attention.internals.arguments import invalid
from keras_attention.internals.words import did_you_mean

_RATES = {
    "adamw": (3e-4, 1e-2),
    "sgd": (1e-2, 0.3),
    # Its authors: 3 to 10 times smaller than those of AdamW.
    "lion": (3e-5, 1e-3),
}


@functools.cache
def optimizer_classes():
    """`{key: class}` of what takes a learning rate and a weight decay.

    >>> optimizer_classes()["lion"].__name__
    'Lion'
    """
    return {
        name.lower(): value
        for name, value in sorted(vars(keras.optimizers).items())
        if isinstance(value, type)
        and issubclass(value, keras.optimizers.Optimizer)
        # No wrapper of other optimizers, and not the base class.
        and value is not keras.optimizers.Optimizer
        and "learning_rate" in inspect.signature(value).parameters
        and _is_key(name.lower())
    }


def _is_key(key):
    """Whether a model with it can be loaded: Keras 3.15 forgot Lamb."""
    try:
        return keras.optimizers.get(key) is not None
    except ValueError:
        return False


def check_optimizer(key):
    """Returns a key of `optimizer_classes`, else raises `ValueError`."""
    known = optimizer_classes()
    if not isinstance(key, str) or key not in known:
        expected = (
            f"some of {', '.join(known)}, or a function of hp that returns an "
            "optimizer"
        )
        message = invalid("choices", {"optimizer": key}, expected)
        raise ValueError(f"{message}. {did_you_mean(key, known)}".rstrip())
    return key


def check_function(function):
    """Returns a function of `hp` that makes optimizers, else raises."""
    hp = keras_tuner.HyperParameters()
    made = [function(hp), function(hp)]
    if not all(isinstance(o, keras.optimizers.Optimizer) for o in made):
        expected = (
            f"a function of hp that returns an optimizer, not {made[0]!r}"
        )
    elif made[0] is made[1]:
        expected = "a function that makes a new optimizer for every model"
    else:
        return function
    raise ValueError(invalid("choices", {"optimizer": function}, expected))


def learning_rates(key):
    """`(low, high)` to draw from: from a third of Keras' default to tenfold.

    Others for AdamW, SGD and Lion.

    >>> learning_rates("sgd")
    (0.01, 0.3)
    """
    if key in _RATES:
        return _RATES[key]
    parameters = inspect.signature(optimizer_classes()[key]).parameters
    default = parameters["learning_rate"].default
    return default / 3, default * 10
