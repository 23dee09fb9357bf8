"""The numbers of a trial: what its `fit` returns, and tells on the way."""

import numbers
import statistics

import keras
import keras_tuner

from keras_attention.tuning.trial.objective import check_metrics
from keras_attention.tuning.trial.objective import describe_objective


def numbers_of(results, objective):
    """The metrics of a trial, the objective among them, and their step.

    Of what `HyperModel.fit` returned: a `keras.callbacks.History`, whose best
    epoch counts; a dictionary; the objective alone; or a list of these, which
    are averaged. The step is the index in the history: the epoch's number less
    `initial_epoch`, if every epoch has the objective; 0 without a history.

    >>> numbers_of([{"loss": 2.0}, {"loss": 4.0}],
    ...     keras_tuner.Objective("loss", "min"))
    ({'loss': 3.0}, 0)
    """
    if isinstance(results, list) and results:
        parts = [numbers_of(part, objective) for part in results]
        names = [n for n in parts[0][0] if all(n in p for p, _ in parts)]
        means = {n: statistics.fmean(p[n] for p, _ in parts) for n in names}
        return means, round(statistics.fmean(step for _, step in parts))
    if isinstance(results, numbers.Real):
        return {objective.name: float(results)}, 0
    step = 0
    if isinstance(results, keras.callbacks.History):
        history = _beside_objective(results.history, objective)
        step = best_epoch(history, objective)
        results = {name: values[step] for name, values in history.items()}
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
    return metrics, step


def best_epoch(history, objective):
    """The index of the epoch whose objective is best; all lists are as long."""
    best, found = None, 0
    for step, row in enumerate(zip(*history.values(), strict=True)):
        value = objective.get_value(dict(zip(history, row, strict=True)))
        if improves(objective, value, best):
            best, found = value, step
    return found


def improves(objective, value, best):
    """Whether an epoch is better than the best before it.

    That is `None` before the first, and NaN is beaten by any number.
    """
    return best is None or best != best or objective.better_than(value, best)


def _beside_objective(history, objective):
    """The metrics of the epochs that have the objective.

    A metric of fewer or more epochs does not say which they are.
    """
    check_metrics(objective, set(history))
    names = [name for name, _ in describe_objective(objective)]
    names = [name for name in (*names, objective.name) if name in history]
    lengths = {name: len(history[name]) for name in names}
    if len({*lengths.values()}) > 1:
        raise keras_tuner.errors.FatalValueError(
            "All objectives must be there after the same epochs. Received a "
            f"history with so many values of each: {lengths}"
        )
    count = lengths[names[0]]
    return {n: values for n, values in history.items() if len(values) == count}


class Watch(keras.callbacks.Callback):
    """Ends the training of a trial that was given up: `check` raises then.

    With `save`, it keeps the weights of the epoch whose objective is best.
    """

    async_safe = True  # Keras would wait for the numbers of every batch.

    def __init__(self, objective, check, save):
        super().__init__()
        self.objective, self.check, self.save = objective, check, save
        self.best = None

    def on_train_begin(self, logs=None):
        """Of several phases the last is the one whose history is returned."""
        self.best = None

    def on_epoch_end(self, epoch, logs=None):
        """Saves the weights if there are none that are better."""
        self.check()
        if self.save is None or not self.objective.has_value(logs or {}):
            return
        value = float(self.objective.get_value(logs))
        if improves(self.objective, value, self.best):
            self.best = value
            self.save(self.model)


class StrictWatch(Watch):
    """Ends the search as soon as it is seen that the objective is missing.

    `options` are the arguments of `keras.Model.fit`.
    """

    def __init__(self, objective, check, save, options):
        super().__init__(objective, check, save)
        self.validates = {"validation_data", "validation_split"} & {*options}
        # Another callback may bring metrics.
        self.asked = bool(options["callbacks"])

    def on_train_batch_end(self, batch, logs=None):
        """Asks once, before the first epoch has ended."""
        if not self.asked and logs:
            self.asked = True
            self._ask(logs)

    def on_epoch_end(self, epoch, logs=None):
        """Asks, as not every metric is one of a batch."""
        self._ask(logs)
        super().on_epoch_end(epoch, logs)

    def _ask(self, logs):
        names = set(logs)
        if self.validates:
            # Not every epoch need be validated.
            trained = {n for n in names if not n.startswith("val_")}
            names |= {f"val_{name}" for name in trained}
        check_metrics(self.objective, names)
