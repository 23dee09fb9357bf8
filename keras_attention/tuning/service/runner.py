"""The tuner of a search: it runs trials, and outlives those that fail."""

import os
import time
import traceback
import zlib

import keras
import keras_tuner

from keras_attention.tuning.service.exploration import free_memory
from keras_attention.tuning.service.failures import failure_message
from keras_attention.tuning.service.oracle import harden
from keras_attention.tuning.trial.objective import check_metrics
from keras_attention.tuning.trial.objective import metric_names

Status = keras_tuner.engine.trial.TrialStatus
IDLE_SECONDS = 0.3


class TrialRunner:
    """Mixed into a tuner, in front of it; see `make_tuner`.

    Attributes:
        seed: What every trial's random numbers are derived from, with its
            number: whichever worker runs it, a trial repeats.
        add_reason: Called with a trial's number and the reason it failed.
    """

    def search(self, *args, **kwargs):
        """Runs trials until the oracle has no more."""
        self.on_search_begin()
        while True:
            self.pre_create_trial()
            trial = self.oracle.create_trial(self.tuner_id)
            if trial.status == Status.STOPPED:
                break
            if trial.status == Status.IDLE:
                time.sleep(IDLE_SECONDS)
                continue
            self.on_trial_begin(trial)
            self._try_run_and_update_trial(trial, *args, **kwargs)
            self.on_trial_end(trial)
        self.on_search_end()

    def run_trial(self, trial, *args, **kwargs):
        """One trial's results, which must have the objective."""
        number = zlib.crc32(f"{self.seed}/{trial.trial_id}".encode())
        keras.utils.set_random_seed(number)
        objective = self.oracle.objective
        if fits_by_itself(self.hypermodel):
            watch = _ObjectiveWatch(objective)
            kwargs["callbacks"] = [*kwargs.get("callbacks", []), watch]
        results = super().run_trial(trial, *args, **kwargs)
        names = metric_names(results)
        if names is not None:
            check_metrics(objective, names)
        return results

    def save(self):
        """Saves the oracle; a worker's is the chief's to save."""
        if not self._is_worker():
            self.oracle.save()

    def _populate_initial_space(self):
        """Nothing: `explore` does it, and survives a failing build."""

    def _try_run_and_update_trial(self, trial, *args, **kwargs):
        try:
            self._run_and_update_trial(trial, *args, **kwargs)
            trial.status = Status.COMPLETED
        except keras_tuner.errors.FatalError:
            raise
        except Exception as error:
            # A failure that is meant will not go away by trying again.
            meant = isinstance(error, keras_tuner.errors.FailedTrialError)
            trial.status = Status.FAILED if meant else Status.INVALID
            trial.message = failure_message(error)
            self.add_reason(trial.trial_id, trial.message)
            # The frames hold the tensors that did not fit.
            traceback.clear_frames(error.__traceback__)
        finally:
            free_memory()


class _ObjectiveWatch(keras.callbacks.Callback):
    """Ends the search in its first epoch if the objective is not there."""

    def __init__(self, objective):
        super().__init__()
        self.objective = objective

    def on_epoch_end(self, epoch, logs=None):
        check_metrics(self.objective, set(logs or {}))


def fits_by_itself(hypermodel):
    """Whether a hypermodel trains by `model.fit` and returns its history.

    One with a `fit` of its own may return metrics that no epoch shows.
    """
    own = type(hypermodel).fit
    return own is keras_tuner.HyperModel.fit


def make_tuner(tuner_class, hypermodel, directory, seed, options):
    """A tuner of `tuner_class` that runs the trials of a search.

    Args:
        tuner_class: subclass of `keras_tuner.engine.base_tuner.BaseTuner`.
        hypermodel: what it builds its models with.
        directory: folder of the search, which holds the trials' folders.
        seed: int of at least 0.
        options: dictionary, arguments of `tuner_class`.

    Returns:
        An instance of a class derived from `TrialRunner` and `tuner_class`.
        In a worker its oracle is a client of the chief's.
    """
    bases = (TrialRunner, tuner_class)
    parent, name = os.path.split(os.path.abspath(directory))
    tuner = type(tuner_class.__name__, bases, {})(
        hypermodel=hypermodel, directory=parent, project_name=name, **options
    )
    tuner.seed = seed
    if not tuner._is_worker():
        harden(tuner.oracle)
    tuner.add_reason = lambda trial_id, reason: None
    return tuner


def space_oracle(tuner):
    """The oracle that `explore` may fill: a client's own, in a worker."""
    return tuner.oracle._oracle if tuner._is_worker() else tuner.oracle
