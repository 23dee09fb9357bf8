"""Files of weights, told by how their names end, as arrays by name."""

import os
import pathlib
import zipfile

from keras_attention.features.pretrained.keras_files import read_keras
from keras_attention.features.pretrained.torch_files import read_torch
from keras_attention.internals import arguments
from keras_attention.internals.archive import read_arrays
from keras_attention.internals.requirements import explained

#: VGG19's half a gigabyte fits eight times.
LARGEST_FILE = 2**32


def read_weights(path):
    """Reads the arrays of a file of weights, and nothing else of it.

    No format runs code here, imports what the file names or opens another
    file. What a file promises is compared with its size before memory is
    taken for it.

    Args:
        path: str or path, of a file that ends in

            - `.pth` or `.pt`: a state dictionary, as `torch.save` writes it
              today and as it did before version 1.6. PyTorch is not needed.
            - `.safetensors`: needs the package of that name.
            - `.npz`: of `numpy.savez`.
            - `.weights.h5` or `.keras`: of Keras. The configuration in a
              `.keras` file is not read.

    Returns:
        A dict of names to NumPy arrays: PyTorch's names, or for Keras' files
        `"layer/number"`. Arrays may be read-only.

    Raises:
        ValueError: For another kind of file, one of more than 4 GiB, a
            damaged one, and one that holds anything but arrays. The message
            says what was found.
        ImportError: For a `.safetensors` file without `safetensors`.

    Example:

    >>> import pathlib, tempfile
    >>> import numpy as np
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "weights.npz"
    >>> np.savez(path, bias=np.zeros(3))
    >>> read_weights(path)
    {'bias': array([0., 0., 0.])}

    Differs from `torch.load(weights_only=True)`:
        A dictionary of tensors is all that is read: no other type of Python,
        NumPy or PyTorch, and no file of the time before PyTorch 0.1.10.
    """
    name = check_path("path", path)
    size = os.path.getsize(name)
    if size > LARGEST_FILE:
        raise ValueError(
            f"{name!r} has {size:,} bytes, more than {LARGEST_FILE:,}."
        )
    read = next(_READERS[end] for end in _READERS if name.endswith(end))
    try:
        return read(name)
    # What the standard library says of damaged archives, and h5py of others.
    except (
        ValueError, TypeError, OSError, EOFError, KeyError, RuntimeError,
        NotImplementedError, zipfile.BadZipFile,
    ) as error:  # fmt: skip
        raise ValueError(f"{name!r} cannot be read. {error}") from error


def check_path(argument, path, others=""):
    """The path of a file that can be read, as str; else raises `ValueError`.

    Args:
        argument: str, what the caller's argument is called.
        path: any, what the caller gave.
        others: str, what it may be besides, for the message. Defaults to `""`.
    """
    is_path = isinstance(path, (str, os.PathLike))
    name = os.fspath(path) if is_path else None
    if not (
        isinstance(name, str)
        and name.endswith(tuple(_READERS))
        and os.path.isfile(name)
    ):
        expected = (
            f"{others}the path of an existing file that ends in "
            f"{', '.join(_READERS)}"
        )
        raise ValueError(arguments.invalid(argument, path, expected))
    return name


def _read_safetensors(path):
    with explained("Reading a .safetensors file"):
        import safetensors
        from safetensors.numpy import load_file
    try:
        return load_file(path)
    except safetensors.SafetensorError as error:
        raise ValueError(f"It is damaged: {error}") from error
    except AttributeError as error:
        raise ValueError(f"NumPy has no such numbers: {error}") from error


def _read_npz(path):
    return read_arrays(pathlib.Path(path))


_READERS = {
    ".pth": read_torch,
    ".pt": read_torch,
    ".safetensors": _read_safetensors,
    ".npz": _read_npz,
    ".weights.h5": read_keras,
    ".keras": read_keras,
}
