"""Keras' files of weights, by the names of the layers.

A `.weights.h5` file has a group for every layer, in which Keras notes the
layer's name, and in it the weights by number. Keras itself loads by the order
of the layers of each class, and passes over what a model has no place for. A
`.keras` file holds such a file beside a configuration, which is not read here:
nothing is built of what a file says.

What HDF5's own library does with a damaged header is beyond this: mostly it
complains, but it may go on reading for ever. Numbers have a checksum in a
`.keras` file only.
"""

import io
import zipfile

import h5py

_WEIGHTS = "model.weights.h5"


def read_keras(path):
    """The arrays of a `.weights.h5` or `.keras` file.

    Args:
        path: str or path of the file.

    Returns:
        A dict of `"layer/number"` to a NumPy array; of a layer inside another
        `"outer/inner/number"`.

    Raises:
        ValueError: For a damaged file, and for one that refers to other files
            or says more than it holds.
    """
    if not str(path).endswith(".keras"):
        return _read(path)
    with zipfile.ZipFile(path) as archive:
        entries = {entry.filename: entry for entry in archive.infolist()}
        if _WEIGHTS not in entries:
            raise ValueError(f"It has no {_WEIGHTS}.")
        entry = entries[_WEIGHTS]
        # Keras does not compress it: it is no larger than its file.
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"Its {_WEIGHTS} is compressed.")
        return _read(io.BytesIO(archive.read(entry)))


def _read(file):
    state = {}
    with h5py.File(file, "r") as opened:
        _collect(opened, "", state, set())
    if not state:
        raise ValueError("It has no weights.")
    return state


def _collect(group, prefix, state, visited):
    """Adds what a group holds, and the groups inside it."""
    address = h5py.h5o.get_info(group.id).addr
    if address in visited:
        raise ValueError(f"Its group {group.name!r} is inside itself.")
    visited.add(address)
    for key in group:
        # Others lead to other files, or to what has been read already.
        if not isinstance(group.get(key, getlink=True), h5py.HardLink):
            raise ValueError(f"Its {group.name}/{key} is a link.")
    # The optimizer's state is no weight of a layer.
    inner = [key for key in group if key not in ("vars", "optimizer")]
    if "vars" in group:
        weights = group["vars"]
        if group.name != "/":
            prefix += f"{_name(weights)}/"
        for key in weights:
            name = f"{prefix}{key}"
            if name in state:
                raise ValueError(f"It has two arrays {name!r}.")
            state[name] = _array(weights, key)
    for key in inner:
        if isinstance(group[key], h5py.Group):
            _collect(group[key], prefix, state, visited)


def _name(weights):
    name = weights.attrs.get("name")
    if not isinstance(name, str):
        raise ValueError(
            "It has no names of layers: an older Keras wrote it. Load it with "
            "`model.load_weights` and save it again."
        )
    return name


def _array(weights, key):
    if not isinstance(weights.get(key, getlink=True), h5py.HardLink):
        raise ValueError(f"Its {weights.name}/{key} is a link.")
    data = weights[key]
    # A few bytes may promise any number of zeros.
    if (
        not isinstance(data, h5py.Dataset)
        or data.is_virtual
        or data.external
        # In pieces, each of which a filter may have made.
        or data.chunks
        or data.id.get_storage_size() != data.nbytes
    ):
        raise ValueError(f"Its {weights.name}/{key} is no array in the file.")
    return data[()]
