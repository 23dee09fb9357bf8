"""What is missing or too old is named."""

import subprocess
import sys

import pytest

from keras_attention.internals.requirements import check_keras

MISSING = """
import sys
import keras_attention
for room, module in (
    ("visualization", "matplotlib"),
    ("tuning", "keras_tuner"),
    ("datasets", "PIL"),
):
    sys.modules[module] = None
    try:
        getattr(keras_attention, room)
    except ImportError as error:
        print(error)
"""


@pytest.mark.parametrize("version", ["3.15.1", "3.15.1.dev0", "3.16.0", "4.0"])
def test_new_enough(version):
    check_keras(version)


@pytest.mark.parametrize("version", ["3.15.0", "3.9.2", "2.15.0", "2.4"])
def test_too_old(version):
    with pytest.raises(ImportError, match=rf"3\.15\.1.*Keras {version}"):
        check_keras(version)


def test_a_missing_package_is_named():
    result = subprocess.run(
        [sys.executable, "-c", MISSING],
        capture_output=True,
        text=True,
        check=True,
    )
    for room, package in (
        ("visualization", "matplotlib"),
        ("tuning", "keras-tuner"),
        ("datasets", "pillow"),
    ):
        assert (
            f"keras_attention.{room} needs {package}, which is not installed. "
            f"Run: pip install {package}"
        ) in result.stdout
