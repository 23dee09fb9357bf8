"""Checks of constructor arguments, with one wording for every message."""

import math
import numbers

import numpy as np


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


def odd_int(name, value, optional=False):
    """Returns `value` if it is a positive odd integer, else raises."""
    value = positive_int(name, value, optional)
    if value is not None and value % 2 == 0:
        raise ValueError(invalid(name, value, "an odd number"))
    return value


def positive_float(name, value):
    """Returns `value` if it is a finite number above 0, else raises."""
    if not _is_finite_number(value) or value <= 0:
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


def _is_integer(value):
    return isinstance(value, numbers.Integral) and not isinstance(value, bool)


def _is_finite_number(value):
    return (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and math.isfinite(value)
    )
