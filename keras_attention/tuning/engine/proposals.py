"""An oracle, asked and told, whose answers outlive the process."""

import math
import tempfile

import keras_tuner

from keras_attention.tuning.engine.folder import previous
from keras_attention.tuning.engine.folder import read_json
from keras_attention.tuning.engine.folder import write_json

Trial = keras_tuner.engine.trial.Trial
ENDED = ("COMPLETED", "FAILED")
STARTS = 3  # A trial whose process died so often is not tried again.


class Proposals:
    """What an oracle proposes, each trial once, whatever happens between.

    KerasTuner writes its files in place, so that a killed process leaves
    half of one. They go to a scratch folder that nobody reads; what is kept
    is written here, whole.
    """

    def __init__(self, oracle, folder):
        self.oracle, self.folder = oracle, folder
        self.over = False
        self._pending = []
        self._events = []
        self._attempts = {}
        self._scratch = tempfile.TemporaryDirectory(prefix="oracle-")
        # Gives the oracle its folder, which no name of its own does.
        keras_tuner.engine.base_tuner.BaseTuner(
            oracle, directory=self._scratch.name, project_name="oracle"
        )
        oracle.verbose = 0
        # All of it, twice a trial, which grows with the trials.
        oracle.save = lambda: None
        # Many failures are what a search over learning rates and sizes must
        # expect; which of them end it is decided in `search`.
        oracle.max_consecutive_failed_trials = None

    def close(self):
        """Deletes the scratch folder."""
        self._scratch.cleanup()

    @property
    def trials(self):
        """All trials, in the order in which they began."""
        return [self.oracle.trials[i] for i in self.oracle.start_order]

    @property
    def ended(self):
        """How many trials have ended."""
        return len(self.oracle.end_order)

    def ask(self):
        """The next trial to run, or `None` while there is none."""
        if self._pending:
            return self._begun(self._pending.pop(0))
        if self.over:
            return None
        # Any name that no running trial has.
        name = f"asks for trial {len(self.oracle.trials)}"
        trial = self.oracle.create_trial(name)
        if trial.status == "STOPPED":
            self.over = not self.oracle.ongoing_trials
        if trial.status != "RUNNING":
            return None
        self._events.append(["begin", trial.trial_id])
        config = trial.hyperparameters.get_config()
        path = self.folder.trial(trial.trial_id, "proposal.json")
        # Should the trial's own file be damaged, its values are here.
        write_json(path, {"hyperparameters": config})
        # A result is worth a wait for the disk; this one is told by the other.
        self._write_trial(self._begun(trial), sync=False)
        self.save()
        return trial

    def tell(self, trial, outcome):
        """Takes down how a trial ended, and says whether it has.

        One that failed may have another try.
        """
        config = outcome.config or trial.hyperparameters.get_config()
        trial.hyperparameters = keras_tuner.HyperParameters.from_config(config)
        status, message = outcome.status, outcome.message
        name = self.oracle.objective.name
        if status == "COMPLETED" and not math.isfinite(outcome.metrics[name]):
            status = "FAILED"
            message = f"The objective {name} is {outcome.metrics[name]}."
        elif outcome.unexpected and self._may_try_again(trial):
            self._pending.append(trial)
            self.folder.end(trial.trial_id)
            return False
        if status == "COMPLETED":
            self.oracle.update_trial(
                trial.trial_id, outcome.metrics, outcome.step
            )
        trial.status, trial.message = status, message
        trial.seconds = outcome.seconds
        self.oracle.end_trial(trial)
        if ["end", trial.trial_id] not in self._events:
            # One that was damaged, and ran again, had ended before.
            self._events.append(["end", trial.trial_id])
        # The oracle's own file follows with the next trial that begins.
        self._write_trial(trial)
        self.folder.end(trial.trial_id)
        return True

    def save(self):
        """Writes the oracle's own state, trials excepted."""
        state = {**self.oracle.get_state(), "events": self._events}
        write_json(self.folder.oracle, state, keep_previous=True)

    def restore(self):
        """Goes on where the folder stands; interrupted trials run again."""
        state = self._read_state()
        trials = {i: self._read(i) for i in state["start_order"]}
        for trial_id in set(self.folder.trial_ids()) - {*trials}:
            # Killed between the trial's file and the oracle's: as the oracle
            # does not know of it, it will propose it again.
            self.folder.forget(trial_id)
        ended = [i for i in trials if trials[i].status in ENDED]
        begun = [i for i in trials if i not in ended]
        told = {i for kind, i in state["events"] if kind == "end"}
        new = [i for i in ended if i not in told]
        self._events = state["events"] + [["end", i] for i in new]
        # Whoever asked for them is gone.
        asked = {f"asked for trial {i}": i for i in begun}
        order = [i for kind, i in self._events if kind == "end" and i in ended]
        if isinstance(self.oracle, keras_tuner.oracles.GridSearchOracle):
            self._replay(trials, state)
            self.oracle.end_order = order
            self.oracle.ongoing_trials = {n: trials[asked[n]] for n in asked}
        else:
            self.oracle.trials = trials
            self.oracle.set_state(
                {
                    **state,
                    "end_order": order,
                    "ongoing_trials": asked,
                    "retry_queue": [],
                }
            )
        for trial in trials.values():
            # What only a trial shows belongs to the space too.
            self.oracle.update_space(trial.hyperparameters)
        self._pending = [self._begun(trials[i]) for i in begun]

    def _replay(self, trials, state):
        """Asks and tells again what was asked and told.

        A grid keeps its place outside of its state.
        """
        space = state["hyperparameters"]
        self.oracle.update_space(keras_tuner.HyperParameters.from_config(space))
        for kind, trial_id in self._events:
            trial = trials[trial_id]
            if kind == "begin":
                # Not `create_trial`, whose ids and whose end depend on how
                # many trials this call allows.
                self.oracle.populate_space(trial_id)
                self.oracle.trials[trial_id] = trial
                self.oracle.start_order.append(trial_id)
                asked = f"asked for trial {trial_id}"
                self.oracle.ongoing_trials[asked] = trial
            else:
                if trial.status not in ENDED:
                    # Its file is damaged: it runs again, but it had ended.
                    trial.status = "FAILED"
                self.oracle.end_trial(trial)

    def _begun(self, trial):
        # What an interrupted run left would be averaged with the next one's.
        trial.metrics = Trial(trial.hyperparameters).metrics
        trial.status, trial.message, trial.seconds = "RUNNING", None, None
        return trial

    def _may_try_again(self, trial):
        count = self._attempts.get(trial.trial_id, 0) + 1
        self._attempts[trial.trial_id] = count
        return count <= self.oracle.max_retries_per_trial

    def _write_trial(self, trial, sync=True):
        state = {**trial.get_state(), "seconds": trial.seconds}
        write_json(self.folder.trial(trial.trial_id), state, sync=sync)

    def _read_state(self):
        fresh = {**self.oracle.get_state(), "events": []}

        def whole(state):
            for name, value in fresh.items():
                if isinstance(value, (dict, list)):
                    expected = dict if isinstance(value, dict) else list
                    if not isinstance(state[name], expected):
                        raise TypeError(f"{name} is no {expected.__name__}")
            for _, trial_id in state["events"]:
                if trial_id not in state["start_order"]:
                    raise ValueError(f"trial {trial_id!r} never began")
            if not all(i.isalnum() for i in state["start_order"]):
                raise ValueError("a trial's id is no name of a folder")
            return state

        path = self.folder.oracle
        state = read_json(path, whole) or read_json(previous(path), whole)
        if state is None:
            raise RuntimeError(
                f"{path} and its copy are damaged: the search cannot be "
                "resumed. Pass overwrite=True to start anew."
            )
        return state

    def _read(self, trial_id):
        def made(state):
            trial = Trial.from_state(state)
            if trial.trial_id != trial_id:
                raise ValueError(f"it is of trial {trial.trial_id!r}")
            if trial.status == "COMPLETED" and not trial.score + 0 < math.inf:
                raise ValueError(f"its score is {trial.score!r}")
            trial.seconds = state.get("seconds")
            return trial

        def proposed(state):
            config = state["hyperparameters"]
            space = keras_tuner.HyperParameters.from_config(config)
            return Trial(space, trial_id)

        path = self.folder.trial(trial_id)
        trial = read_json(path, made)
        if trial is None:
            trial = read_json(path.with_name("proposal.json"), proposed)
        if trial is None:
            trial = Trial(self.oracle.get_space(), trial_id, "FAILED")
            trial.hyperparameters.values = {}
            trial.message = "Its files were damaged, and its values are lost."
        if trial.status not in ENDED:
            self._begun(trial)
        trial.seconds = getattr(trial, "seconds", None)
        self._write_trial(trial)
        return trial
