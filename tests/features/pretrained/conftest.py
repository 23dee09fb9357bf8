"""An ear for what the interpreter is asked to do."""

import contextlib
import sys

import pytest
import torch_bytes

_heard = None


def _hear(event, arguments):
    if _heard is not None:
        _heard.append((event, arguments))


# Nobody can take it away again.
sys.addaudithook(_hear)


@pytest.fixture
def heard():
    """A context that gives the events in it, as `sys.addaudithook` has them."""

    @contextlib.contextmanager
    def hear():
        global _heard
        _heard = events = []
        try:
            yield events
        finally:
            _heard = None

    return hear


@pytest.fixture(params=["zipped", "old"])
def layout(request):
    """What makes a file of a pickle and of arrays, in either format."""
    return getattr(torch_bytes, request.param)
