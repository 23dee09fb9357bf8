"""Oracles, asked and told: nothing is proposed twice, nothing is lost."""

import json

import keras_tuner
import pytest
from choice import first

from keras_attention.tuning.engine.folder import Folder
from keras_attention.tuning.engine.oracles import ORACLES
from keras_attention.tuning.engine.oracles import hyperband_trials
from keras_attention.tuning.engine.proposals import Proposals
from keras_attention.tuning.engine.run import Outcome

OPTIONS = {
    "random": {"max_trials": 9},
    "grid": {},
    "hyperband": {"max_epochs": 4, "factor": 2},
    "bayesian": {"max_trials": 6, "num_initial_points": 4},
}


def asked(tuner, folder):
    oracle = ORACLES[tuner](
        objective=keras_tuner.Objective("loss", "min"),
        seed=3,
        **OPTIONS[tuner],
    )
    space = keras_tuner.HyperParameters()
    space.Choice("units", [1, 2, 3, 4])
    space.Choice("kind", ["plain", "gate"])
    with space.conditional_scope("kind", ["gate"]):
        space.Int("heads", 1, 3)
    oracle.update_space(space)
    return Proposals(oracle, Folder(folder))


def finish(proposals, trial, status="COMPLETED", **options):
    values = trial.hyperparameters.values
    loss = values["units"] + values.get("heads", 0) / 8
    outcome = Outcome(status, {"loss": loss}, seconds=1.0, **options)
    return proposals.tell(trial, outcome)


def go_through(proposals, stop=None, at_a_time=2):
    """Ends the oldest of the trials that run, one after the other."""
    running = []
    while True:
        while len(running) < at_a_time and (trial := proposals.ask()):
            running.append(trial)
        if not running or proposals.ended == stop:
            return
        finish(proposals, running.pop(0))


def values(proposals):
    return [dict(t.hyperparameters.values) for t in proposals.trials]


@pytest.mark.parametrize("tuner", OPTIONS)
@pytest.mark.parametrize("stops", first(1, [((1, 4, 5),), ((3,),)]))
def test_an_oracle_goes_on_where_it_stopped(tmp_path, tuner, stops):
    whole = asked(tuner, tmp_path / "whole")
    go_through(whole)
    for stop in stops:
        parts = asked(tuner, tmp_path / "parts")
        if stop != stops[0]:
            parts.restore()
        go_through(parts, stop)
    parts = asked(tuner, tmp_path / "parts")
    parts.restore()
    go_through(parts)
    assert {t.status for t in parts.trials} == {"COMPLETED"}
    if tuner != "bayesian":
        # The Gaussian process's own random numbers are not in its state.
        assert values(parts) == values(whole)
    assert len(values(parts)) == len(values(whole))
    assert parts.ended == len(parts.trials)


@pytest.mark.parametrize("tuner", first(1, ["random", "bayesian"]))
def test_nothing_is_proposed_twice(tmp_path, tuner):
    proposals = asked(tuner, tmp_path)
    proposals.oracle.max_trials = 99
    go_through(proposals)
    found = {json.dumps(v, sort_keys=True) for v in values(proposals)}
    assert len(found) == len(proposals.trials) == 4 * (1 + 3)
    assert proposals.over


def test_the_seed_and_the_number_decide_what_is_random(tmp_path):
    one, two = asked("random", tmp_path / "1"), asked("random", tmp_path / "2")
    go_through(one, at_a_time=1)
    go_through(two, at_a_time=4)
    assert values(one) == values(two)


@pytest.mark.parametrize("tuner", ["grid", "random"])
def test_a_damaged_trial_runs_again(tmp_path, tuner):
    proposals = asked(tuner, tmp_path)
    go_through(proposals, 4)
    before = values(proposals)
    (
        tmp_path / f"trial_{proposals.trials[1].trial_id}" / "trial.json"
    ).write_text("null")
    again = asked(tuner, tmp_path)
    with pytest.warns(UserWarning, match="damaged"):
        again.restore()
    assert again.ended == 3
    go_through(again)
    assert values(again)[:4] == before[:4]
    third = asked(tuner, tmp_path)
    third.restore()
    assert values(third) == values(again) and third.ended == again.ended


def test_what_the_oracle_does_not_know_has_not_begun(tmp_path):
    proposals = asked("random", tmp_path)
    go_through(proposals, 2)
    folder = tmp_path / "trial_77"
    folder.mkdir()
    known = (tmp_path / "trial_0" / "trial.json").read_text()
    (folder / "trial.json").write_text(known)
    (folder / "mine.txt").write_text("mine")
    again = asked("random", tmp_path)
    again.restore()
    assert again.ended == 2
    assert [path.name for path in folder.iterdir()] == ["mine.txt"]


def test_another_try(tmp_path):
    proposals = asked("random", tmp_path)
    proposals.oracle.max_retries_per_trial = 1
    trial = proposals.ask()
    failed = {"message": "OSError: busy", "unexpected": True}
    assert not finish(proposals, trial, "FAILED", **failed)
    assert proposals.ask() is trial
    assert finish(proposals, trial, "FAILED", **failed)
    assert trial.status == "FAILED" and trial.message == "OSError: busy"
    assert proposals.ask() is not trial


BAD = ["null", "7", "[]", "{}", '{"start_order": 3}', "[" * 99999]


@pytest.mark.parametrize("text", BAD, ids=lambda text: text[:8])
def test_an_oracles_file_that_is_none(tmp_path, text):
    proposals = asked("random", tmp_path)
    go_through(proposals, 3)
    (tmp_path / "oracle.json").write_text(text)
    again = asked("random", tmp_path)
    with pytest.warns(UserWarning, match=r"oracle\.json is damaged"):
        again.restore()
    # Its copy is a step behind, the trials' files are not.
    assert again.ended == 3
    for path in tmp_path.glob("oracle*.json"):
        path.write_text(text)
    with (
        pytest.warns(UserWarning, match="damaged"),
        pytest.raises(RuntimeError, match="overwrite=True"),
    ):
        asked("random", tmp_path).restore()


def test_an_id_is_no_path(tmp_path):
    proposals = asked("random", tmp_path / "s")
    go_through(proposals, 2)
    path = tmp_path / "s" / "oracle.json"
    state = json.loads(path.read_text())
    state["start_order"].append("x/../../../outside")
    path.write_text(json.dumps(state))
    trial = tmp_path / "s" / "trial_0" / "trial.json"
    content = json.loads(trial.read_text())
    trial.write_text(json.dumps({**content, "trial_id": "../../outside"}))
    again = asked("random", tmp_path / "s")
    with pytest.warns(UserWarning) as warned:
        again.restore()
    told = " ".join(str(w.message) for w in warned)
    assert "no name of a folder" in told and "it is of trial" in told
    assert [path.name for path in tmp_path.iterdir()] == ["s"]


def test_the_schedule_of_hyperband():
    oracle = keras_tuner.oracles.HyperbandOracle(
        keras_tuner.Objective("loss", "min"), max_epochs=9, factor=3
    )
    # Brackets of 9 + 3 + 1, 5 + 2 and 3 trials.
    assert hyperband_trials(oracle) == 23
    oracle.hyperband_iterations = 2
    assert hyperband_trials(oracle) == 46
