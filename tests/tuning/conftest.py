"""Beside `toy.py`, which the folders' tests import by its name."""

import gc
import sys

import keras
import pytest


@pytest.fixture(autouse=True)
def quick(eagerly, request, monkeypatch):
    """Leaves little to look through.

    KerasTuner collects garbage before every trial, and Keras whenever it
    changes a policy. What mattered is told by small forests where it does not
    matter.
    """
    if request.path.stem != "importance_test":
        # The package names a function so too.
        module = sys.modules.get("keras_attention.tuning.result.importance")
        if module is not None:
            monkeypatch.setattr(module, "_TREES", 5)
    yield
    keras.backend.clear_session()  # it collects garbage, too
    gc.freeze()
