"""Generations of a training's state on disk, each whole and checked."""

import concurrent.futures
import hashlib
import json
import pathlib
import re
import shutil
import warnings

import numpy as np

from keras_attention.internals import arguments
from keras_attention.internals.files import written_whole

_NAME = re.compile(r"checkpoint-(\d{10,})")
# What `written_whole` leaves of one whose process was killed meanwhile.
_HALF = re.compile(rf"\.{_NAME.pattern}\..+")
ARRAYS, RECORD = "arrays.npz", "record.json"


class Checkpoints:
    """The checkpoints of one training, numbered by its steps.

    A checkpoint is a folder `checkpoint-<steps>` of two files: the arrays, and
    a record that holds their SHA-256 and its own. It gets its name when all of
    it is on the disk, and older ones go only then. Nothing else in the folder
    is touched.

    Args:
        folder: str or path; it is made if need be.
        keep: int, how many are kept, defaults to `2`.
    """

    def __init__(self, folder, keep=2):
        self.keep = arguments.positive_int("keep", keep)
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def write(self, step, arrays, record):
        """Writes a generation and deletes those that are too old.

        Args:
            step: int, number of steps finished.
            arrays: dict of name to NumPy array.
            record: dict of plain values, which JSON can hold.
        """
        path = self.folder / f"checkpoint-{step:010d}"
        with written_whole(path) as new:
            new.mkdir()
            np.savez(new / ARRAYS, **arrays)
            record = {**record, "arrays": _digest_of(new / ARRAYS)}
            text = json.dumps(record)
            whole = {"sha256": _digest(text.encode()), "record": text}
            (new / RECORD).write_text(json.dumps(whole), encoding="utf-8")
        for old in self.generations()[: -self.keep]:
            shutil.rmtree(old)

    def generations(self):
        """The folders of all, the oldest first."""
        return sorted(
            path
            for path in self.folder.iterdir()
            if _NAME.fullmatch(path.name) and path.is_dir()
        )

    def tidy(self):
        """Deletes what killed processes left half written.

        Not while another process writes.
        """
        for path in self.folder.iterdir():
            if _HALF.fullmatch(path.name) and path.is_dir():
                shutil.rmtree(path)

    def clear(self):
        """Deletes all of them, and nothing else."""
        self.tidy()
        for path in self.generations():
            shutil.rmtree(path)

    def newest(self):
        """Arrays and record of the newest that is whole; `None` for none.

        Raises:
            ValueError: There are checkpoints, and all are damaged.
        """
        faults = []
        for path in reversed(self.generations()):
            try:
                found = _read(path)
            except (OSError, ValueError) as error:
                faults.append(f"{path} is damaged: {error}")
                continue
            if faults:
                warnings.warn(
                    f"{' '.join(faults)} The training goes on from {path}.",
                    stacklevel=2,
                )
            return found
        if faults:
            raise ValueError(
                f"{' '.join(faults)} No other is left: move them away to "
                "begin anew."
            )
        return None


class Writer:
    """Writes checkpoints beside the training, one after the other.

    As a context it waits for the last at its end. What failed is raised by
    the next call.

    Args:
        checkpoints: A `Checkpoints`.
    """

    def __init__(self, checkpoints):
        self.folder = checkpoints.folder
        self._checkpoints = checkpoints
        self._executor = concurrent.futures.ThreadPoolExecutor(1)
        self._pending = None

    def write(self, step, arrays, record):
        """As of `Checkpoints`, once the one before is written."""
        self.wait()
        self._pending = self._executor.submit(
            self._checkpoints.write, step, arrays, record
        )

    def wait(self):
        """Until all is on the disk."""
        pending, self._pending = self._pending, None
        if pending:
            pending.result()

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self._executor.shutdown()
        # Of two errors the first is why the training ends.
        if kind is None:
            self.wait()


def _read(path):
    try:
        whole = json.loads((path / RECORD).read_text(encoding="utf-8"))
        text, expected = whole["record"], whole["sha256"]
        changed = _digest(text.encode()) != expected
    except (TypeError, KeyError, AttributeError, RecursionError):
        raise ValueError(f"{RECORD} is no record.") from None
    if changed:
        raise ValueError(f"{RECORD} has another checksum.")
    record = json.loads(text)
    if _digest_of(path / ARRAYS) != record.pop("arrays"):
        raise ValueError(f"{ARRAYS} has another checksum.")
    with np.load(path / ARRAYS, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}, record


def _digest(data):
    return hashlib.sha256(data).hexdigest()


def _digest_of(path):
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
