"""The oracle of a search, made to survive what happens to its trials."""

import contextlib
import copy
import math
import threading
import time

import keras_tuner

from keras_attention.tuning.service.algorithms import repairs
from keras_attention.tuning.service.durable import ENDED
from keras_attention.tuning.service.durable import DurableFiles
from keras_attention.tuning.service.durable import Status
from keras_attention.tuning.service.durable import Trial
from keras_attention.tuning.service.failures import describe_failure
from keras_attention.tuning.service.failures import signature

ALIKE = 3  # So many first trials that fail alike end the search.
LOSSES = 2  # A trial whose worker died so often is not tried again.


def harden(oracle):
    """Gives an oracle the behaviour of `SearchOracle`, and returns it.

    A tuner makes its own oracle, of a class that the tuner knows: so the
    object's class is exchanged for one that derives from both.
    """
    kind = type(oracle)
    bases = (SearchOracle, *repairs(kind), kind)
    oracle.__class__ = type(kind.__name__, bases, {})
    oracle.prepare()
    return oracle


class SearchOracle(DurableFiles):
    """Mixed into an oracle: durable files, reasons, limits, lost workers.

    Attributes:
        deadline: When the last trial may start, by `time.monotonic`.
        error: The exception that ended the search, or `None`.
        over: Whether the algorithm has no more trials to give.
        durations: Seconds of the trials that ended since the start.
        on_end: Called with every trial that ended.
    """

    def prepare(self):
        """Sets what a new or resumed search starts with."""
        self.deadline = math.inf
        self.error = None
        self.over = False
        self.durations = []
        self.on_end = lambda trial: None
        self.verbose = 0
        # Reported here, in place of three failures in a row: many failures
        # are what a search over learning rates and sizes must expect.
        self.max_consecutive_failed_trials = None
        # Random draws stop at so many repetitions in a row; KerasTuner's 20
        # leave a small space before all of it was drawn.
        self._max_collisions = 1000
        self._guard = threading.RLock()
        self._losses = {}
        self._reasons = {}
        self._session = []
        self._started = {}

    def create_trial(self, tuner_id):
        """The next trial, or one with the status `IDLE` or `STOPPED`."""
        with self._guarded():
            if self._closed():
                return _no_trial(Status.STOPPED)
            trial = super().create_trial(tuner_id)
            if trial.status == Status.STOPPED and self.ongoing_trials:
                # Stands by, for a worker may die and leave its trial.
                return _no_trial(Status.IDLE)
            if trial.status == Status.STOPPED:
                self.over = True
            if trial.status == Status.RUNNING:
                self._start(trial)
            return trial

    def update_trial(self, trial_id, metrics, step=0):
        """Keeps the metrics of a trial that has not ended yet."""
        with self._guarded():
            if trial_id in self.end_order:
                return self.trials[trial_id]
            return super().update_trial(trial_id, metrics, step)

    def end_trial(self, trial):
        """Keeps a trial's outcome, and the reason if it failed."""
        with self._guarded():
            if trial.trial_id in self.end_order:
                # A worker that was taken for dead; another did its work.
                return
            known = self.trials[trial.trial_id]
            reason = self._reasons.pop(trial.trial_id, None)
            trial.message = trial.message or reason
            trial.hyperparameters = _merged(known, trial)
            if trial.status == Status.COMPLETED:
                self._check_value(known, trial)
            started = self._started.get(trial.trial_id, time.monotonic())
            known.seconds = time.monotonic() - started
            super().end_trial(trial)
            if known.status in ENDED:
                self.durations.append(known.seconds)
                self._session.append(known)
                self._stop_if_all_fail()
                self.on_end(known)

    def add_reason(self, trial_id, reason):
        """Keeps why a trial failed; a `Trial` sent by gRPC lacks it."""
        self._reasons[trial_id] = reason

    def lose(self, tuner_id, reason):
        """Gives the trial of a dead worker to the next worker that asks."""
        with self._guarded():
            self.tuner_ids.discard(tuner_id)
            trial = self.ongoing_trials.pop(tuner_id, None)
            if trial is None:
                return
            losses = self._losses.get(trial.trial_id, 0) + 1
            self._losses[trial.trial_id] = losses
            if losses < LOSSES:
                self._retry_queue.append(trial.trial_id)
                self.save()
                return
            failed = copy.copy(trial)
            failed.status = Status.FAILED
            failed.message = f"Its worker died {losses} times: {reason}"
            self.end_trial(failed)

    def finished(self):
        """Whether nothing runs and nothing more will."""
        # Without the lock: a Gaussian process may hold it for seconds, and
        # what is asked for here becomes true only once.
        return self._closed() and not self.ongoing_trials

    def late(self):
        """Whether no trial may start any more."""
        return time.monotonic() > self.deadline

    def _closed(self):
        return bool(self.error or self.over or self.late())

    def _start(self, trial):
        # What an interrupted run left would be averaged with the next one's.
        trial.metrics = type(trial.metrics)()
        trial.message = None
        self._started[trial.trial_id] = time.monotonic()
        self._save_proposal(trial)

    def _check_value(self, known, trial):
        name = self.objective.name
        value = known.metrics.get_best_value(name)
        if not math.isfinite(value):
            trial.status = Status.INVALID
            trial.message = f"The objective {name} is {value}."

    def _stop_if_all_fail(self):
        first = self._session[:ALIKE]
        failures = {signature(trial.message) for trial in first}
        some_work = any(
            t.status == Status.COMPLETED for t in self.trials.values()
        )
        if len(first) < ALIKE or len(failures) > 1 or some_work:
            return
        if None not in failures:
            self.error = RuntimeError(
                f"The first {ALIKE} trials failed for one reason, so the "
                f"search stopped:\n{first[0].message}"
            )

    def _retry(self, trial):
        if trial.status != Status.INVALID:
            return False
        if self._run_times[trial.trial_id] > self.max_retries_per_trial:
            trial.status = Status.FAILED
            return False
        self._retry_queue.append(trial.trial_id)
        return True

    def _check_consecutive_failures(self):
        """Nothing: see `_stop_if_all_fail`."""

    @contextlib.contextmanager
    def _guarded(self):
        """One thread at a time; an error ends the search for all of them.

        KerasTuner's own lock stays locked when an exception passes it.
        """
        with self._guard:
            try:
                yield
            except Exception as error:
                self.error = self.error or error
                raise


def reasons(trials):
    """`"2 of 5: message"` for every reason why trials failed."""
    counts = {}
    for trial in trials:
        if trial.status == Status.FAILED:
            reason = describe_failure(trial.message)
            counts[reason] = counts.get(reason, 0) + 1
    return [f"{n} of {len(trials)}: {reason}" for reason, n in counts.items()]


def _no_trial(status):
    return Trial(keras_tuner.HyperParameters(), "", status)


def _merged(known, trial):
    """The chief's own hyperparameters and what the trial found besides.

    gRPC groups hyperparameters by type, so that one may stand before the one
    it depends on; the chief's are in order.
    """
    space = known.hyperparameters.copy()
    space.merge(trial.hyperparameters, overwrite=False)
    for name, value in trial.hyperparameters.values.items():
        space.values.setdefault(name, value)
    return space
