import json
import math

import keras_tuner
import pytest

from keras_attention.tuning.result.example_search import example_search
from keras_attention.tuning.result.records import read_search

TRACE = (
    "Traceback (most recent call last):\n"
    '  File "x.py", line 1, in fit\n'
    "    raise ValueError\n"
    "some.module.MemoryError: 3 GiB are missing\nof 16\n"
)


def write(folder, scores, name="val_loss", direction="min", **changes):
    """A search of one hyperparameter with these scores."""
    for number, score in enumerate(scores):
        observed = {"value": [score], "step": 0}
        history = {"direction": direction, "observations": [observed]}
        state = {
            "trial_id": str(number),
            "hyperparameters": {"space": [], "values": {"x": number}},
            "metrics": {"metrics": {name: history}},
            "score": score,
            "best_step": 0,
            "status": "COMPLETED",
            "message": None,
        } | changes
        (folder / f"trial_{number}").mkdir(parents=True)
        path = folder / f"trial_{number}" / "trial.json"
        path.write_text(json.dumps(state))
    (folder / "oracle.json").write_text("{}")
    return folder


def edit(folder, trial, **changes):
    path = folder / f"trial_{trial}" / "trial.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def run_search(folder, objective, executions=1):
    """KerasTuner itself, with scores told by the hyperparameters."""

    class Model(keras_tuner.HyperModel):
        def build(self, hp):
            kind = hp.Choice("kind", ["a", "b", "broken"])
            if kind == "a":
                with hp.conditional_scope("kind", ["a"]):
                    hp.Int("ratio", 2, 8)
            hp.Float("rate", 1e-4, 1e-1, sampling="log")
            import keras

            model = keras.Sequential([keras.Input((1,))])
            model.compile("sgd", "mse")
            return model

        def fit(self, hp, model, *args, **kwargs):
            if hp.get("kind") == "broken":
                raise keras_tuner.errors.FailedTrialError("too large")
            value = hp.get("rate") if hp.get("kind") == "a" else math.nan
            return {"val_accuracy": value, "val_other": -value}

    tuner = keras_tuner.RandomSearch(
        Model(),
        objective=objective,
        max_trials=12,
        seed=3,
        executions_per_trial=executions,
        max_consecutive_failed_trials=12,
        directory=folder.parent,
        project_name=folder.name,
    )
    tuner.oracle.verbose = 0
    tuner.search()
    return tuner


@pytest.mark.parametrize(
    "objective, direction",
    [
        ("val_accuracy", "max"),
        (keras_tuner.Objective("val_other", "min"), "min"),
        (keras_tuner.Objective("val_other", "max"), "max"),
    ],
)
def test_reads_what_keras_tuner_writes(tmp_path, objective, direction):
    tuner = run_search(tmp_path / "search", objective)
    search = read_search(tmp_path / "search")
    name = getattr(objective, "name", objective)
    assert (search.objective, search.direction) == (name, direction)
    assert len(search.trials) == 12
    sign = -1 if direction == "max" else 1
    scored = [trial for trial in search.trials if trial.score is not None]
    best = min(scored, key=lambda trial: sign * trial.score)
    expected = tuner.oracle.get_best_trials()[0]
    assert best.name == expected.trial_id
    assert best.score == expected.score
    assert best.values == expected.hyperparameters.values
    kinds = {trial.values["kind"]: trial for trial in search.trials}
    assert kinds["broken"].reason == "too large"
    assert kinds["b"].reason == f"{name} is nan"
    assert kinds["b"].score is None
    assert "ratio" in kinds["a"].values
    assert "ratio" not in kinds["b"].values


@pytest.mark.long
def test_executions_are_repeats(tmp_path):
    run_search(tmp_path / "search", "val_accuracy", executions=2)
    trials = read_search(tmp_path / "search").trials
    trial = next(trial for trial in trials if trial.score is not None)
    # Deterministic here: KerasTuner averages equal executions into one value
    # or keeps both, never more spread than there is.
    assert trial.spread in (None, 0.0)


def test_several_values_at_the_best_step_are_repeats(tmp_path):
    observations = [
        {"value": [0.5, 0.7], "step": 0},
        {"value": [0.8, 0.9], "step": 1},
    ]
    history = {"direction": "max", "observations": observations}
    write(
        tmp_path,
        [0.85],
        metrics={"metrics": {"val_auc": history}},
        best_step=1,
    )
    (trial,) = read_search(tmp_path).trials
    assert trial.score == pytest.approx(0.85)
    assert trial.repeats == (0.8, 0.9)
    assert trial.spread == pytest.approx(0.1)


@pytest.mark.parametrize("direction, score", [("min", 0.2), ("max", 0.9)])
def test_the_score_is_the_best_step(tmp_path, direction, score):
    steps = enumerate([0.5, 0.2, 0.9, math.nan])
    observations = [{"value": [value], "step": step} for step, value in steps]
    history = {"direction": direction, "observations": observations}
    write(tmp_path, [score], metrics={"metrics": {"val_loss": history}})
    search = read_search(tmp_path)
    assert (search.objective, search.direction) == ("val_loss", direction)
    assert search.trials[0].score == score


def test_repeats_told_by_fit():
    for trial in read_search(example_search(trials=3)).trials:
        assert len(trial.repeats) == 3
        assert trial.spread == pytest.approx(
            max(trial.repeats) - min(trial.repeats)
        )
        assert sum(trial.repeats) / 3 == pytest.approx(trial.score)


def test_a_folder_without_a_search(tmp_path):
    with pytest.raises(ValueError, match="argument directory: expected a Ker"):
        read_search(tmp_path)
    write(tmp_path / "inner", [1.0])
    with pytest.raises(ValueError, match=r"There is one in .*inner"):
        read_search(tmp_path)


def test_a_damaged_oracle(tmp_path):
    write(tmp_path, [1.0])
    (tmp_path / "oracle.json").write_text('{"trials": [')
    with pytest.raises(ValueError, match=r"oracle.json is damaged"):
        read_search(tmp_path)


@pytest.mark.parametrize("content", ["", '{"trial_id": "1", "hyper', "{}", "3"])
def test_a_damaged_trial_is_told_and_the_others_are_read(tmp_path, content):
    write(tmp_path, [3.0, 1.0, 2.0])
    (tmp_path / "trial_1" / "trial.json").write_text(content)
    trials = read_search(tmp_path).trials
    assert [trial.score for trial in trials] == [3.0, None, 2.0]
    assert trials[1].status == "DAMAGED"
    assert trials[1].reason == "trial_1/trial.json cannot be read as a trial"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("status", ["COMPLETED", "INVALID"])
def test_scores_that_are_not_finite_are_none(tmp_path, value, status):
    write(tmp_path, [0.3, value])
    edit(tmp_path, 1, status=status)
    assert read_search(tmp_path).trials[1].score is None
    assert read_search(tmp_path).trials[1].reason == f"val_loss is {value}"


@pytest.mark.parametrize(
    "message, reason",
    [
        (TRACE, "MemoryError: 3 GiB are missing"),
        ("MemoryError: no room\n\n" + TRACE, "MemoryError: no room"),
        ("too costly: 12 % more flops", "too costly: 12 % more flops"),
        (
            "OpError: Graph execution error:\n\nTraceback ...\n  File x\n\n"
            "Received a label value of 5\n\t [[{{node loss}}]] [Op:f]",
            "OpError: Graph execution error: Received a label value of 5",
        ),
        (None, "no reason was recorded"),
    ],
)
def test_the_reason_of_a_failure(tmp_path, message, reason):
    write(tmp_path, [1.0, 2.0])
    nothing = {"metrics": {}}
    changes = {"message": message, "score": None, "metrics": nothing}
    edit(tmp_path, 1, status="FAILED", **changes)
    assert read_search(tmp_path).trials[1].reason == reason


def test_a_running_trial(tmp_path):
    write(tmp_path, [1.0, 2.0])
    edit(tmp_path, 1, status="RUNNING", score=None)
    trial = read_search(tmp_path).trials[1]
    assert (trial.score, trial.reason) == (None, "not finished")


def test_no_finished_trial(tmp_path):
    write(tmp_path, [1.0], status="RUNNING", score=None)
    search = read_search(tmp_path)
    assert (search.objective, search.direction) == (None, None)


def test_trials_are_in_the_order_in_which_they_ended(tmp_path):
    write(tmp_path, range(1, 12))
    oracle = {"end_order": ["3", "0"], "start_order": ["0", "1", "3"]}
    (tmp_path / "oracle.json").write_text(json.dumps(oracle))
    names = [trial.name for trial in read_search(tmp_path).trials]
    assert names == ["3", "0", "1", "2", *"456789", "10"]


def test_a_tie_between_metrics_that_differ_in_direction(tmp_path):
    history = {"observations": [{"value": [1.0], "step": 0}]}
    metrics = {
        "f1": {"direction": "min", **history},
        "accuracy": {"direction": "max", **history},
    }
    write(tmp_path, [1.0], metrics={"metrics": metrics})
    with pytest.raises(ValueError, match="agree with the scores: f1, accur"):
        read_search(tmp_path)
    assert read_search(tmp_path, "f1", "max").direction == "max"
    settings = {"objective": [["f1", "max"]]}
    (tmp_path / "search.json").write_text(json.dumps(settings))
    search = read_search(tmp_path)
    assert (search.objective, search.direction) == ("f1", "max")


def test_another_objective(tmp_path):
    folder = example_search(tmp_path, trials=3)
    search = read_search(folder, "flops", "min")
    assert search.trials[0].score == search.trials[0].metrics["flops"]
    with pytest.raises(ValueError, match="give direction='max' or"):
        read_search(folder, "flops")
    with pytest.raises(ValueError, match="argument objective: expected one of"):
        read_search(folder, "val_mood", "max")
    with pytest.raises(ValueError, match="argument direction"):
        read_search(folder, "flops", "up")
    assert read_search(folder, "val_accuracy").direction == "max"


def test_values_that_their_parent_switched_off_are_left_out(tmp_path):
    parent = {
        "class_name": "Parent",
        "config": {"name": "kind", "values": ["a"]},
    }
    space = [
        {"class_name": "Choice", "config": {"name": "kind", "conditions": []}},
        {"class_name": "Int", "config": {"name": "r", "conditions": [parent]}},
    ]
    for kind, expected in (("a", {"kind", "r", "own"}), ("b", {"kind", "own"})):
        own = {"tuner/bracket": 1}
        values = {"kind": kind, "r": 4, "own": 1} | own
        changes = {"hyperparameters": {"space": space, "values": values}}
        folder = write(tmp_path / kind, [1.0], **changes)
        assert {*read_search(folder).trials[0].values} == expected
    values |= {"tuner/epochs": 9}
    edit(folder, 0, hyperparameters={"space": space, "values": values})
    assert read_search(folder).trials[0].values["tuner/epochs"] == 9


def test_seconds_that_the_driver_measured(tmp_path):
    write(tmp_path, [1.0], seconds=7.5)
    assert read_search(tmp_path).trials[0].metrics["seconds"] == 7.5
