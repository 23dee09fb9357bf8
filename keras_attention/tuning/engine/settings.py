"""What a search was started with, and whether it is still the same."""

import copy
import json

import keras_tuner
import numpy as np

from keras_attention.tuning.engine.folder import as_json
from keras_attention.tuning.engine.folder import read_json

# What may differ: a search may be extended, and the rest follows from data.
_FREE = {"space", "complete", "max_trials", "majority"}
_FEW = 5  # So many changes are told one by one.


def read_settings(folder):
    """The settings of the search in a `Folder`, `None` if there is none.

    A search that KerasTuner wrote alone is refused.
    """

    def whole(settings):
        space_of(settings["space"])
        return dict(settings)

    settings = read_json(folder.settings, whole)
    if settings is None and folder.oracle.exists():
        raise ValueError(
            f"{folder.path} holds a search, but no readable "
            f"{folder.settings.name} that says how it was started. Choose "
            "another directory, or pass overwrite=True to delete its trials "
            "and start anew."
        )
    return settings


def refuse_changes(folder, before, now):
    """Raises a `ValueError` that names what differs, unless nothing does."""
    lines = changes(before, now)
    if len(lines) > _FEW:
        lines[_FEW:] = [f"... and {len(lines) - _FEW} more"]
    if lines:
        raise ValueError(
            f"The search in {folder.path} was started otherwise:\n  "
            + "\n  ".join(lines)
            + "\nCall it as before to resume it, choose another "
            "directory, or pass overwrite=True to delete its trials."
        )


def changes(before, now):
    """What differs between two settings, one line a difference.

    >>> base = {"tuner": "GridSearch", "seed": 0, "space": []}
    >>> changes(base, {**base, "seed": 3})
    ['seed was 0 and is now 3']
    """
    names = sorted({*before, *now} - _FREE)
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
    """An option of an oracle or of `fit` as JSON, to compare it with another.

    >>> describe_option({"class_weight": {0: 2.0}, "callbacks": [print]})
    {'class_weight': {'0': 2.0}, 'callbacks': ['print']}
    """
    if isinstance(value, keras_tuner.HyperParameters):
        return plain(value.get_config())
    if isinstance(value, list | tuple):
        return [describe_option(item) for item in value]
    if isinstance(value, dict):
        return {str(name): describe_option(v) for name, v in value.items()}
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return getattr(value, "__qualname__", type(value).__qualname__)


def space_of(entries):
    """The `keras_tuner.HyperParameters` of the entries of a space."""
    # It changes the dictionaries that it is given.
    return keras_tuner.HyperParameters.from_config(
        {"space": copy.deepcopy(entries), "values": {}}
    )


def plain(value):
    """A configuration as it is read back from JSON."""
    return json.loads(as_json(value))


def _space_changes(before, now):
    before, now = _entries(before), _entries(now)
    lines = []
    for name in before.keys() | now.keys():
        was, is_now = before.get(name, []), now.get(name, [])
        if was == is_now:
            continue
        if not was or not is_now:
            lines.append(f"hyperparameter {name} is {'gone' if was else 'new'}")
            continue
        gone = [entry for entry in was if entry not in is_now]
        new = [entry for entry in is_now if entry not in was]
        conditions = [entry["config"].get("conditions") for entry in was]
        same_place = conditions == [
            entry["config"].get("conditions") for entry in is_now
        ]
        words = _words if same_place else _words_and_conditions
        lines.append(
            f"hyperparameter {name} was {' or '.join(map(words, gone))} and "
            f"is now {' or '.join(map(words, new))}"
        )
    return sorted(lines)


def _entries(space):
    """Entries by name, which may occur in several scopes."""
    found = {}
    for entry in space:
        found.setdefault(entry["config"]["name"], []).append(entry)
    return found


def _words(entry):
    inner = ", ".join(
        f"{key}={value!r}"
        for key, value in entry["config"].items()
        if key not in ("name", "conditions") and value is not None
    )
    return f"{entry['class_name']}({inner})"


def _words_and_conditions(entry):
    conditions = [c["config"] for c in entry["config"].get("conditions", ())]
    if not conditions:
        return f"{_words(entry)} always"
    inner = " and ".join(f"{c['name']} in {c['values']}" for c in conditions)
    return f"{_words(entry)} where {inner}"
