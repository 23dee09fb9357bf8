"""Published files: fetched once, and taken for nothing but what they are."""

import hashlib
import os

import keras

from keras_attention.internals.files import home
from keras_attention.internals.files import written_whole


def fetched(url, sha256):
    """The path of a file from the network, kept in Keras' folder of models.

    Processes that want the same file wait for the one that fetches it. It has
    its name only when it is whole and has been checked.

    Args:
        url: str, `https://...` and a file name.
        sha256: str, how the file's SHA-256 begins.

    Returns:
        A `pathlib.Path`, in `$KERAS_HOME/models` or `~/.keras/models`.

    Raises:
        ValueError: If the file is another one. Nothing of it remains.
        ConnectionError: If it cannot be fetched; a local file can be given.
    """
    # Only here: importing the package needs no more than Keras.
    import filelock

    path = home("models") / url.rpartition("/")[2]
    with filelock.FileLock(f"{path}.lock"):
        if path.exists():
            try:
                check_sha256(path, sha256)
            except ValueError:
                # Whoever left it there, the next call fetches the right one.
                path.unlink()
                raise
        else:
            with written_whole(path) as new:
                _fetch(url, new)
                check_sha256(new, sha256)
    return path


def check_sha256(path, expected):
    """Raises `ValueError` unless a file's SHA-256 begins as is expected."""
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(expected):
        raise ValueError(
            f"The SHA-256 of {os.path.basename(path)} must begin with "
            f"{expected}. Received: {digest}. If it was fetched just now, it "
            "is deleted; try again."
        )


def _fetch(url, path):
    """With Keras' progress bar."""
    try:
        keras.utils.get_file(
            path.name, url, cache_dir=path.parent, cache_subdir=""
        )
    except OSError:
        raise  # The disk's, not the network's.
    except Exception as error:  # Keras raises it without a class of its own.
        raise ConnectionError(
            f"The weights could not be fetched: {error}. Fetch {url} where "
            "there is a network, and pass the file: weights="
            f"'/a/folder/{path.name}'"
        ) from error
