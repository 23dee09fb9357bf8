"""Checks of constructor arguments, with one wording for every message."""

import math
import numbers

import numpy as np

from keras_attention.internals.words import did_you_mean

#: No count of heads, channels or steps is larger: memory ends before.
LARGEST_SIZE = 1_000_000
_TINY = float(np.finfo("float32").tiny)
_HUGE = float(np.finfo("float32").max)


def positive_int(name, value, optional=False):
    """Returns `value` if it is an integer of at least 1.

    Args:
        name: str, the argument's name, for the message.
        value: any, what the caller gave.
        optional: bool, whether `None` is valid too. Defaults to `False`.

    Raises:
        ValueError: Otherwise; booleans and floats are no integers here.
    """
    if value is None and optional:
        return None
    if not _is_integer(value) or value < 1:
        expected = "a positive integer" + (" or None" if optional else "")
        raise ValueError(invalid(name, value, expected))
    return int(value)


def non_negative_int(name, value):
    """Returns `value` if it is an integer of at least 0, else raises."""
    if not _is_integer(value) or value < 0:
        raise ValueError(invalid(name, value, "an integer of at least 0"))
    return int(value)


def size(name, value, optional=False):
    """Returns `value` if it is an integer from 1 to `LARGEST_SIZE`.

    What is larger would be found out by a process that is out of memory.
    """
    value = positive_int(name, value, optional)
    if value is not None and value > LARGEST_SIZE:
        raise ValueError(invalid(name, value, f"at most {LARGEST_SIZE:,}"))
    return value


def seed(value):
    """Returns `value` if every backend can start a generator from it."""
    if value is None:
        return None
    if not _is_integer(value) or not 0 <= value < 2**31:
        expected = "an integer from 0 to 2147483647 or None"
        raise ValueError(invalid("seed", value, expected))
    return int(value)


def odd_int(name, value, optional=False):
    """Returns `value` if it is a positive odd integer, else raises."""
    value = size(name, value, optional)
    if value is not None and value % 2 == 0:
        raise ValueError(invalid(name, value, "an odd number"))
    return value


def positive_float(name, value):
    """Returns `value` if it is a finite number above 0, else raises.

    What float32 takes for 0 or for infinite is neither.
    """
    if not _is_finite_number(value) or not _TINY <= value <= _HUGE:
        raise ValueError(invalid(name, value, "a finite number above 0"))
    return value


def non_negative_float(name, value):
    """Returns `value` if it is a finite number of at least 0, else raises."""
    if not _is_finite_number(value) or value < 0:
        raise ValueError(invalid(name, value, "a finite number of at least 0"))
    return value


def fraction(name, value):
    """Returns `value` if it lies in `[0, 1)`, else raises `ValueError`."""
    if not _is_finite_number(value) or not 0 <= value < 1:
        raise ValueError(invalid(name, value, "a number in [0, 1)"))
    return value


def one_of(name, value, allowed):
    """Returns `value` if it is one of `allowed`, else raises `ValueError`."""
    # True == 1, and arrays compare entry by entry.
    alike = (isinstance(value, bool) == isinstance(x, bool) for x in allowed)
    is_one = any(
        same and np.ndim(value) == 0 and value == x
        for same, x in zip(alike, allowed, strict=True)
    )
    if not is_one:
        choices = ", ".join(repr(item) for item in allowed)
        raise ValueError(invalid(name, value, f"one of {choices}"))
    return value


def boolean(name, value):
    """Returns `value` if it is `True` or `False`, else raises."""
    if not isinstance(value, bool):
        raise ValueError(invalid(name, value, "True or False"))
    return value


def real_array(name, value):
    """`value` as a NumPy array of numbers, else raises `ValueError`."""
    try:
        array = np.asarray(value)
        if array.dtype.kind in "cOSU":
            raise TypeError(f"{array.dtype} is no real number")
        # NumPy has no kind for bfloat16, which has numbers all the same.
        return array if array.dtype.kind in "biuf" else array.astype("float32")
    except (TypeError, ValueError) as error:
        expected = "an array of real numbers"
        # An array may be long; what is wrong with it is not.
        raise ValueError(
            f"Invalid value for argument {name}: expected {expected}. "
            f"Received: {type(value).__name__}, where {error}"
        ) from error


def activation(name, value):
    """The function that Keras knows for `value`; `None` changes nothing."""
    # Here: what makes no layers, such as data, loads no backend.
    import keras

    return _from_keras(keras.activations, name, value, "an activation")


def initializer(name, value):
    """The `keras.initializers.Initializer` that Keras knows for `value`."""
    import keras

    found = _from_keras(keras.initializers, name, value, "an initializer")
    if not isinstance(found, keras.initializers.Initializer):
        expected = "an initializer of Keras, which can be saved"
        raise ValueError(invalid(name, value, expected))
    return found


def invalid(name, value, expected):
    """The message of every rejected argument.

    >>> invalid("num_heads", 0, "a positive integer")
    'Invalid value for argument num_heads: expected a positive integer.
    Received: num_heads=0'
    """
    return (
        f"Invalid value for argument {name}: expected {expected}. "
        f"Received: {name}={value!r}"
    )


def _from_keras(module, name, value, kind):
    try:
        return module.get(value)
    except (TypeError, ValueError) as error:
        known = [word for word in dir(module) if word == word.lower()]
        hint = did_you_mean(value, known)
        expected = f"{kind} of Keras"
        raise ValueError(f"{invalid(name, value, expected)}. {hint}") from error


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_finite_number(value):
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
