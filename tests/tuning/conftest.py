"""Beside `toy.py`, which the folders' tests import by its name."""

import gc

import pytest


@pytest.fixture(autouse=True)
def quick():
    """Looks for garbage among new objects only.

    KerasTuner collects it before every trial, which takes a second where a
    backend's objects are all looked at.
    """
    gc.freeze()
    yield
    gc.unfreeze()
