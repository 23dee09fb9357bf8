"""What is missing or too old is named."""

import configparser
import os
import pathlib
import re
import subprocess
import sys

import keras
import pytest

from keras_attention.internals import requirements
from keras_attention.internals.keras_version import check_keras


@pytest.mark.parametrize("version", ["3.15.1", "3.15.1.dev0", "3.16.0", "4.0"])
def test_new_enough(version):
    check_keras(version)


@pytest.mark.parametrize("version", ["3.15.0", "3.9.2", "2.15.0", "2.4"])
def test_too_old(version):
    with pytest.raises(ImportError, match=rf"3\.15\.1.*Keras {version}"):
        check_keras(version)


def test_what_is_named_is_what_the_distribution_asks_for():
    config = configparser.ConfigParser()
    config.read(pathlib.Path(__file__).parents[2] / "setup.cfg")
    assert config["metadata"]["name"] == requirements.DISTRIBUTION
    for package, extra in requirements.PACKAGES.values():
        listed = (
            config["options.extras_require"][extra]
            if extra
            else config["options"]["install_requires"]
        )
        assert re.search(rf"(?m)^{re.escape(package)}\b", listed), package


@pytest.mark.computing
@pytest.mark.skipif(
    keras.backend.backend() != "jax",
    reason="Keras' NumPy backend needs JAX",
)
def test_numpy_is_a_backend():
    code = (
        "import numpy, keras_attention as ka;"
        "print(ka.layers.get('cbam')(numpy.ones((1, 4, 4, 8))).shape)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "KERAS_BACKEND": "numpy"},
    )
    assert result.stdout == "(1, 4, 4, 8)\n"
