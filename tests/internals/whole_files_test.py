"""What is written is whole, or what was there before."""

import errno
import os
import signal
import subprocess
import sys
import time

import keras
import pytest

from keras_attention.internals.files import save_model
from keras_attention.internals.files import write_text
from keras_attention.internals.files import written_whole
from keras_attention.visualization.panels import NotebookFigure


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "notes.txt"
    write_text(path, "old")
    with pytest.raises(OSError), written_whole(path) as new:
        new.write_text("ne")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_folders_take_the_place_of_folders(tmp_path):
    path = tmp_path / "model"
    for number in ("1", "2"):
        with written_whole(path) as new:
            new.mkdir()
            (new / number).write_text(number)
    assert [file.name for file in path.iterdir()] == ["2"]
    with pytest.raises(RuntimeError), written_whole(path) as new:
        new.mkdir()
        raise RuntimeError
    assert [file.name for file in path.iterdir()] == ["2"]


def test_a_model_whose_saving_fails_leaves_the_old_one(tmp_path, monkeypatch):
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    path = tmp_path / "model.keras"
    save_model(model, path)
    before = path.read_bytes()

    def fail(new):
        new.write_bytes(b"half a mod")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(model, "save", fail)
    with pytest.raises(OSError, match="No space"):
        save_model(model, path)
    assert path.read_bytes() == before


def test_names_of_any_kind(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        write_text(tmp_path / "none" / "notes.txt", "")
    (tmp_path / "link").symlink_to(tmp_path / "notes.txt")
    write_text(tmp_path / "link", "through")
    assert (tmp_path / "notes.txt").read_text() == "through"
    for _ in range(2):
        with written_whole(tmp_path / "old") as new:
            new.mkdir()
    NotebookFigure().savefig(tmp_path / "map", format="png")
    assert (tmp_path / "map").is_file()


def test_figures_are_written_whole(tmp_path, monkeypatch):
    figure = NotebookFigure()
    figure.savefig(tmp_path / "figure")
    path = tmp_path / "figure.png"
    before = path.read_bytes()
    monkeypatch.setattr(figure, "draw", None)
    with pytest.raises(TypeError):
        figure.savefig(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


WRITES = """
import sys
from keras_attention.internals.files import write_text
number = 0
while True:
    write_text(sys.argv[1], f"{number}\\n" * 200_000)
    number += 1
"""


@pytest.mark.long
def test_a_killed_process_leaves_a_whole_file(tmp_path):
    path = tmp_path / "numbers.txt"
    command = [sys.executable, "-c", WRITES, path]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    while not path.exists():
        assert process.poll() is None
        time.sleep(0.05)
    time.sleep(0.2)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    lines = path.read_text().splitlines()
    assert len(lines) == 200_000 and len(set(lines)) == 1
