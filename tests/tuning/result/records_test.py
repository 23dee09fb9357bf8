import json
import math

import keras_tuner
import pytest
from example_search import example_search

from keras_attention.tuning import SearchResult
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
    assert best.trial_id == expected.trial_id
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


NO_RECORDS = {
    "empty": "",
    "cut": '{"trial_id": "1", "hyper',
    "not UTF-8": b"\xff\xfe",
    "null": "null",
    "number": "3",
    "text": '"COMPLETED"',
    "list": "[1, 2]",
    "deep": "[" * 100_000 + "]" * 100_000,
    "deep inside": '{"hyperparameters":' * 100_000,
}
# Each is no value of any entry below.
STRANGE = [3.5, "x", True, [None], {"a": {"b": [1]}}, [[[]]], -1, [3]]


def spoil(path, content):
    mode = "wb" if isinstance(content, bytes) else "w"
    with path.open(mode) as file:
        file.write(content)


def use(result):
    """What a person does with a result; fails if anything in it is odd."""
    str(result), result._repr_html_(), result.rows, result.summary()
    for format in (None, "csv", "json"):
        result.table(format)


@pytest.mark.parametrize("content", NO_RECORDS.values(), ids=NO_RECORDS)
def test_a_trial_that_is_no_record_is_told(tmp_path, content):
    write(tmp_path, [3.0, 1.0, 2.0])
    spoil(tmp_path / "trial_1" / "trial.json", content)
    result = SearchResult(tmp_path)
    assert [trial.score for trial in result.trials] == [3.0, None, 2.0]
    assert result.trials[1].status == "DAMAGED"
    assert result.trials[1].reason.startswith("trial_1/trial.json is damaged:")
    assert "DAMAGED 1: trial_1/trial.json" in str(result)
    use(result)


SPACE = [
    {
        "class_name": "Choice",
        "config": {"name": "x", "conditions": [], "values": [0, 1]},
    }
]


def paths():
    """Paths to every entry of a state that means something."""
    for name in ("trial_id", "status", "metrics", "score", "seconds"):
        yield [name]
    hyperparameters = ["hyperparameters"]
    space = [*hyperparameters, "space"]
    yield from (["message"], hyperparameters, space, [*space, 0])
    for name in ("name", "conditions", "values"):
        yield [*space, 0, "config", name]
    yield from ([*space, 0, "class_name"], [*space, 0, "config"])
    yield from ([*hyperparameters, "values"], [*hyperparameters, "values", "x"])
    history = ["metrics", "metrics", "val_loss"]
    yield from (history[:2], history, [*history, "direction"])
    observation = [*history, "observations", 0]
    yield from (observation[:-1], observation, [*observation, "step"])
    yield from ([*observation, "value"], [*observation, "value", 0])


PATHS = {".".join(map(str, path)): path for path in paths()}


@pytest.mark.parametrize("path", PATHS.values(), ids=PATHS)
def test_an_entry_of_another_kind_is_told_or_does_not_matter(tmp_path, path):
    """Whatever stands there, nothing fails, and other trials are read."""
    space = {"space": SPACE, "values": {"x": 1}}
    write(tmp_path, [3.0, 1.0], hyperparameters=space)
    settings = {"objective": [["val_loss", "min"]]}
    (tmp_path / "search.json").write_text(json.dumps(settings))
    file = tmp_path / "trial_1" / "trial.json"
    whole, statuses = file.read_text(), set()
    for value in [*STRANGE, None, 10**400, math.nan, "\0", "\ud800"]:
        state = json.loads(whole)
        part = state
        for name in path[:-1]:
            part = part[name]
        part[path[-1]] = value
        file.write_text(json.dumps(state))
        result = SearchResult(tmp_path)
        assert [trial.trial_id for trial in result.trials] == ["0", "1"]
        assert result.trials[0].score == 3.0
        use(result)
        statuses.add(result.trials[1].status)
    assert "DAMAGED" in statuses


@pytest.mark.parametrize("trial_id", ["0", "x/../../../OUTSIDE", "", "1 "])
def test_a_trial_of_another_name_is_told(tmp_path, trial_id):
    write(tmp_path, [3.0, 1.0])
    edit(tmp_path, 1, trial_id=trial_id)
    result = SearchResult(tmp_path)
    assert [t.status for t in result.trials] == ["COMPLETED", "DAMAGED"]
    logs = tmp_path / "a" / "b" / "c" / "logs"
    result.to_tensorboard(logs)
    assert {path.name for path in logs.iterdir() if path.is_dir()} == {
        *("trial_0", "trial_1")
    }
    assert not list(tmp_path.rglob("*OUTSIDE*"))


@pytest.mark.parametrize("content", NO_RECORDS.values(), ids=NO_RECORDS)
def test_an_oracle_that_is_no_record_is_named(tmp_path, content):
    write(tmp_path, [1.0])
    spoil(tmp_path / "oracle.json", content)
    with pytest.raises(ValueError, match=r"oracle.json is damaged: it"):
        read_search(tmp_path)


@pytest.mark.parametrize(
    "name", ["hyperparameters", "start_order", "end_order", "space"]
)
@pytest.mark.parametrize("value", STRANGE, ids=str)
def test_an_entry_of_an_oracle_of_another_kind_is_named(tmp_path, name, value):
    write(tmp_path, [1.0])
    oracle = {name: value}
    if name == "space":
        oracle = {"hyperparameters": oracle}
    (tmp_path / "oracle.json").write_text(json.dumps(oracle))
    if name == "hyperparameters" and isinstance(value, dict):
        use(SearchResult(tmp_path))
        return
    with pytest.raises(ValueError, match=r"oracle.json is damaged: missing"):
        read_search(tmp_path)


@pytest.mark.parametrize("content", NO_RECORDS.values(), ids=NO_RECORDS)
def test_settings_that_are_no_record_are_named(tmp_path, content):
    write(tmp_path, [1.0, 2.0])
    spoil(tmp_path / "search.json", content)
    with pytest.warns(UserWarning, match=r"search.json is damaged"):
        result = SearchResult(tmp_path)
    assert (result.objective, result.majority) == ("val_loss", None)
    use(result)


@pytest.mark.parametrize("name", ["objective", "majority"])
@pytest.mark.parametrize(
    "value",
    [*STRANGE, math.nan, [["val_loss", "up"]], []],
    ids=str,
)
def test_a_setting_of_another_kind_is_named(tmp_path, name, value):
    write(tmp_path, [1.0, 2.0])
    settings = {"objective": [["val_loss", "min"]], "majority": 0.5}
    settings[name] = value
    (tmp_path / "search.json").write_text(json.dumps(settings))
    with pytest.warns(UserWarning, match=f"wrong in it: {name}"):
        result = SearchResult(tmp_path)
    assert (result.objective, result.direction) == ("val_loss", "min")
    assert result.majority == (None if name == "majority" else 0.5)


def test_an_objective_that_no_trial_has_is_named(tmp_path):
    write(tmp_path, [1.0, 2.0])
    settings = {"objective": [["val_mood", "max"]]}
    (tmp_path / "search.json").write_text(json.dumps(settings))
    with pytest.warns(UserWarning, match="objective of search.json, 'val_mood"):
        assert read_search(tmp_path).objective == "val_loss"


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
    names = [trial.trial_id for trial in read_search(tmp_path).trials]
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
        {
            "class_name": "Choice",
            "config": {"name": "kind", "conditions": [], "values": ["a", "b"]},
        },
        {
            "class_name": "Boolean",
            "config": {"name": "r", "conditions": [parent]},
        },
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
