"""The files that a search leaves in a folder, as plain records.

Which metric ranked the trials is told by their scores.
"""

import copy
import dataclasses
import json
import math
import pathlib
import warnings

import keras_tuner

from keras_attention.internals import arguments
from keras_attention.tuning.engine.folder import NO_RECORD
from keras_attention.tuning.result.trial import Trial
from keras_attention.tuning.result.trial import best_of
from keras_attention.tuning.result.trial import is_finite
from keras_attention.tuning.result.trial import is_text
from keras_attention.tuning.result.trial import record_of
from keras_attention.tuning.result.trial import same
from keras_attention.tuning.result.trial import trial_of


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """What a folder holds: `trials` are in the order in which they ended."""

    directory: pathlib.Path
    objective: str | None
    direction: str | None
    majority: float | None
    space: list
    trials: list


def read_search(directory, objective=None, direction=None):
    """Reads `oracle.json`, `search.json` and the file of every trial.

    KerasTuner does not store which metric was the objective; it is the one
    whose best value is the score of every trial, and its direction stands
    beside its values. `search` of this package stores it in `search.json`,
    and with it the share of the most frequent class.

    A trial whose file is no record of it is `"DAMAGED"`; what `search.json`
    does not tell as it should is named in a warning and left out.
    """
    directory = pathlib.Path(directory)
    oracle = _oracle(directory)
    settings = _settings(directory)
    records, damaged = _records(directory)
    if objective is None and direction is None:
        objective, direction = _stored_objective(settings, records)
    objective, direction = objective_of(records, objective, direction)
    trials = damaged | {
        trial_id: trial_of(record, objective, direction)
        for trial_id, record in records.items()
    }
    order = [*oracle["end_order"], *oracle["start_order"]]
    # Trial 10 after trial 9.
    order += sorted(trials, key=lambda trial_id: (len(trial_id), trial_id))
    return Search(
        directory,
        objective,
        direction,
        settings.get("majority"),
        oracle["space"],
        [trials[name] for name in dict.fromkeys(order) if name in trials],
    )


def read_record(path):
    """The dictionary that a file of JSON holds, or a `ValueError`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"it cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"it holds no dictionary, but {type(value).__name__}")
    return value


def _oracle(directory):
    """The orders of trials and the entries of the space."""
    path = directory / "oracle.json"
    if not path.is_file():
        found = sorted(str(p.parent) for p in directory.glob("*/oracle.json"))
        hint = f" There is one in {', '.join(found)}." if found else ""
        expected = "a KerasTuner search, a folder with an oracle.json"
        raise ValueError(
            arguments.invalid("directory", str(directory), expected) + hint
        )
    try:
        return _checked(path, _parts_of_oracle)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. The trials beside it may be whole: "
            "restore it from a copy, or move it away and resume the search."
        ) from error


def _parts_of_oracle(state):
    parts = {n: state.get(n) or [] for n in ("end_order", "start_order")}
    for name, order in parts.items():
        if not isinstance(order, list) or not all(map(is_text, order)):
            raise ValueError(f"{name} is no list of names")
    space = (state.get("hyperparameters") or {}).get("space") or []
    config = {"space": space, "values": {}}
    made = keras_tuner.HyperParameters.from_config(copy.deepcopy(config))
    return {**parts, "space": made.get_config()["space"]}


def _settings(directory):
    """What can be used of `search.json`, which KerasTuner does not write."""
    path = directory / "search.json"
    if not path.exists():
        return {}
    settings, problem = {}, None
    try:
        settings = read_record(path)
    except ValueError as error:
        problem = str(error)
    wrong = [name for name in _SETTINGS if not _fits(settings, name)]
    if wrong:
        problem = f"wrong in it: {', '.join(wrong)}"
    if problem:
        warnings.warn(
            f"{path} is damaged: {problem}. The result is without it."
        )
    return {n: value for n, value in settings.items() if n not in wrong}


_SETTINGS = {
    "objective": lambda pairs: (
        len(pairs) > 0
        and all(is_text(n) and way in ("min", "max") for n, way in pairs)
    ),
    "majority": lambda share: is_finite(share) and 0 <= share <= 1,
}


def _fits(settings, name):
    try:
        return settings.get(name) is None or _SETTINGS[name](settings[name])
    except NO_RECORD:
        return False


def _records(directory):
    """Trial id to KerasTuner's record, and to the `Trial` of a damaged one."""
    records, damaged = {}, {}
    for path in directory.glob("trial_*/trial.json"):
        trial_id = path.parent.name.removeprefix("trial_")
        try:
            record = _checked(path, record_of)
            if record.trial_id != trial_id:
                raise ValueError(f"it is of trial {record.trial_id}")
        except ValueError as error:
            reason = f"{path.parent.name}/{path.name} is damaged: {error}"
            damaged[trial_id] = Trial(trial_id, "DAMAGED", reason=reason)
        else:
            records[trial_id] = record
    return records, damaged


def _checked(path, make):
    """What `make` makes of the dictionary in a file, or a `ValueError`."""
    record = read_record(path)
    try:
        return make(record)
    except NO_RECORD as error:
        kind = type(error).__name__
        raise ValueError(f"missing or wrong in it: {kind}: {error}") from error


def _stored_objective(settings, records):
    """`(objective, direction)` of `search.json`, or `(None, None)`."""
    pairs = settings.get("objective")
    if not pairs:
        # The scores tell it too, in all but rare cases.
        return None, None
    # KerasTuner's name for the sum of several.
    stored = pairs[0] if len(pairs) == 1 else ("multi_objective", "min")
    ended = [r for r in records.values() if r.status == "COMPLETED"]
    if ended and not any(r.metrics.exists(stored[0]) for r in ended):
        warnings.warn(
            f"No trial has the objective of search.json, {stored[0]!r}: the "
            "result is without it."
        )
        return None, None
    return stored


def objective_of(records, objective, direction):
    """The metric that ranks the trials, and its direction.

    Those asked for, or the search's own where they are `None`. Both are `None`
    before the first score.
    """
    if direction is not None:
        arguments.one_of("direction", direction, ("max", "min"))
    if objective is not None:
        known = {m for r in records.values() for m in r.metrics.metrics}
        if known and objective not in known:
            arguments.one_of("objective", objective, sorted(known))
    candidates = None
    for record in records.values():
        score = record.score
        if record.status != "COMPLETED" or score is None:
            continue
        if not math.isfinite(score):
            continue
        fits = [
            (name, history.direction)
            for name, history in record.metrics.metrics.items()
            if same(best_of(history, history.direction), score)
        ]
        if candidates is None:
            candidates = fits
        candidates = [pair for pair in candidates if pair in fits]
    if objective is not None:
        stored = dict(candidates or ()).get(objective)
        if direction is None and stored is None and candidates is not None:
            raise ValueError(
                f"The search did not rank by {objective!r}, so its direction "
                "is not known: give direction='max' or direction='min'."
            )
        return objective, direction or stored
    if candidates is None:
        return None, None
    # Validation first: the same number may have been told under two names.
    candidates.sort(key=lambda pair: not pair[0].startswith("val_"))
    if len({way for _, way in candidates}) != 1:
        raise ValueError(
            "The objective of the search cannot be told from its files: give "
            "objective= and direction=. Metrics that agree with the scores: "
            f"{', '.join(name for name, _ in candidates) or 'none'}."
        )
    return candidates[0]
