"""What a hypermodel's `fit` returned, as the numbers of a trial."""

import numbers
import statistics

import keras
import keras_tuner

from keras_attention.tuning.trial.objective import check_metrics


def numbers_of(results, objective):
    """The metrics of a trial, and the epoch that they are of.

    Args:
        results: what `HyperModel.fit` returned: a `keras.callbacks.History`,
            whose best epoch counts; a dictionary; the objective alone; or a
            list of these, which are averaged.
        objective: `keras_tuner.Objective`, or one of several.

    Returns:
        `(metrics, epoch)`, a dictionary of floats with the objective in it,
        and an int.

    Raises:
        keras_tuner.errors.FatalError: It is none of these, or lacks the
            objective.

    Example:

    >>> numbers_of([{"loss": 2.0}, {"loss": 4.0}],
    ...     keras_tuner.Objective("loss", "min"))
    ({'loss': 3.0}, 0)
    """
    if isinstance(results, list) and results:
        parts = [numbers_of(part, objective) for part in results]
        names = [n for n in parts[0][0] if all(n in p for p, _ in parts)]
        means = {n: statistics.fmean(p[n] for p, _ in parts) for n in names}
        return means, round(statistics.fmean(epoch for _, epoch in parts))
    if isinstance(results, numbers.Real):
        return {objective.name: float(results)}, 0
    epoch = 0
    if isinstance(results, keras.callbacks.History):
        check_metrics(objective, set(results.history))
        epoch = best_epoch(results.history, objective)
        results = {name: v[epoch] for name, v in results.history.items()}
    if not isinstance(results, dict):
        raise keras_tuner.errors.FatalTypeError(
            "fit must return what model.fit returned, a dictionary of "
            f"numbers, or the objective. Received: {results!r} of type "
            f"{type(results).__name__}"
        )
    check_metrics(objective, set(results))
    metrics = {name: float(value) for name, value in results.items()}
    # The sum of several has a name of its own.
    metrics.setdefault(objective.name, objective.get_value(metrics))
    return metrics, epoch


def best_epoch(history, objective):
    """The number of the epoch whose objective is best.

    Args:
        history: dict of lists, of a `keras.callbacks.History`.
        objective: `keras_tuner.Objective`, or one of several.
    """
    best, found = None, 0
    for epoch in range(min(map(len, history.values()))):
        value = objective.get_value({n: v[epoch] for n, v in history.items()})
        if best is None or objective.better_than(value, best) or best != best:
            best, found = value, epoch
    return found
