"""The mean score for every value of a hyperparameter, with an interval."""

import numpy as np

from keras_attention.internals.requirements import explained
from keras_attention.tuning.result.baselines import attention_of
from keras_attention.tuning.result.hyperparameters import shown

_GROUPS, _MOST = 3, 4
_LEVEL = 0.95


def effect(parameter, trials):
    """Scores grouped by the values of one hyperparameter.

    Numbers with more than four values are cut into three groups of about as
    many trials. The interval holds the mean with 95 % by Student's t; a
    single trial has none. It is a plain mean: where the tuner steers
    (Bayesian, Hyperband), values were not tried equally often beside each
    value of the others. Of each group a dictionary: `label`, `scores`, `mean`,
    `low` and `high`, the last two `None` for one trial.
    """
    groups = {}
    for label, values in _parts(parameter):
        groups.setdefault(label, []).extend(
            t.score for t in trials if t.values.get(parameter.name) in values
        )
    return [_group(label, scores) for label, scores in groups.items() if scores]


def main_effects(hyperparameters, trials):
    """What is asked first of a search: which mechanism, and where, by title.

    In a space with hyperparameters `<place>_attention` a trial counts for
    every mechanism and every place that it has; in others the first
    categories are taken, or without any the first hyperparameters.
    """
    if any(attention_of(trial.values) for trial in trials):
        return _combined(trials)
    categories = [p for p in hyperparameters if p.kind == "categories"]
    chosen = (categories or hyperparameters)[:_MOST]
    return {parameter.name: effect(parameter, trials) for parameter in chosen}


def _combined(trials):
    mechanisms, places = {}, {}
    for trial in trials:
        present = attention_of(trial.values)
        for key in {*present.values()} or {"none"}:
            mechanisms.setdefault(key, []).append(trial.score)
        for key in present or {"none"}:
            places.setdefault(key, []).append(trial.score)
    # What the others are compared with comes first.
    return {
        title: [
            _group(label, groups[label])
            for label in sorted(groups, key=lambda n: (n != "none", str(n)))
        ]
        for title, groups in (
            ("mechanism, anywhere", mechanisms),
            ("attention at", places),
        )
    }


def _parts(parameter):
    """Labels, and the values that each stands for."""
    values = parameter.values
    if parameter.kind == "categories" or len(values) <= 4:
        yield from ((shown(value), [value]) for value in values)
    else:
        # Between values that were tried, about equally many in each.
        for part in np.array_split(np.array(values), _GROUPS):
            low, high = map(shown, part[[0, -1]].tolist())
            yield low if low == high else f"{low} to {high}", part.tolist()
    if parameter.optional:
        yield "off", [None]


def _group(label, scores):
    mean, low, high = float(np.mean(scores)), None, None
    if len(scores) > 1:
        with explained("keras_attention.tuning"):
            from scipy import stats

        # No bootstrap: of two or three trials it would be far too narrow.
        error = stats.sem(scores)
        half = float(stats.t.ppf((1 + _LEVEL) / 2, len(scores) - 1) * error)
        low, high = mean - half, mean + half
    return dict(label=label, scores=scores, mean=mean, low=low, high=high)
