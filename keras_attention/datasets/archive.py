"""Arrays out of an `.npz` file that nobody vouches for."""

import zipfile

import numpy as np

from keras_attention.datasets.labels import nearest
from keras_attention.datasets.npy import read_header
from keras_attention.internals.arguments import invalid

# So much is taken of any file.
LEAST_LIMIT = 2**28


def read_arrays(path, required, optional, max_bytes, check):
    """The arrays that are asked for, once their headers have been checked.

    Args:
        path: path, of an `.npz` file.
        required: iterable of str, names of arrays that have to be there.
        optional: iterable of str, names of arrays that may be there.
        max_bytes: int, what they may take; `None` is 100 times the file, or
            `LEAST_LIMIT`.
        check: callable, which raises `ValueError` for a dict from names to
            `Header`s that do not fit each other.

    Returns:
        A dict from names to arrays.

    Raises:
        ValueError: naming the file, and what is missing, too large or damaged.
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
                        f"it has no array {name!r}.{nearest(name, entries)} "
                        f"It has {', '.join(sorted(entries))}"
                    )
            wanted = dict.fromkeys((*required, *optional))
            headers = {
                name: _header(archive, entries[name])
                for name in wanted
                if name in entries
            }
            _check_bytes(headers, path.stat().st_size, max_bytes)
            check(headers)
            arrays = {}
            for name in headers:
                with archive.open(entries[name]) as stream:
                    arrays[name] = np.lib.format.read_array(stream)
            return arrays
    except MemoryError:
        raise
    # zipfile leaves a damaged file to zlib, struct, lzma ...
    except Exception as error:
        raise ValueError(f"{path} cannot be read: {error}.") from error


def _header(archive, entry):
    name = entry.filename
    with archive.open(entry) as stream:
        try:
            header = read_header(stream)
            header.check_length(entry.file_size)
            return header
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error


def _check_bytes(headers, size, max_bytes):
    total = sum(header.bytes for header in headers.values())
    most = max_bytes or max(100 * size, LEAST_LIMIT)
    if total > most:
        raise ValueError(
            f"its arrays would take {total:,} bytes, more than {most:,}; "
            "pass max_bytes if that is meant"
        )
