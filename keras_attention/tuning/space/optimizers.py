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
    first, second = (
        optimizer_of(function, keras_tuner.HyperParameters()) for _ in range(2)
    )
    if first is second:
        expected = "a function that makes a new optimizer for every model"
        raise ValueError(invalid("choices", {"optimizer": function}, expected))
    return function


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


def optimizer_of(function, hp):
    """What a function of `hp` returns, if it is an optimizer.

    Args:
        function: callable of `keras_tuner.HyperParameters`.
        hp: `keras_tuner.HyperParameters`.

    Returns:
        A `keras.optimizers.Optimizer`.

    Raises:
        ValueError: For anything else.
    """
    optimizer = function(hp)
    if not isinstance(optimizer, keras.optimizers.Optimizer):
        expected = "a function of hp that returns an optimizer of Keras"
        message = invalid("choices", {"optimizer": function}, expected)
        raise ValueError(f"{message}, which returns {optimizer!r}")
    return optimizer
