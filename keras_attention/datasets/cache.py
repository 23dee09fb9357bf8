"""Where decoded images are kept: in memory, on disk or not at all."""

import hashlib
import os
import sys

import numpy as np
import PIL

from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.pixels import decode_into
from keras_attention.internals.arguments import one_of
from keras_attention.internals.files import home
from keras_attention.internals.files import remove_half_written
from keras_attention.internals.files import written_whole

CACHES = ("auto", "memory", "disk", None)
# So much of memory is taken without asking.
MOST_IN_MEMORY = 2**30
_FOLDERS = ("datasets", "keras_attention")


def chosen(cache, count, bytes_each):
    """The kind of cache; what `"auto"` chose instead of memory is said."""
    one_of("cache", cache, CACHES)
    if cache != "auto":
        return cache
    size = count * bytes_each
    if size <= MOST_IN_MEMORY:
        return "memory"
    print(
        f"{count:,} images would take {size / 1e9:.1f} GB of memory, so they "
        "are decoded when they are asked for (cache=None); cache='disk' "
        "decodes them once.",
        file=sys.stderr,
    )
    return None


def on_disk(pixels):
    """The same `Pixels`, from one file that is decoded into once.

    The file is called by what it holds: the paths, sizes and times (of content
    and of status) of the images' files, how they are laid out, and Pillow's
    version. Runs share it; one builds it, the others wait. It is written whole
    or not at all.
    """
    # Only here: a lock is of use to nobody else.
    import filelock

    path = home(*_FOLDERS) / f"{_key(pixels)}.npy"
    with filelock.FileLock(path.with_suffix(".lock")):
        if not _is_whole(path, pixels.shape):
            _build(path, pixels)
    read, rows = ReadRow(str(path), pixels.read), range(len(pixels))
    return Pixels(read, rows, pixels.names, pixels.shape[1:], pixels.files)


def clear_cache():
    """Deletes what `cache="disk"` keeps under `~/.keras`, of all data sets.

    It is built again where it is needed. Not while a training reads it.

    Returns:
        An int, how many bytes have become free.

    Example:

    ```python
    print(f"{datasets.clear_cache() / 1e9:.1f} GB")
    ```
    """
    import filelock

    freed = 0
    # Every file has a lock of its name, what was killed half written too.
    for lock in home(*_FOLDERS).glob("*.lock"):
        path = lock.with_suffix(".npy")
        with filelock.FileLock(lock):
            remove_half_written(path)
            if path.exists():
                freed += path.stat().st_size
                path.unlink()
        lock.unlink()
    return freed


class ReadRow:
    """One image of a file of many, which every process opens for itself.

    `read` is what read each from its own file.
    """

    def __init__(self, path, read):
        self.path = path
        self.read = read
        self._rows = None

    def __call__(self, index):
        """The pixels of one image."""
        if self._rows is None:
            self._rows = np.load(self.path, mmap_mode="r")
        return self._rows[index]

    def __getstate__(self):
        return {**self.__dict__, "_rows": None}


def _key(pixels):
    # Another Pillow may decode and resize in another way.
    form = pixels.read, pixels.shape, PIL.__version__
    digest = hashlib.sha256(repr(form).encode())
    for source in pixels.sources:
        for part in source if isinstance(source, tuple) else (source,):
            digest.update(_identity(part))
    return digest.hexdigest()[:32]


def _identity(source):
    if source is None:
        return b"none"
    if not isinstance(source, (str, os.PathLike)):
        return hashlib.sha256(source).digest()
    try:
        status = os.stat(source)
    except OSError:
        return f"{source}:missing".encode()
    # The time of content can be set, as archives do; that of status cannot.
    times = f"{status.st_mtime_ns}:{status.st_ctime_ns}"
    path = os.path.abspath(source)
    return f"{path}:{status.st_size}:{times}\n".encode()


def _is_whole(path, shape):
    """Whether the file is there and as long as its header says."""
    try:
        rows = np.load(path, mmap_mode="r")
    except (OSError, ValueError):
        return False
    return rows.shape == shape and rows.dtype == np.uint8


def _build(path, pixels):
    import keras

    size = np.prod(pixels.shape, dtype="int64") / 1e6
    what = "images" if pixels.shape[-1] > 1 else "images or masks"
    print(f"Decoding {len(pixels):,} {what} to {path}, {size:,.1f} MB")
    bar = keras.utils.Progbar(len(pixels))
    with written_whole(path) as new:
        rows = np.lib.format.open_memmap(
            new, mode="w+", dtype="uint8", shape=pixels.shape
        )
        decode_into(rows, pixels, lambda: bar.add(1))
        rows.flush()
        if _key(pixels) != path.stem:
            raise ValueError(
                "A file has changed while it was decoded. Once none is being "
                "written, run it again."
            )
