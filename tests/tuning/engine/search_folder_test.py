"""A search's folder: whole files, damaged ones aside, one search at a time."""

import json
import os
import signal

import numpy as np
import pytest

from keras_attention.tuning.engine import folder as folders
from keras_attention.tuning.engine.folder import Folder


def test_numbers_of_numpy_are_written(tmp_path):
    path = tmp_path / "new" / "state.json"
    folders.write_json(path, {"a": np.float32(0.5), "b": np.int64(3)})
    assert json.loads(path.read_text()) == {"a": 0.5, "b": 3}
    with pytest.raises(TypeError, match="cannot be written"):
        folders.write_json(path, {"a": object()})
    assert json.loads(path.read_text())["b"] == 3
    assert os.listdir(path.parent) == ["state.json"]


def test_the_file_before_is_kept(tmp_path):
    path = tmp_path / "oracle.json"
    for number in range(3):
        folders.write_json(path, {"n": number}, keep_previous=True)
    assert folders.read_json(path, dict) == {"n": 2}
    assert folders.read_json(folders.previous(path), dict) == {"n": 1}


DEEP = "[" * 100_000 + "]" * 100_000
NO_RECORDS = ["", '{"status": "COMP', "\x00\x00", "[]", "null", "7", DEEP]


@pytest.mark.parametrize("text", NO_RECORDS, ids=lambda text: text[:6])
def test_what_is_no_record_is_set_aside(tmp_path, text):
    path = tmp_path / "trial.json"
    for name in ("trial.json.damaged", "trial.json.damaged2"):
        path.write_text(text)
        with pytest.warns(UserWarning, match=f"trial.json is damaged.*{name}"):
            assert folders.read_json(path, lambda v: v["status"]) is None
        assert (tmp_path / name).read_text() == text
    assert not path.exists()
    assert folders.read_json(path, dict) is None


def test_only_what_a_search_has_made_is_deleted(tmp_path):
    for name in ("oracle.json", "search.json", "notes.txt", "best.keras"):
        (tmp_path / name).write_text("{}")
    for name in ("trial_0", "trial_1", "trial_photos"):
        (tmp_path / name).mkdir()
    for name in ("trial_0/trial.json", "trial_1/trial.json"):
        (tmp_path / name).write_text("{}")
    for name in ("trial_1/mine.txt", "trial_photos/1.jpg"):
        (tmp_path / name).write_text("mine")
    Folder(tmp_path).clear()
    left = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*.*"))
    assert left == [
        *("best.keras", "notes.txt", "trial_1/mine.txt"),
        "trial_photos/1.jpg",
    ]
    assert not (tmp_path / "trial_0").exists()


def test_starts_are_counted_on_the_disk(tmp_path):
    for count in range(3):
        assert Folder(tmp_path).starts("4") == count
        Folder(tmp_path).begin("4")
    Folder(tmp_path).end("4")
    assert Folder(tmp_path).starts("4") == 0


def test_a_second_search_is_refused_and_told_by_whom(tmp_path):
    message = f"in use by process {os.getpid()} on "
    with Folder(tmp_path).locked():
        again = Folder(tmp_path).locked()
        with pytest.raises(RuntimeError, match=message), again:
            pass
    with pytest.raises(KeyError), Folder(tmp_path).locked():
        raise KeyError
    with Folder(tmp_path).locked():
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    process = os.fork()
    if not process:
        with Folder(tmp_path).locked():
            os.kill(os.getpid(), signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    assert (tmp_path / "search.holder").exists()
    with Folder(tmp_path).locked():
        pass
