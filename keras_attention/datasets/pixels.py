"""Images that are decoded when they are asked for."""

import collections
import concurrent.futures
import contextlib
import copy
import itertools
import os

import numpy as np

# Decoding releases Python's lock.
THREADS = min(8, os.cpu_count() or 1)


class Pixels:
    """What reads like an array of images and holds none of them.

    Indexing decodes: an integer gives one image, a slice, a list or an array
    of integers or booleans gives an array of several. `select` takes a part
    without decoding it, and `np.asarray` decodes all.

    Args:
        read: callable from one of `sources` to uint8 `(height, width,
            channels)`, which raises `ValueError` if it cannot. Pickled, where
            worker processes read.
        sources: sequence of whatever `read` takes, one an image.
        names: sequence of str, what messages call each image.
        shape: tuple `(height, width, channels)` of every image.
        files: sequence of the images' own files, where `sources` are others;
            `sources` if `None`. Defaults to `None`.

    Example:

    >>> pixels = Pixels(
    ...     lambda level: np.full((2, 2, 1), level, "uint8"), [0, 7, 9],
    ...     ["a", "b", "c"], (2, 2, 1),
    ... )
    >>> pixels.shape, pixels[1].max(), pixels.select([0, 2])[-1].max()
    ((3, 2, 2, 1), np.uint8(7), np.uint8(9))
    """

    dtype = np.dtype("uint8")
    ndim = 4

    def __init__(self, read, sources, names, shape, files=None):
        self.read = read
        self.sources = sources
        self.files = sources if files is None else files
        self.names = names
        self._image_shape = tuple(shape)
        self._chosen = np.arange(len(sources))
        self._seen = {}

    @property
    def shape(self):
        """`(count, height, width, channels)`."""
        return (len(self), *self._image_shape)

    def __len__(self):
        return len(self._chosen)

    def __repr__(self):
        return f"Pixels({'x'.join(map(str, self.shape))}, decoded when asked)"

    def __iter__(self):
        return map(self._decode, self._chosen.tolist())

    def __getitem__(self, indices):
        chosen = self._chosen[indices]
        if np.ndim(chosen) == 0:
            return self._decode(int(chosen))
        images = np.empty((len(chosen), *self._image_shape), self.dtype)
        for place, source in enumerate(chosen.tolist()):
            images[place] = self._decode(source)
        return images

    def __array__(self, dtype=None, copy=None):
        images = np.empty(self.shape, self.dtype)
        decode_into(images, self)
        return images if dtype is None else images.astype(dtype)

    def select(self, indices):
        """A part of the images, not decoded.

        Args:
            indices: array or list of integers, a boolean mask or a slice.

        Returns:
            A `Pixels`.
        """
        part = copy.copy(self)
        part._chosen = self._chosen[indices]
        return part

    def unchanged(self, seen):
        """The same, complaining where `status` tells other than was `seen`."""
        same = copy.copy(self)
        told = zip(self._chosen.tolist(), seen, strict=True)
        same._seen = {place: found for place, found in told if found}
        return same

    def seen(self, index):
        """What `unchanged` was told of an image's file, or `None`."""
        return self._seen.get(self.place(index))

    def file(self, index):
        """The file that an image comes from."""
        return self.files[self.place(index)]

    def place(self, index):
        """Which of `sources` an image is."""
        return int(self._chosen[index])

    def _decode(self, source):
        try:
            image = self.read(self.sources[source])
            seen = self._seen.get(source)
            if seen is not None and status(self.files[source]) != seen:
                raise ValueError("the file has changed since it was scanned")
            return image
        except ValueError as error:
            raise ValueError(f"{self.names[source]}: {error}") from error


def status(file):
    """Size and time of a file, or of each of several; `None` of others."""
    if isinstance(file, tuple):
        return tuple(map(status, file))
    if isinstance(file, (str, os.PathLike)):
        with contextlib.suppress(OSError, ValueError):
            found = os.stat(file)
            return found.st_size, found.st_mtime_ns
    return None


def decode_into(array, pixels, done=lambda: None):
    """Decodes all of some `Pixels` in threads, each into its place."""

    def work(index):
        array[index] = pixels[index]

    for _ in in_threads(work, range(len(pixels))):
        done()


def in_threads(work, items):
    """Yields what `work` makes of each item, in their order."""
    pool = concurrent.futures.ThreadPoolExecutor(THREADS)
    items, waiting = iter(items), collections.deque()
    with pool:
        try:
            # Not all at once: there may be a million.
            for item in itertools.islice(items, 8 * THREADS):
                waiting.append(pool.submit(work, item))
            while waiting:
                yield waiting.popleft().result()
                for item in itertools.islice(items, 1):
                    waiting.append(pool.submit(work, item))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
