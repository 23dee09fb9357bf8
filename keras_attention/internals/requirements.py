"""What must be installed: said at the door, and not far inside."""

import contextlib
import re

import keras

#: The first release with every known fix to the loading of models.
OLDEST_KERAS = (3, 15, 1)
# What a module is called, and what installs it.
_PACKAGES = {
    "PIL": "pillow",
    "array_record": "array_record",
    "cloudpickle": "cloudpickle",
    "contourpy": "contourpy",
    "keras_tuner": "keras-tuner",
    "matplotlib": "matplotlib",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorboard": "tensorboard",
    "tensorflow": "tensorflow",
    "tensorflow_datasets": "tensorflow-datasets",
}


def check_keras(version=keras.__version__):
    """Raises `ImportError` for a Keras that is too old.

    >>> check_keras("3.15.1")
    >>> check_keras("2.15.0")
    Traceback (most recent call last):
    ImportError: keras_attention needs Keras 3.15.1 or newer. Installed: Keras
    2.15.0. Run: pip install --upgrade 'keras>=3.15.1'
    """
    numbers = tuple(map(int, re.findall(r"\d+", version)[:3]))
    if numbers < OLDEST_KERAS:
        oldest = ".".join(map(str, OLDEST_KERAS))
        raise ImportError(
            f"keras_attention needs Keras {oldest} or newer. Installed: Keras "
            f"{version}. Run: pip install --upgrade 'keras>={oldest}'"
        )


@contextlib.contextmanager
def explained(room):
    """Says of a package that is missing what installs it.

    Args:
        room: str, the module that is imported.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = _PACKAGES.get((error.name or "").partition(".")[0])
        if package is None:
            raise
        raise ModuleNotFoundError(
            f"{room} needs {package}, which is not installed. Run: pip "
            f"install {package}",
            name=error.name,
        ) from error


check_keras()
