"""The files that a search leaves in a folder, as plain records.

Which metric ranked the trials is told by their scores.
"""

import dataclasses
import math
import pathlib
import warnings

from keras_attention.internals import arguments
from keras_attention.tuning.result import schema
from keras_attention.tuning.result.trial import Trial
from keras_attention.tuning.result.trial import best_of
from keras_attention.tuning.result.trial import histories_of
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
    states, damaged = _states(directory)
    if objective is None and direction is None:
        objective, direction = _stored_objective(settings, states)
    objective, direction = objective_of(states, objective, direction)
    trials = damaged | {
        trial_id: trial_of(state, objective, direction)
        for trial_id, state in states.items()
    }
    order = [*(oracle.get("end_order") or ())]
    order += oracle.get("start_order") or ()
    # Trial 10 after trial 9.
    order += sorted(trials, key=lambda trial_id: (len(trial_id), trial_id))
    return Search(
        directory,
        objective,
        direction,
        settings.get("majority"),
        (oracle.get("hyperparameters") or {}).get("space") or [],
        [trials[name] for name in dict.fromkeys(order) if name in trials],
    )


def _oracle(directory):
    path = directory / "oracle.json"
    if not path.is_file():
        found = sorted(str(p.parent) for p in directory.glob("*/oracle.json"))
        hint = f" There is one in {', '.join(found)}." if found else ""
        expected = "a KerasTuner search, a folder with an oracle.json"
        raise ValueError(
            arguments.invalid("directory", str(directory), expected) + hint
        )
    try:
        return _checked(path, schema.ORACLE)
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged: {error}. The trials beside it may be whole: "
            "restore it from a copy, or move it away and resume the search."
        ) from error


def _settings(directory):
    """What can be used of `search.json`, which KerasTuner does not write."""
    path = directory / "search.json"
    if not path.exists():
        return {}
    try:
        settings = schema.read_record(path)
    except ValueError as error:
        settings, problem = {}, str(error)
    else:
        wrong = schema.misfits(settings, schema.SETTINGS)
        if not wrong:
            return settings
        settings = {n: v for n, v in settings.items() if n not in wrong}
        problem = f"wrong in it: {', '.join(wrong)}"
    warnings.warn(f"{path} is damaged: {problem}. The result is without it.")
    return settings


def _states(directory):
    """Trial id to what its file holds, and to the `Trial` of a damaged one."""
    states, damaged = {}, {}
    for path in directory.glob("trial_*/trial.json"):
        trial_id = path.parent.name.removeprefix("trial_")
        try:
            state = _checked(path, schema.TRIAL)
            if state["trial_id"] != trial_id:
                raise ValueError(f"it is of trial {state['trial_id']}")
        except ValueError as error:
            reason = f"{path.parent.name}/{path.name} is damaged: {error}"
            damaged[trial_id] = Trial(trial_id, "DAMAGED", reason=reason)
        else:
            states[trial_id] = state
    return states, damaged


def _checked(path, parts):
    record = schema.read_record(path)
    wrong = schema.misfits(record, parts)
    if wrong:
        raise ValueError(f"missing or wrong in it: {', '.join(wrong)}")
    return record


def _stored_objective(settings, states):
    """`(objective, direction)` of `search.json`, or `(None, None)`."""
    pairs = settings.get("objective")
    if not pairs:
        # The scores tell it too, in all but rare cases.
        return None, None
    # KerasTuner's name for the sum of several.
    stored = pairs[0] if len(pairs) == 1 else ("multi_objective", "min")
    ended = [s for s in states.values() if s["status"] == "COMPLETED"]
    if ended and not any(stored[0] in histories_of(s) for s in ended):
        warnings.warn(
            f"No trial has the objective of search.json, {stored[0]!r}: the "
            "result is without it."
        )
        return None, None
    return stored


def objective_of(states, objective, direction):
    """The metric that ranks the trials, and its direction.

    Of `states`, trial id to what its file holds; those asked for, or the
    search's own where they are `None`. Both are `None` before the first score.
    """
    if direction is not None:
        arguments.one_of("direction", direction, ("max", "min"))
    if objective is not None:
        known = {m for s in states.values() for m in histories_of(s)}
        if known and objective not in known:
            arguments.one_of("objective", objective, sorted(known))
    candidates = None
    for state in states.values():
        score = state.get("score")
        if state["status"] != "COMPLETED" or score is None:
            continue
        if not math.isfinite(score):
            continue
        fits = [
            (name, history["direction"])
            for name, history in histories_of(state).items()
            if same(best_of(history, history["direction"]), score)
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
