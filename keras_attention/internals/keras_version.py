"""Is Keras new enough? Asked by importing this, before anything else is."""

import re

import keras

#: The first release with every known fix to the loading of models.
OLDEST_KERAS = (3, 15, 1)


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


check_keras()
