"""How many inputs hypothesis draws, the same on every run."""

import hypothesis
import keras


def examples(count):
    """So many on TensorFlow, and 3 where a backend has to agree only."""
    if keras.backend.backend() != "tensorflow":
        count = 3
    return hypothesis.settings(
        max_examples=count, deadline=None, derandomize=True
    )
