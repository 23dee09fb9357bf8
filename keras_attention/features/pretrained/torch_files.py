"""PyTorch's files in both of their formats, read without PyTorch.

Since 1.6 a `.pth` file is a zip archive: `data.pkl` describes the tensors, and
`data/0`, `data/1`, ... hold their numbers, uncompressed. Before, it was five
pickles and then the numbers of one storage after the other. Several tensors
may be views of one storage.
"""

import io
import math
import os
import zipfile

import ml_dtypes
import numpy as np

from keras_attention.features.pretrained.pickles import LARGEST
from keras_attention.features.pretrained.pickles import Name
from keras_attention.features.pretrained.pickles import read_pickle
from keras_attention.internals.words import few

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {
    "BFloat16": np.dtype(ml_dtypes.bfloat16),
    "Bool": np.dtype("?"),
    "Byte": np.dtype("u1"),
    "Char": np.dtype("i1"),
    "Double": np.dtype("<f8"),
    "Float": np.dtype("<f4"),
    "Half": np.dtype("<f2"),
    "Int": np.dtype("<i4"),
    "Long": np.dtype("<i8"),
    "Short": np.dtype("<i2"),
}


def read_torch(path):
    """The arrays of a state dictionary that `torch.save` has written.

    Args:
        path: str or path of the file.

    Returns:
        A dict of name to a NumPy array, in the dtype of the file.

    Raises:
        ValueError: For a file that is damaged, or holds anything but a
            dictionary of tensors.
    """
    with open(path, "rb") as stream:
        start = stream.read(512)
        stream.seek(0)
        if start[257:262] == b"ustar":
            raise ValueError(
                "It is of the time before PyTorch 0.1.10. Load it with torch "
                "and save it again."
            )
        read = _read_zip if start.startswith(b"PK") else _read_old
        state = read(stream)
    if not isinstance(state, dict):
        raise ValueError(
            "It must hold a state dictionary, name to tensor. Received: a "
            f"{type(state).__name__.lstrip('_')}."
        )
    others = [
        name for name, value in state.items() if not isinstance(value, _Tensor)
    ]
    if others:
        raise ValueError(
            "It must hold a state dictionary, name to tensor. These are no "
            f"tensors: {few(others)}. Of a checkpoint, save the state "
            "dictionary inside."
        )
    return {str(name): tensor.array() for name, tensor in state.items()}


def _read_zip(stream):
    with zipfile.ZipFile(stream) as archive:
        size = stream.seek(0, os.SEEK_END)
        entries = {info.filename: info for info in archive.infolist()}
        if sum(info.file_size for info in entries.values()) > size:
            raise ValueError("Its entries are compressed, or overlap.")
        roots = [name for name in entries if name.endswith("/data.pkl")]
        if len(roots) != 1:
            raise ValueError("It is a zip archive without one data.pkl.")
        root = roots[0].removesuffix("data.pkl")
        order = f"{root}byteorder"
        if order in entries and archive.read(order) != b"little":
            raise ValueError("Its numbers are not in little-endian order.")
        storages = {}
        pickled = io.BytesIO(archive.read(roots[0]))
        state = read_pickle(pickled, _NAMES, _remembers(storages))
        for key, storage in storages.items():
            if f"{root}data/{key}" not in entries:
                raise ValueError(f"It has no storage {key!r}.")
            storage.fill(archive.read(f"{root}data/{key}"))
    return state


def _read_old(stream):
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    # A file would take memory for as many letters as it claims that a name
    # has; what is in memory already gives those that there are.
    head = io.BytesIO(stream.read(LARGEST))
    if read_pickle(head, {}, None) != _MAGIC:
        raise ValueError("It is no file of PyTorch's.")
    protocol, system = (read_pickle(head, {}, None) for _ in range(2))
    little = isinstance(system, dict) and system.get("little_endian") is True
    if protocol != _PROTOCOL or not little:
        raise ValueError("Its numbers are not in little-endian order.")
    storages = {}
    state = read_pickle(head, _NAMES, _remembers(storages))
    keys = read_pickle(head, {}, None)
    is_list = isinstance(keys, list) and all(type(key) is str for key in keys)
    if not is_list or sorted(keys) != sorted(storages):
        raise ValueError("Its storages are not those of its tensors.")
    stream.seek(head.tell())
    for key in keys:
        storage = storages[key]
        count = int.from_bytes(stream.read(8), "little")
        length = count * storage.dtype.itemsize
        if length > size - stream.tell():
            raise ValueError(f"It ends inside storage {key!r}.")
        storage.fill(stream.read(length))
    return state


class _Storage:
    """Numbers in a row, to be read when all tensors are known."""

    def __init__(self, key, dtype, count):
        self.key, self.dtype, self.count = key, dtype, count
        self.values = None

    def fill(self, data):
        if len(data) != self.count * self.dtype.itemsize:
            raise ValueError(
                f"Storage {self.key!r} has {len(data)} bytes. Its tensors "
                f"expect {self.count} numbers of {self.dtype}."
            )
        self.values = np.frombuffer(data, self.dtype)


class _Tensor:
    """A view of a storage that lies inside it."""

    def __init__(self, storage, offset, shape, strides):
        if len(shape) > 8 or not _are_sizes(offset, *shape, *strides):
            raise ValueError("a tensor has sizes that are no sizes")
        steps = zip(shape, strides, strict=True)
        last = offset + sum((side - 1) * stride for side, stride in steps)
        # One number at all places is a tensor of any size in a tiny file.
        if math.prod(shape) > storage.count or (
            0 not in shape and last >= storage.count
        ):
            raise ValueError(f"a tensor {shape} is larger than its storage")
        self.storage, self.offset = storage, offset
        self.shape, self.strides = shape, strides

    def array(self):
        if 0 in self.shape:
            return np.empty(self.shape, self.storage.dtype)
        size = self.storage.dtype.itemsize
        return np.lib.stride_tricks.as_strided(
            self.storage.values[self.offset :],
            self.shape,
            [stride * size for stride in self.strides],
            writeable=False,
        )


def _are_sizes(*numbers):
    return all(type(number) is int and number >= 0 for number in numbers)


def _remembers(storages):
    """Makes a storage of its description, the same one for the same key."""

    def storage(description):
        kind, name, key, _, count, *view = description
        if (
            kind != "storage"
            or not isinstance(name, Name)
            or not isinstance(name.meaning, np.dtype)
            or not isinstance(key, str)
            or not _are_sizes(count)
            or any(view)
        ):
            raise ValueError("there is something that is no storage")
        new = _Storage(key, name.meaning, count)
        old = storages.setdefault(new.key, new)
        if (old.dtype, old.count) != (new.dtype, new.count):
            raise ValueError(f"storage {new.key!r} is described twice")
        return old

    return storage


def _tensor(storage, offset, shape, strides, *_):
    """Without what training needs: gradients, hooks."""
    if not isinstance(storage, _Storage):
        raise TypeError("a tensor has no storage")
    return _Tensor(storage, offset, tuple(shape), tuple(strides))


def _parameter(tensor, *_):
    return tensor


def _ordered_dict(pairs=None):
    """Python 2 gave its items as an argument, a list of its own."""
    pairs = [] if pairs is None else pairs
    if not all(isinstance(name, str) for name, _ in pairs):
        raise TypeError("a key is no name")
    items = dict(pairs)
    # Whoever makes a million dictionaries of one list gets them empty.
    pairs.clear()
    return items


#: All that may occur in a file: functions, and dtypes for storages.
_NAMES = {
    "collections.OrderedDict": _ordered_dict,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    **{f"torch.{kind}Storage": dtype for kind, dtype in _DTYPES.items()},
}
