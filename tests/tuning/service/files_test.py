import json
import os

import numpy as np
import pytest

from keras_attention.tuning.service import files


def test_numbers_of_numpy_are_written(tmp_path):
    path = tmp_path / "new" / "state.json"
    files.write_json(path, {"a": np.float32(0.5), "b": np.int64(3)})
    assert json.loads(path.read_text()) == {"a": 0.5, "b": 3}
    with pytest.raises(TypeError, match="cannot be written"):
        files.write_json(path, {"a": object()})
    assert json.loads(path.read_text())["b"] == 3
    assert os.listdir(path.parent) == ["state.json"]


@pytest.mark.parametrize("moment", ["fsync", "replace"])
def test_a_write_cut_short_leaves_the_old_file(tmp_path, monkeypatch, moment):
    path = tmp_path / "state.json"
    files.write_json(path, {"trials": 1})

    def die(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, moment, die)
    with pytest.raises(KeyboardInterrupt):
        files.write_json(path, {"trials": 2})
    assert files.read_json(path) == {"trials": 1}


def test_the_file_before_is_kept(tmp_path):
    path = tmp_path / "oracle.json"
    for number in range(3):
        files.write_json(path, {"n": number}, keep_previous=True)
    assert files.read_json(path) == {"n": 2}
    assert files.read_json(files.previous(path)) == {"n": 1}


@pytest.mark.parametrize("text", ["", '{"status": "COMP', "\x00\x00", "[]"])
def test_a_damaged_file_is_set_aside(tmp_path, text):
    path = tmp_path / "trial.json"
    for name in ("trial.json.damaged", "trial.json.damaged2"):
        path.write_text(text)
        with pytest.warns(UserWarning, match=f"trial.json is damaged.*{name}"):
            assert files.read_json(path, ["status"]) is None
        assert (tmp_path / name).read_text() == text
    assert not path.exists()
    assert files.read_json(path) is None
