"""What a search was started with, and whether it is still the same."""

import json
import pathlib
import shutil

import keras_tuner

from keras_attention.tuning.service.files import previous
from keras_attention.tuning.service.files import read_json
from keras_attention.tuning.service.files import write_json

NAME = "search.json"


def read_settings(directory):
    """The settings of the search in `directory`, `None` if there is none.

    Raises:
        ValueError: The folder holds a search that KerasTuner wrote alone.
    """
    directory = pathlib.Path(directory)
    settings = read_json(directory / NAME, ["tuner", "space", "objective"])
    if settings is None and (directory / "oracle.json").exists():
        raise ValueError(
            f"{directory} holds a search, but no readable {NAME} that says "
            "how it was started. Choose another directory, or pass "
            "overwrite=True to delete its trials and start anew."
        )
    return settings


def write_settings(directory, settings):
    """Writes the settings of a search."""
    write_json(pathlib.Path(directory) / NAME, settings)


def has_results(directory):
    """Whether anything would be lost with the search in `directory`.

    Trials that have not ended are run again in any case.
    """
    for path in pathlib.Path(directory).glob("trial_*/trial.json"):
        try:
            if json.loads(path.read_text())["status"] != "RUNNING":
                return True
        except ValueError:
            # Damaged; it may have been one that ended.
            return True
    return False


def clear(directory):
    """Deletes the files of a search, and nothing else in its folder."""
    directory = pathlib.Path(directory)
    oracle = directory / "oracle.json"
    for path in (oracle, previous(oracle), directory / NAME):
        path.unlink(missing_ok=True)
        for damaged in directory.glob(f"{path.name}.damaged*"):
            damaged.unlink()
    for path in directory.glob("tuner*.json"):
        path.unlink()
    for path in [*directory.glob("trial_*"), directory / "workers"]:
        if path.is_dir():
            shutil.rmtree(path)


def changes(before, now):
    """What differs between two settings, one line a difference.

    Args:
        before: dictionary as `write_settings` wrote it.
        now: the same of this call.

    Returns:
        list of str. `max_trials` may differ: a search may be extended.

    Example:

    >>> base = {"tuner": "GridSearch", "seed": 0, "space": []}
    >>> changes(base, {**base, "seed": 3})
    ['seed was 0 and is now 3']
    """
    names = sorted({*before, *now} - {"space", "complete", "max_trials"})
    lines = [
        f"{name} was {before.get(name)!r} and is now {now.get(name)!r}"
        for name in names
        if before.get(name) != now.get(name)
    ]
    # Builds that failed may have hidden part of a space.
    if before.get("complete", True) and now.get("complete", True):
        lines += _space_changes(before["space"], now["space"])
    return lines


def describe_option(value):
    """An option of a tuner as JSON, to compare it with another."""
    if isinstance(value, keras_tuner.HyperParameters):
        return _plain(value.get_config())
    if isinstance(value, list | tuple):
        return [describe_option(item) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__qualname__", type(value).__qualname__)


def space_config(hyperparameters):
    """The entries of a space, as they are read back from JSON."""
    return _plain(hyperparameters.get_config()["space"])


def space_of(config):
    """The `keras_tuner.HyperParameters` of what `space_config` returned."""
    return keras_tuner.HyperParameters.from_config(
        {"space": config, "values": {}}
    )


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _space_changes(before, now):
    before, now = _entries(before), _entries(now)
    lines = []
    for key in before.keys() | now.keys():
        name = f"hyperparameter {key[0]}"
        if key not in now:
            lines.append(f"{name} is gone")
        elif key not in before:
            lines.append(f"{name} is new")
        elif before[key] != now[key]:
            lines.append(
                f"{name} was {_words(before[key])} "
                f"and is now {_words(now[key])}"
            )
    return sorted(lines)


def _entries(space):
    """Entries by name and condition: a name may occur in several scopes."""
    return {
        (entry["config"]["name"], str(entry["config"]["conditions"])): entry
        for entry in space
    }


def _words(entry):
    config = {
        key: value
        for key, value in entry["config"].items()
        if key not in ("name", "conditions") and value is not None
    }
    inner = ", ".join(f"{key}={value!r}" for key, value in config.items())
    return f"{entry['class_name']}({inner})"
