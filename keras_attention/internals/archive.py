"""Arrays out of an `.npz` file that nobody vouches for."""

import zipfile

import numpy as np

from keras_attention.internals.arguments import invalid
from keras_attention.internals.npy import npy_header
from keras_attention.internals.words import did_you_mean

# So much is taken of any file.
LEAST_LIMIT = 2**28


def read_arrays(
    path, required=(), optional=None, max_bytes=None, check=lambda headers: None
):
    """The arrays that are asked for, once their headers have been checked.

    `optional=None` asks for all there are. `check` raises for `NpyHeader`s, a
    dict by name, that do not fit each other.
    """
    if not path.is_file():
        raise ValueError(invalid("path", str(path), "an .npz file"))
    # NumPy would take anything else for a pickle, and suggest to load it.
    if not zipfile.is_zipfile(path):
        raise ValueError(f"{path} is damaged, or no .npz file.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {
                info.filename.removesuffix(".npy"): info
                for info in archive.infolist()
            }
            for name in required:
                if name not in entries:
                    raise ValueError(
                        f"it has no array {name!r}. "
                        f"{did_you_mean(name, entries)}"
                        f"It has {', '.join(sorted(entries))}"
                    )
            optional = entries if optional is None else optional
            wanted = dict.fromkeys(
                (*required, *(name for name in optional if name in entries))
            )
            entries = {name: entries[name] for name in wanted}
            headers = {
                name: _header(archive, entry) for name, entry in entries.items()
            }
            _check_bytes(headers, path.stat().st_size, max_bytes)
            check(headers)
            return {
                name: _array(archive, entry) for name, entry in entries.items()
            }
    except MemoryError:
        raise
    # zipfile leaves a damaged file to zlib, struct, lzma ...
    except Exception as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error


def _header(archive, entry):
    with archive.open(entry) as stream:
        try:
            return npy_header(stream, entry.file_size)
        except ValueError as error:
            raise ValueError(f"{entry.filename}: {error}") from error


def _array(archive, entry):
    with archive.open(entry) as stream:
        return np.lib.format.read_array(stream)


def _check_bytes(headers, size, max_bytes):
    total = sum(header.bytes for header in headers.values())
    most = max_bytes or max(100 * size, LEAST_LIMIT)
    if total > most:
        raise ValueError(
            f"its arrays would take {total:,} bytes, more than {most:,}; "
            "pass max_bytes if that is meant"
        )
