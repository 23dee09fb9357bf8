"""Files by their endings."""

import json
import struct
import sys

import numpy as np
import pytest

from keras_attention.features import read_weights
from keras_attention.features.pretrained import files

STATE = {"a": np.arange(6, dtype="float32").reshape(2, 3), "b": np.ones(1)}


def same(state):
    assert state.keys() == STATE.keys()
    for name, array in STATE.items():
        np.testing.assert_array_equal(state[name], array)


def test_npz(tmp_path):
    path = tmp_path / "state.npz"
    np.savez_compressed(path, **STATE)
    same(read_weights(str(path)))
    np.savez(path, a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="are not unpickled"):
        read_weights(path)
    path.write_bytes(b"PK")
    with pytest.raises(ValueError, match="damaged"):
        read_weights(path)


def test_safetensors(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    path = tmp_path / "state.safetensors"
    numpy.save_file(STATE, path)
    same(read_weights(path))
    data = path.read_bytes()
    for broken in (b"", data[:-1], b"\xff" * 8 + data[8:]):
        path.write_bytes(broken)
        with pytest.raises(ValueError, match="It is damaged"):
            read_weights(path)


def test_numbers_that_numpy_lacks_are_named(tmp_path):
    pytest.importorskip("safetensors")
    entry = {"dtype": "F8_E4M3", "shape": [2], "data_offsets": [0, 2]}
    header = json.dumps({"a": entry}).encode()
    path = tmp_path / "state.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header + b"\0\0")
    with pytest.raises(ValueError, match="state.* no such numbers: .*float8"):
        read_weights(path)


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    path = tmp_path / "state.safetensors"
    path.touch()
    with pytest.raises(ImportError, match=r"visual-attention\[pretrained\]"):
        read_weights(path)


@pytest.mark.parametrize(
    "path", ["missing.npz", "setup.cfg", ".", b"a.npz", 3, None, "a.h5"]
)
def test_no_such_files(path):
    with pytest.raises(ValueError, match="argument path: expected the path"):
        read_weights(path)


def test_no_larger_files(tmp_path, monkeypatch):
    path = tmp_path / "state.npz"
    np.savez(path, **STATE)
    monkeypatch.setattr(files, "LARGEST_FILE", 100)
    with pytest.raises(ValueError, match="more than 100"):
        read_weights(path)
