"""Which cases of a test run every time."""

import pytest


def first(count, cases):
    """So many of the cases in `make test`, the others in `make test-long`."""
    cases = [case if isinstance(case, tuple) else (case,) for case in cases]
    return [
        pytest.param(*case, marks=[] if i < count else [pytest.mark.long])
        for i, case in enumerate(cases)
    ]
