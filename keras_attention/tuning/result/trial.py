"""One trial of a search: a configuration, trained and scored."""

import copy
import dataclasses
import math
import re

import keras_tuner
import numpy as np

_STATUSES = ("RUNNING", "IDLE", "STOPPED", "COMPLETED", "INVALID", "FAILED")
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


def record_of(state):
    """KerasTuner's own trial of what a file holds.

    It looks at the kind of what it builds, and not at what it only keeps, which
    would show far from there: that is checked here. Raises one of `NO_RECORD`.
    """
    tracked = {"metrics": {}, **(state.get("metrics") or {})}
    optional = {"score": None, "best_step": None, "message": None}
    record = keras_tuner.engine.trial.Trial.from_state(
        {**optional, **copy.deepcopy(state), "metrics": tracked}
    )
    record.seconds = state.get("seconds")
    hp, message = record.hyperparameters, record.message
    record.in_force, record.config = active(hp), hp.get_config()
    observed = [
        observation.value
        for history in record.metrics.metrics.values()
        for observation in history.get_history()
    ]
    right = {
        # It becomes part of paths.
        "trial_id": re.fullmatch(r"[A-Za-z0-9_-]+", record.trial_id),
        "status": record.status in _STATUSES,
        "hyperparameters": all(
            is_text(name)
            and (isinstance(v, bool | None) or is_text(v) or is_finite(v))
            for name, v in hp.values.items()
        ),
        "metrics": all(map(is_text, record.metrics.metrics))
        and all(
            of_step and all(map(_is_number, of_step)) for of_step in observed
        ),
        "score": record.score is None or _is_number(record.score),
        "seconds": record.seconds is None or is_finite(record.seconds),
        "message": message is None or is_text(message),
    }
    wrong = [name for name in right if not right[name]]
    if wrong:
        raise ValueError(", ".join(wrong))
    return record


def is_text(value):
    """A string, without the halves of characters that JSON can spell."""
    return isinstance(value, str) and not re.search(r"[\ud800-\udfff]", value)


def is_finite(value):
    """A finite number."""
    return _is_number(value) and math.isfinite(value)


def _is_number(value):
    """A number, also one that is not finite, but none too long for a float."""
    return isinstance(value, float) or (
        type(value) is int and abs(value) < 2**1023
    )


def trial_of(record, objective, direction):
    """The `Trial` of what `record_of` returned."""
    histories = record.metrics.metrics
    metrics = {
        metric: _finite(np.mean(_at(history.get_history(), record.best_step)))
        for metric, history in histories.items()
        if history.get_history()
    }
    if record.seconds is not None:
        metrics.setdefault("seconds", float(record.seconds))
    history, score, repeats = histories.get(objective), None, ()
    if history and history.get_history():
        score = best_of(history, direction)
        repeats = _repeats(objective, history, direction, metrics)
    status, message, reason = record.status, record.message, None
    if status != "COMPLETED" or score is None or not math.isfinite(score):
        reason = _reason(status, message, objective, score)
        score, repeats = None, ()
    else:
        metrics[objective] = score
    spread = metrics.get(f"{objective}_spread") if reason is None else None
    if spread is None and repeats:
        spread = max(repeats) - min(repeats)
    return Trial(
        record.trial_id,
        status,
        score,
        repeats,
        spread,
        record.in_force,
        metrics,
        reason,
        message,
        record.config,
    )


def best_of(history, direction):
    """As KerasTuner: the best step of the means over executions."""
    means = [float(step.mean()) for step in history.get_history()]
    means = [mean for mean in means if not math.isnan(mean)]
    if not means:
        return math.nan
    return max(means) if direction == "max" else min(means)


def _at(observations, step):
    for observation in observations:
        if observation.step == step:
            return observation.value
    return observations[-1].value


def _repeats(objective, history, direction, metrics):
    """Executions of KerasTuner, or seeds and folds that `fit` told of."""
    best = best_of(history, direction)
    for observation in history.get_history():
        if same(float(observation.mean()), best):
            if len(observation.value) > 1:
                return tuple(observation.value)
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


def active(hp):
    """The values that are in force, and of Hyperband's own only the budget."""
    listed = {parameter.name for parameter in hp.space}
    return {
        name: value
        for name, value in hp.values.items()
        if name == "tuner/epochs"
        or (
            not name.startswith("tuner/")
            and (name not in listed or hp.is_active(name))
        )
    }


def same(a, b):
    """Whether two numbers are one, written and read again."""
    return math.isclose(a, b, rel_tol=1e-9)


def _finite(value):
    return float(value) if math.isfinite(value) else None
