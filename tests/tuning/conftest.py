"""Beside `toy.py`, which the folders' tests import by its name."""

import gc

import keras
import pytest


@pytest.fixture(autouse=True)
def quick(eagerly):
    """Leaves little to look through.

    KerasTuner collects garbage before every trial, and Keras whenever it
    changes a policy.
    """
    yield
    keras.backend.clear_session()
    gc.collect()
    gc.freeze()
