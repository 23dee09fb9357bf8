"""The oracle, asked as workers ask it: some die, some come back."""

import time

import keras_tuner
import pytest

from keras_attention.tuning.service.algorithms import hyperband_trials
from keras_attention.tuning.service.oracle import harden


@pytest.fixture
def oracle(tmp_path):
    oracle = keras_tuner.oracles.RandomSearchOracle("val_loss", 3, seed=1)
    oracle._set_project_dir(tmp_path, "search")
    space = keras_tuner.HyperParameters()
    space.Int("units", 1, 100)
    oracle.update_space(space)
    return harden(oracle)


def end(oracle, trial, value=1.0, status="COMPLETED", message=None):
    oracle.update_trial(trial.trial_id, {"val_loss": value})
    done = keras_tuner.engine.trial.Trial.from_state(trial.get_state())
    done.status, done.message = status, message
    oracle.end_trial(done)


def test_the_trial_of_a_dead_worker_goes_to_the_next(oracle):
    first = oracle.create_trial("a")
    oracle.update_trial(first.trial_id, {"val_loss": 100.0})
    oracle.lose("a", "killed")
    again = oracle.create_trial("b")
    assert again.trial_id == first.trial_id
    assert again.hyperparameters.values == first.hyperparameters.values
    end(oracle, again, 2.0)
    # Nothing of the run that was cut short.
    assert oracle.trials[first.trial_id].score == 2.0
    oracle.lose("a", "killed")
    assert oracle.create_trial("a").trial_id != first.trial_id


def test_workers_stand_by_until_all_trials_have_ended(oracle):
    trials = [oracle.create_trial(name) for name in "abc"]
    assert oracle.create_trial("d").status == "IDLE"
    for trial in trials[1:]:
        end(oracle, trial)
    assert oracle.create_trial("d").status == "IDLE"
    assert not oracle.finished()
    oracle.lose("a", "killed")
    taken = oracle.create_trial("d")
    assert taken.trial_id == trials[0].trial_id
    end(oracle, taken)
    assert oracle.create_trial("d").status == "STOPPED"
    assert oracle.finished() and len(oracle.end_order) == 3


def test_a_worker_taken_for_dead_may_come_back(oracle):
    trial = oracle.create_trial("a")
    oracle.lose("a", "silent")
    again = oracle.create_trial("b")
    end(oracle, again, 2.0)
    end(oracle, trial, 7.0)
    assert oracle.trials[trial.trial_id].score == 2.0
    assert oracle.end_order == [trial.trial_id]


def test_a_trial_that_kills_its_workers_fails(oracle):
    trial = oracle.create_trial("a")
    oracle.lose("a", "killed by SIGKILL")
    assert oracle.create_trial("b").trial_id == trial.trial_id
    oracle.lose("b", "killed by SIGKILL")
    known = oracle.trials[trial.trial_id]
    assert known.status == "FAILED"
    assert known.message == "Its worker died 2 times: killed by SIGKILL"
    assert oracle.create_trial("c").trial_id != trial.trial_id


def test_reasons_that_came_apart_from_their_trial(oracle):
    trial = oracle.create_trial("a")
    oracle.add_reason(trial.trial_id, "MemoryError: no room")
    end(oracle, trial, status="INVALID")
    known = oracle.trials[trial.trial_id]
    assert (known.status, known.message) == ("FAILED", "MemoryError: no room")


def test_nothing_starts_after_the_deadline(oracle):
    trial = oracle.create_trial("a")
    oracle.deadline = time.monotonic()
    assert oracle.create_trial("b").status == "STOPPED"
    assert not oracle.finished()
    end(oracle, trial)
    assert oracle.finished()


def test_an_error_ends_the_search_for_all(oracle):
    with pytest.raises(KeyError):
        oracle.update_trial("no such trial", {"val_loss": 1})
    assert isinstance(oracle.error, KeyError)
    assert oracle.create_trial("a").status == "STOPPED"


def test_the_schedule_of_hyperband():
    oracle = keras_tuner.oracles.HyperbandOracle(
        "val_loss", max_epochs=9, factor=3
    )
    # Brackets of 9 + 3 + 1, 5 + 2 and 3 trials.
    assert hyperband_trials(oracle) == 23
    oracle.hyperband_iterations = 2
    assert hyperband_trials(oracle) == 46
