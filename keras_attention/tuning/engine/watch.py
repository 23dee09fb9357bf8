"""What looks on while a trial trains: at its search, objective and weights."""

import keras

from keras_attention.tuning.engine.numbers import improves
from keras_attention.tuning.trial.objective import check_metrics


class Stop(keras.callbacks.Callback):
    """Ends the training of a trial that was given up: `check` raises then."""

    async_safe = True  # Keras would wait for the numbers of every batch.
    best = None

    def __init__(self, check):
        super().__init__()
        self.check = check

    def on_epoch_end(self, epoch, logs=None):
        """Checks."""
        self.check()


class Watch(Stop):
    """Keeps the weights of the epoch whose objective is best."""

    def __init__(self, check, objective, save):
        super().__init__(check)
        self.objective, self.save = objective, save

    def on_train_begin(self, logs=None):
        """Of several phases the last is the one whose history is returned."""
        self.best = None

    def on_epoch_end(self, epoch, logs=None):
        """Saves the weights if there are none that are better."""
        super().on_epoch_end(epoch, logs)
        if not self.objective.has_value(logs or {}):
            return
        value = float(self.objective.get_value(logs))
        if improves(self.objective, value, self.best):
            self.best = value
            self.save(self.model)


class StrictWatch(Watch):
    """Ends the search as soon as it is seen that the objective is missing.

    `options` are the arguments of `keras.Model.fit`.
    """

    def __init__(self, check, objective, save, options):
        super().__init__(check, objective, save)
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
