import json
import os
import socket
import subprocess
import sys

import pytest

from keras_attention.tuning.service.lock import NAME
from keras_attention.tuning.service.lock import locked


def write(folder, **holder):
    known = {"host": socket.gethostname(), "since": "noon", "started": None}
    (folder / NAME).write_text(json.dumps({**known, **holder}))


def test_a_second_search_is_refused_and_told_by_whom(tmp_path):
    with locked(tmp_path):
        message = rf"in use by process {os.getpid()} on {socket.gethostname()}"
        with pytest.raises(RuntimeError, match=message), locked(tmp_path):
            pass
        assert (tmp_path / NAME).exists()
    assert not (tmp_path / NAME).exists()


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    write(tmp_path, pid=dead.pid)
    with locked(tmp_path):
        assert json.loads((tmp_path / NAME).read_text())["pid"] == os.getpid()


def test_a_number_given_to_another_process_is_no_holder(tmp_path):
    write(tmp_path, pid=os.getpid(), started="1")
    with locked(tmp_path):
        pass


def test_a_lock_cut_short_is_taken_over(tmp_path):
    (tmp_path / NAME).write_text('{"pid": 1')
    with locked(tmp_path):
        pass


def test_nobody_can_tell_of_another_machine(tmp_path):
    write(tmp_path, pid=1, host="elsewhere")
    message = "process 1 on elsewhere since noon.*delete .*search.lock"
    with pytest.raises(RuntimeError, match=message), locked(tmp_path):
        pass
    assert (tmp_path / NAME).exists()


def test_an_exception_gives_the_lock_back(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path):
        raise KeyError
    with locked(tmp_path):
        pass
