"""A folder whose files are of one run, whatever ends its process.

What is under way lies in the folder `unfinished`: the settings, and for every
network its checkpoints. Of the results config.json is written last and taken
away first: with it and without anything unfinished, all files beside it are
its own. Otherwise the same command goes on, and writes all of them.
"""

import contextlib
import json
import pathlib

import keras

from keras_attention.internals.files import remove_half_written
from keras_attention.internals.files import write_text
from keras_attention.internals.lock import locked
from keras_attention.training import Resumable
from keras_attention.training.description import differences

EVERY = 100  # steps between checkpoints inside an epoch


@contextlib.contextmanager
def opened(folder, settings, restart=False):
    """The `Run` of a folder, which no other process has meanwhile.

    Args:
        folder: str or path; it is made if need be.
        settings: dict of the parts of a config.json that must be the same
            when the run goes on.
        restart: bool, whether what is unfinished, or whole, is begun anew.

    Raises:
        RuntimeError: Another process trains into the folder.
        ValueError: The folder holds a run with other settings, or has lost
            some of its files.
    """
    with locked(folder, ".run", "examples/train.py"):
        yield Run(folder, settings, restart)


class Run:
    """The files of a run, which `opened` gives.

    Attributes:
        is_whole: Whether all results of these settings are there.
    """

    def __init__(self, folder, settings, restart):
        self.folder = pathlib.Path(folder)
        self._unfinished = self.folder / "unfinished"
        self._begun = self._unfinished / "settings.json"
        self._config = self.folder / "config.json"
        settings = {**settings, "environment": _environment()}
        if restart:
            self._begun.unlink(missing_ok=True)
        else:
            self._compare(settings)
        if not self._begun.exists():
            self._clear()
        self.is_whole = self._config.exists() and not (
            restart or self._begun.exists()
        )
        if self.is_whole:
            self._check_files()
        else:
            self._unfinished.mkdir(exist_ok=True)
            write_text(self._begun, json.dumps(settings))

    def resumable(self, label):
        """The `Resumable` of one network."""
        return Resumable(self._unfinished / label, EVERY)

    def open_results(self):
        """Takes away what a run before has left of these files."""
        if self._config.exists():
            for name in _read(self._config).get("files", []):
                (self.folder / pathlib.Path(name).name).unlink(missing_ok=True)
            self._config.unlink(missing_ok=True)

    def close_results(self, config, names):
        """Writes config.json behind the others: the run is whole.

        Args:
            config: dict, the settings and what else there is to say.
            names: list of str, the files of the run besides.
        """
        for name in names:
            remove_half_written(self.folder / name)
        text = json.dumps({**config, "files": sorted(names)}, indent=2)
        write_text(self._config, text + "\n")
        self._begun.unlink()
        self._clear()

    def _check_files(self):
        for name in _read(self._config).get("files", []):
            if not (self.folder / name).is_file():
                raise ValueError(
                    f"{self.folder} has lost its {name}. Choose another "
                    "--output, or train all networks anew with --restart."
                )

    def _compare(self, settings):
        for path in (self._begun, self._config):
            if path.exists():
                before, now = map(_flat, (_read(path), settings))
                found = differences(before, now)
                if found:
                    raise ValueError(
                        f"{self.folder} holds a run with other settings: "
                        f"{'; '.join(found)}. Choose another --output, or "
                        "train all networks anew with --restart."
                    )
                return

    def _clear(self):
        """Deletes the checkpoints, and `unfinished` if nothing else is in it.

        Only once the settings are gone: until then they would be missed.
        """
        if not self._unfinished.is_dir():
            return
        for path in self._unfinished.iterdir():
            if path.is_dir() and not path.name.startswith("."):
                Resumable(path).clear()
        remove_half_written(self._begun)
        if not any(self._unfinished.iterdir()):
            self._unfinished.rmdir()


def _environment():
    return {"backend": keras.backend.backend()}


def _read(path):
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        _flat(config)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is no run of train.py.") from error
    return config


def _flat(config):
    """What is compared; a folder may be moved."""
    settings = {
        **config["arguments"],
        **config["recipe"],
        "backend": config["environment"]["backend"],
    }
    settings.pop("output", None)
    return settings
