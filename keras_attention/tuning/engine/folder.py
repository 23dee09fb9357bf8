"""A search's folder: files written whole, set aside when they are damaged."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import uuid
import warnings

from keras_attention.internals.files import write_text
from keras_attention.internals.lock import locked

#: What a trial's folder may hold that a search has written.
TRIAL_FILES = (
    "trial.json",
    "proposal.json",
    "starts",
    "checkpoint.weights.h5",
    "build_config.json",  # of KerasTuner's own tuners
)
_TRIAL = re.compile(r"trial_(\w+)")
# What a record raises that is none: of another type, or too deep.
NO_RECORD = (
    *(ValueError, TypeError, KeyError, AttributeError, RecursionError),
    OverflowError,
)


class Folder:
    """The files of one search; the folder is made when it is written to."""

    def __init__(self, path):
        self.path = pathlib.Path(path)
        self.settings = self.path / "search.json"
        self.oracle = self.path / "oracle.json"
        self.jobs = self.path / "jobs"
        # No search holds the folder while its winner is trained again.
        self.retraining = self.path / "retraining"

    def trial(self, trial_id, name="trial.json"):
        """Path of a file of a trial."""
        return self.path / f"trial_{trial_id}" / name

    def trial_ids(self):
        """Of the folders that hold a trial's file."""
        found = (
            _TRIAL.fullmatch(path.parent.name)
            for path in self.path.glob("trial_*/trial.json")
        )
        return sorted(match[1] for match in found if match)

    def starts(self, trial_id):
        """How often a trial was begun and not ended."""
        return len(self._starts(trial_id))

    def _starts(self, trial_id):
        try:
            text = self.trial(trial_id, "starts").read_text(errors="replace")
        except FileNotFoundError:
            return []
        return text.splitlines()

    def begin(self, trial_id):
        """Counts a start, on the disk before the trial does anything.

        Returns its name.
        """
        path = self.trial(trial_id, "starts")
        path.parent.mkdir(parents=True, exist_ok=True)
        start = uuid.uuid4().hex
        with path.open("a") as file:
            file.write(f"{start}\n")
            file.flush()
            os.fsync(file.fileno())
        return start

    def is_running(self, trial_id, start):
        """Whether a start is the last of its trial, and has not ended."""
        return self._starts(trial_id)[-1:] == [start]

    def end(self, trial_id):
        """Forgets the starts: the trial's process lived to its end."""
        self.trial(trial_id, "starts").unlink(missing_ok=True)

    def forget(self, trial_id):
        """Deletes what a search has written of a trial, and nothing else."""
        folder = self.trial(trial_id).parent
        for name in TRIAL_FILES:
            for path in (folder / name, *folder.glob(f"{name}.damaged*")):
                path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            if not any(folder.iterdir()):
                folder.rmdir()

    def clear(self):
        """Deletes the search that is here, and nothing else."""
        for trial_id in self.trial_ids():
            self.forget(trial_id)
        for path in (self.oracle, previous(self.oracle), self.settings):
            path.unlink(missing_ok=True)
            for damaged in self.path.glob(f"{path.name}.damaged*"):
                damaged.unlink()
        shutil.rmtree(self.retraining, ignore_errors=True)

    def sweep(self):
        """Deletes what a search that was killed was writing.

        A job is a copy of the training data.
        """
        shutil.rmtree(self.jobs, ignore_errors=True)
        patterns = [f".{path.name}.*" for path in (self.settings, self.oracle)]
        patterns += [f"trial_*/.{name}.*" for name in TRIAL_FILES]
        for pattern in patterns:
            for half in self.path.glob(pattern):
                shutil.rmtree(half, ignore_errors=True)

    def has_results(self):
        """Whether anything would be lost with the search.

        Trials that have not ended are run again in any case, but how often
        their process has died must be known.
        """
        for trial_id in self.trial_ids():
            path = self.trial(trial_id)
            try:
                ended = json.loads(path.read_text())["status"] != "RUNNING"
                if ended or self.starts(trial_id):
                    return True
            except NO_RECORD:
                # Damaged; it may have been one that ended.
                return True
        return False

    def locked(self):
        """Holds the folder, as a context: one search at a time."""
        return locked(self.path, "search", "keras_attention.tuning")


def write_json(path, value, keep_previous=False, sync=True):
    """Writes a dictionary whole; with `keep_previous`, beside the old one.

    >>> import tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "state.json"
    >>> write_json(path, {"trials": 3})
    >>> read_json(path, dict)
    {'trials': 3}
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    text = as_json(value)
    if keep_previous and path.exists():
        os.replace(path, previous(path))
    write_text(path, text, sync)


def read_json(path, make):
    """What `make` makes of a file; `None` if it is missing or damaged.

    A file that is empty, cut short or no valid record, for which `make`
    raises, is renamed to `<name>.damaged`, so that it can be looked at and is
    not read again.
    """
    try:
        return make(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except NO_RECORD as error:
        _set_aside(path, f"{type(error).__name__}: {error}")
        return None


def previous(path):
    """Where `write_json` keeps the file before."""
    return path.with_name(f"{path.stem}.previous{path.suffix}")


def _set_aside(path, reason):
    aside, count = path.with_name(f"{path.name}.damaged"), 1
    while aside.exists():
        count += 1
        aside = path.with_name(f"{path.name}.damaged{count}")
    os.replace(path, aside)
    warnings.warn(
        f"{path} is damaged ({reason}). It was renamed to {aside.name}."
    )


def as_json(value):
    """Text of plain values; metrics are often NumPy's numbers."""

    def plain(value):
        if hasattr(value, "item"):
            return value.item()
        raise TypeError(f"{value!r} of type {type(value)} cannot be written.")

    return json.dumps(value, default=plain)
