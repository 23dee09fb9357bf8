"""Installs from the kit what the machine lacks.

    python -m gpu.install gpu-kit SITE

Into a folder for PYTHONPATH, and only what is not there: the machine's own
NumPy, protobuf or rich go with its own frameworks. What the project pins,
Keras and KerasTuner, is installed in any case.
"""

import importlib.metadata
import pathlib
import subprocess
import sys

OURS = {"keras", "keras_tuner", "keras_visual_attention"}


def lacking(wheels):
    """Those of the wheels whose package is not there."""
    for wheel in wheels:
        name = wheel.name.split("-")[0]
        if name in OURS or not is_installed(name):
            yield wheel


def is_installed(name):
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def main():
    kit, site = map(pathlib.Path, sys.argv[1:])
    wheels = [str(wheel) for wheel in lacking(sorted(kit.glob("*.whl")))]
    command = [sys.executable, "-m", "pip", "install", "--quiet"]
    command += ["--no-index", "--no-deps", "--no-compile", "--no-cache-dir"]
    subprocess.run([*command, "--target", str(site), *wheels], check=True)


if __name__ == "__main__":
    main()
