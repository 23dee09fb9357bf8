import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("MPLBACKEND", "Agg")

import keras
import pytest

# Scripts that make fixtures from other packages, which tests do not need.
collect_ignore = ["oracles"]


@pytest.fixture(autouse=True)
def seed():
    keras.utils.set_random_seed(0)
