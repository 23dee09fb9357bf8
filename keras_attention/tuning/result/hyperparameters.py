"""What was tried of a hyperparameter, and where a value lies among it."""

import dataclasses
import math
import numbers

# Left of every value: a hyperparameter that its parent switched off.
OFF = -0.15


@dataclasses.dataclass(frozen=True)
class Hyperparameter:
    """The values of one hyperparameter, between 0 and 1.

    `kind` is `"categories"`, `"linear"` or `"log"`; `values` are what was
    tried, each once, in order; `optional`, whether it was off in some trials.

    >>> parameter = Hyperparameter("rate", "log", (1e-4, 1e-3, 1e-2), False)
    >>> round(parameter.position(1e-3), 3)
    0.5
    >>> parameter.position(None)
    -0.15
    """

    name: str
    kind: str
    values: tuple
    optional: bool

    def position(self, value):
        """From 0 to 1; `OFF` for `None`."""
        if value is None:
            return OFF
        if len(self.values) == 1:
            return 0.5
        if self.kind == "categories":
            return self.values.index(value) / (len(self.values) - 1)
        low, high = self._scale(self.values[0]), self._scale(self.values[-1])
        return (self._scale(value) - low) / (high - low)

    def _scale(self, value):
        return math.log10(value) if self.kind == "log" else value


def hyperparameters(trials, space):
    """Every `Hyperparameter` that differs between trials.

    The space of `oracle.json` tells their order and which are logarithmic.
    """
    configs = {entry["config"]["name"]: entry for entry in reversed(space)}
    names = [entry["config"]["name"] for entry in space]
    names += [name for trial in trials for name in trial.values]
    found = []
    for name in dict.fromkeys(names):
        tried = [trial.values.get(name) for trial in trials]
        distinct = {value for value in tried if value is not None}
        optional = None in tried
        if len(distinct) + optional < 2 or not distinct:
            continue
        entry = configs.get(name, {"class_name": None, "config": {}})
        kind = _kind(entry, distinct)
        values = _ordered(entry, distinct, kind)
        found.append(Hyperparameter(name, kind, values, optional))
    return found


def often_on(hyperparameters, trials):
    """Names of those that at least half of the trials have."""
    return [
        parameter.name
        for parameter in hyperparameters
        if sum(parameter.name in t.values for t in trials) >= len(trials) / 2
    ]


def fixed(trials):
    """Name to value of the hyperparameters that are the same in all trials."""
    if not trials:
        return {}
    return {
        name: value
        for name, value in trials[0].values.items()
        if all(trial.values.get(name) == value for trial in trials)
    }


def shown(value):
    """A value as a reader wants it.

    >>> shown(0.00031622), shown(16), shown(True), shown("se"), shown(None)
    ('0.000316', '16', 'True', 'se', 'off')
    """
    if value is None:
        return "off"
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def _kind(entry, values):
    are_numbers = all(map(_is_number, values))
    if entry["class_name"] in ("Choice", "Boolean") or not are_numbers:
        return "categories"
    is_log = entry["config"].get("sampling") in ("log", "reverse_log")
    return "log" if is_log and min(values) > 0 else "linear"


def _ordered(entry, values, kind):
    if kind != "categories" or all(map(_is_number, values)):
        return tuple(sorted(values))
    listed = entry["config"].get("values") or ()
    known = [value for value in listed if value in values]
    # Values of several types, as of a choice made by others, have no order.
    return tuple(known + sorted(values - {*known}, key=str))


def _is_number(value):
    return isinstance(value, numbers.Real) and not isinstance(value, bool)
