"""One trial of a search: a configuration, trained and scored."""

import dataclasses
import math
import re

import numpy as np

_ERROR = re.compile(r"(?:\w+\.)*\w*(?:Error|Exception)\b")


@dataclasses.dataclass(frozen=True, eq=False)
class Trial:
    """One trial of a search.

    Attributes:
        trial_id: str, of which KerasTuner names its folder.
        status: str, `"COMPLETED"`, `"RUNNING"`, `"INVALID"`, `"FAILED"`, or
            `"DAMAGED"` for a file that is no record of it.
        score: float, the objective, `None` without a finite one.
        repeats: tuple of float, the objective of every repeat, if there were
            several.
        spread: float, the largest less the smallest repeat, or `None`.
        values: dict, the active hyperparameters.
        metrics: dict, every metric at the best step, mean over executions;
            `None` for what is not finite.
        reason: str, why there is no score, in a line; `None` if there is one.
        message: str, KerasTuner's own message, often a traceback.
        config: dict, the hyperparameters' configuration, to build the model
            again.
    """

    trial_id: str
    status: str
    score: float | None = None
    repeats: tuple = ()
    spread: float | None = None
    values: dict = dataclasses.field(default_factory=dict)
    metrics: dict = dataclasses.field(default_factory=dict)
    reason: str | None = None
    message: str | None = None
    config: dict | None = None


def trial_of(state, objective, direction):
    """The `Trial` of what its file holds."""
    histories = histories_of(state)
    metrics = {
        metric: _finite(np.mean(_at(history, state.get("best_step"))))
        for metric, history in histories.items()
        if history["observations"]
    }
    if state.get("seconds") is not None:
        metrics.setdefault("seconds", float(state["seconds"]))
    history, score, repeats = histories.get(objective), None, ()
    if history and history["observations"]:
        score = best_of(history, direction)
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
        state["trial_id"],
        status,
        score,
        repeats,
        spread,
        active(config),
        metrics,
        reason,
        message,
        config,
    )


def histories_of(state):
    """Name to history of every metric that a trial's file has."""
    return (state.get("metrics") or {}).get("metrics") or {}


def best_of(history, direction):
    """As KerasTuner: the best step of the means over executions."""
    means = [np.mean(step["value"]) for step in history["observations"]]
    means = [float(mean) for mean in means if not math.isnan(mean)]
    if not means:
        return math.nan
    return max(means) if direction == "max" else min(means)


def _at(history, step):
    observations = history["observations"]
    for observation in observations:
        if observation.get("step") == step:
            return observation["value"]
    return observations[-1]["value"]


def _repeats(objective, history, direction, metrics):
    """Executions of KerasTuner, or seeds and folds that `fit` told of."""
    best = best_of(history, direction)
    for observation in history["observations"]:
        if same(float(np.mean(observation["value"])), best):
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
        if line.endswith("Graph execution error:"):
            line = f"{line} {_of_graph(lines)}".strip()
        return line.removeprefix("FailedTrialError: ")
    if status == "RUNNING":
        return "not finished"
    if score is not None and not math.isfinite(score):
        return f"{objective} is {score}"
    return "no reason was recorded"


def _of_graph(lines):
    """What TensorFlow says between the traces of its graph, in a line."""
    before = [n for n, line in enumerate(lines) if "[[{{node" in line]
    return lines[before[0] - 1].strip() if before and before[0] else ""


def active(config):
    """The values that are in force, and of Hyperband's own only the budget."""
    values = config["values"]
    entries = [entry["config"] for entry in config.get("space") or ()]
    listed = {entry["name"] for entry in entries}
    in_force = {
        entry["name"]
        for entry in entries
        if all(
            values.get(parent["config"]["name"]) in parent["config"]["values"]
            for parent in entry.get("conditions") or ()
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


def same(a, b):
    """Whether two numbers are one, written and read again."""
    return math.isclose(a, b, rel_tol=1e-9)


def _finite(value):
    return float(value) if math.isfinite(value) else None
