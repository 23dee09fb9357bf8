import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")

import keras
import numpy as np
import pytest

# Scripts that make fixtures from other packages, which tests do not need.
collect_ignore = ["oracles", "golden/make.py"]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)


@pytest.fixture
def equals(record_property):
    """Compares with another implementation, and notes by how much it differs.

    `benchmarks/parity.py` makes the README's table of these notes.
    """

    def compare(what, reference, seen, expected, tolerance=1e-5):
        seen = keras.ops.convert_to_numpy(seen)
        difference = float(np.abs(seen - expected).max())
        record_property("parity", f"{what}|{reference}|{difference:.1e}")
        np.testing.assert_allclose(
            seen, expected, rtol=tolerance, atol=tolerance
        )

    return compare
