"""The files that KerasTuner leaves in a folder, as plain records."""

import dataclasses
import json
import math
import pathlib
import re

import numpy as np

from keras_attention import arguments

_ERROR = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)\b")


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """One trial of a search.

    Attributes:
        name: KerasTuner's trial id.
        status: `"COMPLETED"`, `"RUNNING"`, `"INVALID"`, `"FAILED"`, or
            `"DAMAGED"` for a file that cannot be read.
        score: The objective, `None` without a finite one.
        repeats: The objective of every repeat, if there were several.
        spread: The largest less the smallest repeat, or `None`.
        values: The active hyperparameters.
        metrics: Every metric at the best step, mean over executions; `None`
            for what is not finite.
        reason: Why there is no score, in a line; `None` if there is one.
        message: KerasTuner's own message, often a traceback.
        config: The hyperparameters' configuration, to build the model again.
    """

    name: str
    status: str
    score: float | None = None
    repeats: tuple = ()
    spread: float | None = None
    values: dict = dataclasses.field(default_factory=dict)
    metrics: dict = dataclasses.field(default_factory=dict)
    reason: str | None = None
    message: str | None = None
    config: dict | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """What a folder holds: `trials` are in the order in which they ended."""

    directory: pathlib.Path
    objective: str | None
    direction: str | None
    space: list
    trials: list


def read_search(directory, objective=None, direction=None):
    """Reads `oracle.json` and every `trial_*/trial.json`.

    KerasTuner does not store which metric was the objective; it is the one
    whose best value is the score of every trial, and its direction stands
    beside its values. `search` of this package stores it in `search.json`.

    Args:
        directory: A folder with an `oracle.json`.
        objective: A metric to rank by instead, with its `direction`.
        direction: `"max"` or `"min"`.

    Returns:
        A `Search`.

    Raises:
        ValueError: For a folder that holds no search, for an `oracle.json`
            that cannot be read, for an objective that cannot be told.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "oracle.json").write_text("{}")
    >>> read_search(folder).trials
    []
    """
    directory = pathlib.Path(directory)
    oracle = _oracle(directory)
    states = _trial_states(directory, oracle)
    if objective is None and direction is None:
        objective, direction = _stored_objective(directory)
    objective, direction = _objective(states, objective, direction)
    return Search(
        directory,
        objective,
        direction,
        oracle.get("hyperparameters", {}).get("space", []),
        [_trial(name, s, objective, direction) for name, s in states.items()],
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
        state = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged and cannot be read as JSON ({error}). The "
            "trials beside it may be whole: restore it from a copy, or move "
            "it away and resume the search."
        ) from error
    return state


def _trial_states(directory, oracle):
    """Trial id to its file's content, `None` for a damaged one."""
    paths = {
        path.parent.name.removeprefix("trial_"): path
        # Trial 10 after trial 9.
        for path in sorted(
            directory.glob("trial_*/trial.json"),
            key=lambda path: (len(path.parent.name), path.parent.name),
        )
    }
    order = [*oracle.get("end_order", ()), *oracle.get("start_order", ())]
    names = [name for name in dict.fromkeys(order) if name in paths]
    return {
        name: _state(paths[name]) for name in dict.fromkeys(names + list(paths))
    }


def _state(path):
    try:
        state = json.loads(path.read_text())
    except ValueError:
        return None
    whole = isinstance(state, dict) and {"hyperparameters", "status"} <= {
        *state
    }
    return state if whole else None


def _stored_objective(directory):
    path = directory / "search.json"
    try:
        pairs = json.loads(path.read_text())["objective"]
    except (FileNotFoundError, ValueError, KeyError):
        # The scores tell it too, in all but rare cases.
        return None, None
    # KerasTuner's name for the sum of several.
    return pairs[0] if len(pairs) == 1 else ("multi_objective", "min")


def _objective(states, objective, direction):
    if direction is not None:
        arguments.one_of("direction", direction, ("max", "min"))
    if objective is not None:
        known = {m for s in states.values() for m in _histories(s)}
        if known and objective not in known:
            arguments.one_of("objective", objective, sorted(known))
    candidates = None
    for state in states.values():
        if not state or state["status"] != "COMPLETED":
            continue
        if state["score"] is None or not math.isfinite(state["score"]):
            continue
        fits = [
            (name, history["direction"])
            for name, history in _histories(state).items()
            if _same(_best(history, history["direction"]), state["score"])
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


def _trial(name, state, objective, direction):
    if state is None:
        reason = f"trial_{name}/trial.json cannot be read as a trial"
        return Trial(name, "DAMAGED", reason=reason)
    histories = _histories(state)
    metrics = {
        metric: _finite(np.mean(_at(history, state.get("best_step"))))
        for metric, history in histories.items()
        if history["observations"]
    }
    if state.get("seconds") is not None:
        metrics.setdefault("seconds", state["seconds"])
    history, score, repeats = histories.get(objective), None, ()
    if history and history["observations"]:
        score = _best(history, direction)
        repeats = _repeats(objective, history, direction, metrics)
    status, message = state["status"], state.get("message")
    reason = None
    if status != "COMPLETED" or score is None or not math.isfinite(score):
        reason = _reason(status, message, objective, score)
        score, repeats = None, ()
    else:
        metrics[objective] = score
    spread = metrics.get(f"{objective}_spread") if reason is None else None
    if spread is None and repeats:
        spread = max(repeats) - min(repeats)
    config = state["hyperparameters"]
    return Trial(
        name,
        status,
        score,
        repeats,
        spread,
        _active(config),
        metrics,
        reason,
        message,
        config,
    )


def _histories(state):
    return ((state or {}).get("metrics") or {}).get("metrics") or {}


def _best(history, direction):
    """As KerasTuner: the best step of the means over executions."""
    means = [np.mean(step["value"]) for step in history["observations"]]
    means = [float(mean) for mean in means if not math.isnan(mean)]
    if not means:
        return math.nan
    return max(means) if direction == "max" else min(means)


def _at(history, step):
    observations = history["observations"]
    for observation in observations:
        if observation["step"] == step:
            return observation["value"]
    return observations[-1]["value"]


def _repeats(objective, history, direction, metrics):
    """Executions of KerasTuner, or seeds and folds that `fit` told of."""
    best = _best(history, direction)
    for observation in history["observations"]:
        if _same(float(np.mean(observation["value"])), best):
            if len(observation["value"]) > 1:
                return tuple(observation["value"])
            break
    pattern = re.compile(
        re.escape(objective) + r"[_/](?:seed|fold|run|repeat)?_?\d+$"
    )
    told = [v for name, v in metrics.items() if pattern.match(name)]
    return tuple(told) if len(told) > 1 and None not in told else ()


def _reason(status, message, objective, score):
    lines = [line for line in (message or "").splitlines() if line.strip()]
    if lines:
        # A traceback ends with the error, whose own text may have lines.
        errors = [line for line in lines if _ERROR.match(line)]
        is_trace = lines[0].startswith("Traceback")
        line = errors[-1] if is_trace and errors else lines[0]
        # "keras_tuner.src.errors.FailedTrialError: too large": the class of
        # a deliberate refusal says nothing.
        line = re.sub(r"^(?:\w+\.)*(\w+: )", r"\1", line.strip())
        return line.removeprefix("FailedTrialError: ")
    if status == "RUNNING":
        return "not finished"
    if score is not None and not math.isfinite(score):
        return f"{objective} is {score}"
    return "no reason was recorded"


def _active(config):
    """The values that are in force, and of Hyperband's own only the budget."""
    values = config.get("values", {})
    entries = [entry["config"] for entry in config.get("space", ())]
    listed = {entry["name"] for entry in entries}
    in_force = {
        entry["name"]
        for entry in entries
        if all(
            values.get(parent["config"]["name"]) in parent["config"]["values"]
            for parent in entry.get("conditions", ())
        )
    }
    return {
        name: value
        for name, value in values.items()
        if name == "tuner/epochs"
        or (
            not name.startswith("tuner/")
            and (name in in_force or name not in listed)
        )
    }


def _same(a, b):
    return math.isclose(a, b, rel_tol=1e-9)


def _finite(value):
    return float(value) if math.isfinite(value) else None
