"""An oracle's files: written whole, read again, mended where damaged."""

import pathlib
import shutil

import keras_tuner

from keras_attention.tuning.service.files import previous
from keras_attention.tuning.service.files import read_json
from keras_attention.tuning.service.files import write_json

Trial = keras_tuner.engine.trial.Trial
Status = keras_tuner.engine.trial.TrialStatus
ENDED = (Status.COMPLETED, Status.FAILED)
TRIAL_KEYS = tuple(Trial(keras_tuner.HyperParameters(), "0").get_state())
STATE_KEYS = ("start_order", "end_order", "hyperparameters")


class DurableFiles:
    """Mixed into an oracle: a killed search loses no trial that has ended."""

    def save(self):
        """Writes the oracle's own state, trials excepted."""
        path = self._get_oracle_fname()
        write_json(path, self.get_state(), keep_previous=True)

    def _save_trial(self, trial):
        state = trial.get_state()
        state["seconds"] = getattr(trial, "seconds", None)
        write_json(self._trial_file(trial.trial_id), state)

    def reload(self):
        """Restores the state and the trials; interrupted ones run again."""
        path = pathlib.Path(self._get_oracle_fname())
        if not path.exists() and not previous(path).exists():
            return
        state = read_json(path, STATE_KEYS)
        state = state or read_json(previous(path), STATE_KEYS)
        if state is None:
            raise RuntimeError(
                f"{path} and its copy are damaged: the search cannot be "
                "resumed. Pass overwrite=True to start anew."
            )
        self.set_state({**state, "ongoing_trials": {}})
        self._load_trials()
        ended = [i for i, t in self.trials.items() if t.status in ENDED]
        known = [i for i in self.end_order if i in ended]
        self.end_order = known + [i for i in ended if i not in known]
        # The last of the queue is taken first.
        self._retry_queue = [
            i for i in reversed(self.start_order) if i not in ended
        ]
        for trial in self.trials.values():
            if trial.hyperparameters.values:
                self._record_values(trial)
        if hasattr(self, "restore_place"):
            self.restore_place()
        self.save()

    def check_files(self):
        """Writes the trials' files again that were damaged meanwhile."""
        for trial in self.trials.values():
            path = self._trial_file(trial.trial_id)
            if read_json(path, TRIAL_KEYS) is None:
                self._save_trial(trial)

    def _save_proposal(self, trial):
        """The values once more, should the trial's own file be damaged."""
        config = trial.hyperparameters.get_config()
        path = self._trial_file(trial.trial_id).with_name("proposal.json")
        write_json(path, {"hyperparameters": config})

    def _load_trials(self):
        folder = pathlib.Path(self._project_dir)
        found = {
            path.parent.name.removeprefix("trial_")
            for path in folder.glob("trial_*/trial.json")
        }
        started = list(self.start_order)
        for trial_id in sorted(found - set(started)):
            trial = self._load_trial(trial_id)
            if trial.status in ENDED:
                started.append(trial_id)
                self.trials[trial_id] = trial
            else:
                # Killed between the trial's file and the oracle's: as the
                # oracle does not know of it, it will propose it again.
                shutil.rmtree(folder / f"trial_{trial_id}")
        for trial_id in self.start_order:
            self.trials[trial_id] = self._load_trial(trial_id)
        self.start_order = started

    def _load_trial(self, trial_id):
        path = self._trial_file(trial_id)
        state = read_json(path, TRIAL_KEYS)
        if state is not None:
            trial = Trial.from_state(state)
            trial.seconds = state.get("seconds")
            return trial
        state = read_json(path.with_name("proposal.json"), ["hyperparameters"])
        if state is not None:
            config = state["hyperparameters"]
            space = keras_tuner.HyperParameters.from_config(config)
            trial = Trial(space, trial_id)
        else:
            trial = Trial(self.get_space(), trial_id, Status.FAILED)
            trial.hyperparameters.values = {}
            trial.message = "Its files were damaged, and its values are lost."
        self._save_trial(trial)
        return trial

    def _trial_file(self, trial_id):
        folder = pathlib.Path(self._project_dir) / f"trial_{trial_id}"
        return folder / "trial.json"
