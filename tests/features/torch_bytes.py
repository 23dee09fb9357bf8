"""PyTorch's files, written by hand."""

import io
import pickle
import struct
import zipfile

import numpy as np

_KINDS = {"f4": "Float", "f8": "Double", "i8": "Long"}


def name_of(module, name):
    return f"c{module}\n{name}\n".encode()


def text(word):
    return b"X" + struct.pack("<I", len(word.encode())) + word.encode()


def integers(*numbers):
    pushed = b"".join(b"J" + struct.pack("<i", number) for number in numbers)
    return b"(" + pushed + b"t"


def tensor(key, array, view=b"", shape=None, strides=None, offset=0):
    """What `torch.save` writes for one, by hand."""
    kind = _KINDS[array.dtype.str[1:]]
    shape = array.shape if shape is None else shape
    if strides is None:
        strides = [side // array.itemsize for side in array.strides]
    return (
        name_of("torch._utils", "_rebuild_tensor_v2")
        + b"(("
        + text("storage")
        + name_of("torch", f"{kind}Storage")
        + text(key)
        + text("cpu")
        + integers(array.size)[1:-1]
        + view
        + b"tQ"
        + integers(offset)[1:-1]
        + integers(*shape)
        + integers(*strides)
        + b"\x89"
        + name_of("collections", "OrderedDict")
        + b")RtR"
    )


def pickled(items):
    """A dictionary of names to what is pickled already."""
    pairs = b"".join(text(name) + value for name, value in items)
    return (
        b"\x80\x02"
        + name_of("collections", "OrderedDict")
        + (b")R(" + pairs + b"u.")
    )


def zipped(pickle_bytes, arrays=(), **entries):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", pickle_bytes)
        archive.writestr("archive/version", "3\n")
        for key, array in enumerate(arrays):
            archive.writestr(f"archive/data/{key}", array.tobytes())
        for name, data in entries.items():
            archive.writestr(f"archive/{name}", data)
    return buffer.getvalue()


def old(pickle_bytes, arrays=(), keys=None, magic=0x1950A86A20F9469CFC6C):
    start = (magic, 1001, {"little_endian": True})
    keys = [str(key) for key in range(len(arrays))] if keys is None else keys
    return (
        b"".join(pickle.dumps(value, protocol=2) for value in start)
        + pickle_bytes
        + pickle.dumps(keys, protocol=2)
        + b"".join(struct.pack("<q", a.size) + a.tobytes() for a in arrays)
    )


def saved(state, layout=zipped):
    """A file of a state, as `torch.save` would write it."""
    arrays = [np.ascontiguousarray(array) for array in state.values()]
    view = b"N" if layout is old else b""
    items = [
        (name, tensor(str(key), array.reshape(np.shape(state[name])), view))
        for key, (name, array) in enumerate(zip(state, arrays, strict=True))
    ]
    return layout(pickled(items), arrays)
