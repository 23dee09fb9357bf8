"""What a check is: a function that raises when a promise is broken."""

import numpy as np


class DoesNotApply(Exception):
    """The layer does not offer what a check is about; the reason why."""


class BrokenPromises(ExceptionGroup, AssertionError):
    """Every check that an attention layer failed, one exception each.

    Attributes:
        checks: tuple of str, the names of the failed checks.
    """

    checks = ()

    def derive(self, exceptions):
        """The same kind of group around some of the exceptions."""
        return type(self)(self.message, exceptions)


def promise(number):
    """Decorator: the promise of `check_attention_layer` a check belongs to."""

    def decorate(check):
        check.promise = number
        return check

    return decorate


def describe(check, error):
    """The message of a failed check: promise, what it says, what was seen."""
    summary = check.__doc__.splitlines()[0]
    if not isinstance(error, AssertionError):
        error = f"raised {type(error).__name__}: {error}"
    return f"Promise {check.promise}, {check.__name__}: {summary} {error}"


def expect(condition, expected, seen):
    """Raises `AssertionError` unless the condition holds."""
    if not condition:
        raise AssertionError(f"Expected {expected}. Seen: {seen}")


def expect_equal(what, seen, expected):
    """Compares two trees of arrays bit by bit; NaN equals nothing."""
    expect_close(what, seen, expected, tolerance=0)


def expect_close(what, seen, expected, tolerance=1e-5):
    """Compares arrays, relative to the largest entry.

    Args:
        what: str, what is compared, for the message.
        seen: array, or a sequence of them.
        expected: the same, with what they should be.
        tolerance: float, largest difference, in units of the largest expected
            entry or of 1, whichever is larger. Defaults to `1e-5`.
    """
    seen, expected = _arrays(seen), _arrays(expected)
    shapes = [array.shape for array in seen], [a.shape for a in expected]
    expect(shapes[0] == shapes[1], f"{what} of shapes {shapes[1]}", shapes[0])
    for actual, target in zip(seen, expected, strict=True):
        bound = tolerance * max(1.0, np.abs(target).max(initial=0.0))
        difference = np.abs(actual - target).max(initial=0.0)
        expect(  # a comparison with NaN is false
            difference <= bound,
            f"{what} to differ by at most {bound:.1e}",
            f"a difference of {difference:.1e}",
        )


def expect_finite(what, arrays):
    """Raises if there is NaN or infinity in one of the arrays."""
    for array in _arrays(arrays):
        wrong = np.count_nonzero(~np.isfinite(array))
        expect(
            wrong == 0,
            f"{what} to be finite",
            f"{wrong} of {array.size} entries are not",
        )


def _arrays(values):
    if isinstance(values, np.ndarray):
        values = [values]
    return [np.asarray(value, "float64") for value in values]
