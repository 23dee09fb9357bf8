"""The search in this process: four tuners, faults, limits and resuming."""

import gc
import json
import math
import tempfile
import warnings
import weakref

import keras
import keras_tuner
import numpy as np
import pytest
import toy

from keras_attention.tuning import SearchResult
from keras_attention.tuning import search
from keras_attention.tuning.engine.folder import Folder


@pytest.fixture
def run(tmp_path):
    def run(hypermodel=None, **options):
        hypermodel = hypermodel or toy.Toy(tmp_path / "journal")
        options = {"max_trials": 5, "directory": tmp_path / "s", **options}
        return search(hypermodel, toy.DATA, toy.DATA, **options)

    return run


def trials(folder):
    """The trials' files, by number."""
    files = sorted(folder.glob("s/trial_*/trial.json"))
    return [json.loads(path.read_text()) for path in files]


def values(folder):
    return [trial["hyperparameters"]["values"] for trial in trials(folder)]


def statuses(folder):
    return [trial["status"] for trial in trials(folder)]


def damage(path, length=20):
    path.write_bytes(path.read_bytes()[:length])


TUNERS = {
    "random": {},
    "grid": {},
    "hyperband": {"epochs": 4, "factor": 2, "max_trials": None},
    # One proposal of the Gaussian process, which takes seconds.
    "bayesian": {"num_initial_points": 3, "max_trials": 4},
}


@pytest.mark.parametrize("tuner", TUNERS)
def test_tuners(run, tmp_path, tuner, capsys):
    result = run(tuner=tuner, **TUNERS[tuner])
    ended = trials(tmp_path)
    assert {trial["status"] for trial in ended} == {"COMPLETED"}
    runs = toy.runs(tmp_path / "journal")
    assert len(runs) == len(ended) == len(result.rows)
    for trial in ended:
        assert trial["score"] == toy.score(trial["hyperparameters"]["values"])
        assert trial["seconds"] >= 0
    assert result.best["score"] == max(trial["score"] for trial in ended)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(ended), lines
    total = len(ended)
    assert lines[0].startswith(f"1/{total}  val_accuracy")
    run(tuner=tuner, **TUNERS[tuner])
    words = f"{total} trials are from before, {total} were asked for.\n"
    assert capsys.readouterr().out.endswith(f": {words}")
    assert len(toy.runs(tmp_path / "journal")) == len(runs)


@pytest.mark.parametrize("tuner", ["random", "bayesian"])
def test_the_seed_decides_the_proposals(run, tmp_path, tuner):
    seen = []
    for seed in (0, 0, 1):
        run(tuner=tuner, seed=seed, overwrite=True)
        seen.append(values(tmp_path))
    assert seen[0] == seen[1] != seen[2]


def test_a_trial_repeats_its_random_numbers(run, tmp_path):
    drawn = []
    run(toy.Toy(fault=lambda hp, value: drawn.append(np.random.rand()) or 1.0))
    assert len(set(drawn)) == 5
    again = []

    def fault(hp, value):
        again.append(np.random.rand())
        np.random.rand(len(again))
        return 1.0

    run(toy.Toy(fault=fault), overwrite=True)
    assert drawn == again


def test_a_space_is_gone_through_once(run, tmp_path, capsys):
    hyper = {"tuner": "bayesian", "num_initial_points": 2, "max_trials": 99}
    space = keras_tuner.HyperParameters()
    space.Choice("units", [1, 2, 3])
    space.Fixed("kind", "plain")
    space.Fixed("rate", 0.1)
    run(hyperparameters=space, **hyper)
    assert sorted(v["units"] for v in values(tmp_path)) == [1, 2, 3]
    assert "no more to propose after 3 trials" in capsys.readouterr().out


def test_what_only_a_trial_shows_makes_nothing_new(run, tmp_path):
    space = keras_tuner.HyperParameters()
    space.Choice("units", [1, 2, 3])
    # The toy has a kind and a rate besides.
    run(hyperparameters=space, tune_new_entries=False, max_trials=9)
    assert sorted(v["units"] for v in values(tmp_path)) == [1, 2, 3]


def test_what_only_a_trial_shows_is_searched_too(run, tmp_path):
    class Hidden(toy.Toy):
        def build(self, hp):
            # Inside the `if` no scope is seen until it is entered.
            if hp.Choice("kind", ["plain", "gate"]) == "gate":
                with hp.conditional_scope("kind", ["gate"]):
                    hp.Int("heads", 1, 3)
            hp.Fixed("units", 1)
            hp.Fixed("rate", 0.1)
            return super().build(hp)

    run(Hidden(), tuner="grid", max_trials=None)
    assert [v.get("heads") for v in values(tmp_path)] == [None, 1, 2, 3]


def test_a_known_size_bounds_max_trials(run, tmp_path):
    hypermodel = toy.Toy()
    hypermodel.space_size = lambda: 48
    with pytest.raises(ValueError, match="max_trials=49"):
        run(hypermodel, max_trials=49)
    hypermodel.space_size = lambda: None
    assert len(run(hypermodel, max_trials=2).rows) == 2


class Stop(BaseException):
    """What no `except Exception` holds: as if the process were killed."""


def stop_at(number):
    count = []

    def fault(hp, value):
        count.append(value)
        if len(count) == number:
            raise Stop
        return value

    return fault


CHOSEN = {
    ("hyperband", None),
    ("grid", "trial"),
    ("random", "running"),
    ("bayesian", "oracle"),
}


@pytest.mark.parametrize(
    ("tuner", "damaged"),
    [
        pytest.param(
            tuner,
            damaged,
            marks=[] if (tuner, damaged) in CHOSEN else pytest.mark.long,
        )
        for tuner in TUNERS
        for damaged in (None, "trial", "running", "oracle")
    ],
)
def test_an_interrupted_search_goes_on(run, tmp_path, tuner, damaged):
    options = {"tuner": tuner, **TUNERS[tuner]}
    expected = [{}] * 4
    if tuner != "bayesian":
        run(**options)
        expected = values(tmp_path)
        (tmp_path / "journal").unlink()
    with pytest.raises(Stop):
        run(
            toy.Toy(tmp_path / "journal", fault=stop_at(3)),
            overwrite=True,
            **options,
        )
    assert statuses(tmp_path) == ["COMPLETED", "COMPLETED", "RUNNING"]
    before = values(tmp_path)
    folders = sorted((tmp_path / "s").glob("trial_*"))
    done, lost = 2, None
    if damaged == "trial":
        damage(folders[0] / "trial.json")
        done, lost = 1, folders[0] / "trial.json.damaged"
    elif damaged == "running":
        damage(folders[2] / "trial.json", 0)
        lost = folders[2] / "trial.json.damaged"
    elif damaged == "oracle":
        damage(tmp_path / "s" / "oracle.json")
        lost = tmp_path / "s" / "oracle.json.damaged"
    if damaged:
        with pytest.warns(UserWarning, match=f"renamed to {lost.name}"):
            run(**options)
        assert lost.exists()
    else:
        run(**options)
    # None lost, none doubled, and those that had ended untouched.
    assert set(statuses(tmp_path)) == {"COMPLETED"}
    assert len(trials(tmp_path)) == len(expected)
    assert values(tmp_path)[:3] == before
    if tuner != "bayesian":
        assert values(tmp_path) == expected
    assert len(toy.runs(tmp_path / "journal")) == 3 + len(expected) - done


def test_a_search_is_extended(run, tmp_path):
    run(max_trials=3)
    first = trials(tmp_path)
    assert len(run(max_trials=11).rows) == 11
    assert all(trial in trials(tmp_path) for trial in first)
    assert len(toy.runs(tmp_path / "journal")) == 11


def test_both_files_of_a_trial_may_be_lost(run, tmp_path):
    run(max_trials=3)
    folder = tmp_path / "s" / "trial_1"
    for path in folder.glob("*.json"):
        path.write_text("")
    with pytest.warns(UserWarning, match="is damaged"):
        result = run(max_trials=4)
    assert statuses(tmp_path) == ["COMPLETED", "FAILED", *["COMPLETED"] * 2]
    (row,) = [row for row in result.rows if row["status"] == "FAILED"]
    assert "values are lost" in row["reason"]


def test_a_lost_oracle_is_said(run, tmp_path):
    run(max_trials=3)
    for path in (tmp_path / "s").glob("oracle*"):
        path.write_text("{")
    with (
        pytest.warns(UserWarning, match="oracle.json is damaged"),
        pytest.raises(RuntimeError, match="overwrite=True"),
    ):
        run(max_trials=3)


def test_other_arguments_and_another_space_are_refused(run, tmp_path):
    class Wider(toy.Toy):
        def build(self, hp):
            hp.Int("depth", 1, 3)
            return super().build(hp)

    run(max_trials=1)
    for change, words in (
        ({"seed": 4}, "seed was 0 and is now 4"),
        ({"tuner": "grid"}, "tuner was 'RandomSearch' and is now 'GridSearch'"),
        ({"epochs": 2}, "epochs was None and is now 2"),
        ({"max_retries_per_trial": 1}, "max_retries_per_trial"),
        ({"objective": "val_loss"}, "objective was"),
    ):
        with pytest.raises(ValueError, match=words) as caught:
            run(max_trials=1, **change)
        assert "overwrite=True" in str(caught.value)
    with pytest.raises(ValueError, match="hyperparameter depth is new"):
        run(Wider(tmp_path / "journal"), max_trials=1)
    assert len(run(Wider(), max_trials=1, overwrite=True).rows) == 1


def test_what_never_got_anywhere_may_be_changed(run, tmp_path):
    with pytest.raises(ValueError, match="'val_acc'.*'val_accuracy'"):
        run(objective="val_acc")
    assert statuses(tmp_path) == ["RUNNING"]
    assert len(run().rows) == 5


class ResourceExhaustedError(Exception):
    pass


def out_of_memory(hp, value):
    if hp.values["units"] > 2:
        raise ResourceExhaustedError(f"OOM: shape[{hp.values['units']},7]")
    return value


def test_trials_that_fail_are_kept_with_their_reason(run, tmp_path, capsys):
    run(toy.Toy(fault=out_of_memory), max_trials=12)
    for trial in trials(tmp_path):
        units = trial["hyperparameters"]["values"]["units"]
        assert trial["status"] == ("FAILED" if units > 2 else "COMPLETED")
        if units > 2:
            first, *rest = trial["message"].splitlines()
            assert first == f"ResourceExhaustedError: OOM: shape[{units},7]"
            assert "out_of_memory" in "\n".join(rest)
    assert len(set(statuses(tmp_path))) == 2
    assert "failed: ResourceExhaustedError: OOM" in capsys.readouterr().out


def test_a_failed_build_and_its_model_are_forgotten(run, tmp_path):
    alive, counts = weakref.WeakSet(), []

    class Leaky(toy.Toy):
        def build(self, hp):
            gc.collect()
            counts.append(len(alive))
            model = super().build(hp)
            alive.add(model)
            if len(counts) == 1 or hp.values["units"] == 1:
                raise MemoryError(f"no room for {hp.values}")
            return model

    space = keras_tuner.HyperParameters()
    space.Fixed("kind", "plain")
    space.Fixed("rate", 0.1)
    with pytest.warns(UserWarning, match="could not be built.*MemoryError"):
        run(Leaky(), tuner="grid", max_trials=3, hyperparameters=space)
    assert set(counts) == {0}
    assert set(statuses(tmp_path)) == {"COMPLETED", "FAILED"}


def test_a_failure_that_is_meant_has_no_traceback(run, tmp_path):
    def fault(hp, value):
        raise keras_tuner.errors.FailedTrialError("over its budget")

    with pytest.raises(RuntimeError, match="5 of 5: over its budget"):
        run(toy.Toy(fault=fault), max_retries_per_trial=2)
    assert {t["message"] for t in trials(tmp_path)} == {"over its budget"}


def test_retries(run, tmp_path, capsys):
    count = []

    def fault(hp, value):
        count.append(value)
        if len(count) % 2:
            raise OSError("the disk is busy")
        return value

    run(toy.Toy(fault=fault), max_retries_per_trial=1)
    assert statuses(tmp_path) == ["COMPLETED"] * 5
    assert {trial["message"] for trial in trials(tmp_path)} == {None}
    assert len(count) == 10
    assert len(capsys.readouterr().out.splitlines()) == 5


def test_three_alike_at_the_start_end_the_search(run, tmp_path):
    def fault(hp, value):
        raise TypeError(f"fit() got {object()}")

    with pytest.raises(RuntimeError, match="first 3 trials failed for one"):
        run(toy.Toy(fault=fault), max_trials=9)
    assert statuses(tmp_path) == ["FAILED"] * 3


def test_three_alike_after_a_success_end_nothing(run, tmp_path):
    count = []

    def fault(hp, value):
        count.append(value)
        if len(count) > 1:
            raise TypeError("no")
        return value

    run(toy.Toy(fault=fault))
    assert statuses(tmp_path) == ["COMPLETED"] + ["FAILED"] * 4


def test_an_objective_that_is_no_number(run, tmp_path):
    bad = {2: math.nan, 3: math.inf, 4: -math.inf}

    def fault(hp, value):
        return bad.get(hp.values["units"], value)

    result = run(toy.Toy(fault=fault), max_trials=16)
    assert math.isfinite(result.best["score"])
    failed = {}
    for trial in trials(tmp_path):
        if trial["status"] == "FAILED":
            units = trial["hyperparameters"]["values"]["units"]
            failed[units] = trial["message"]
    assert failed == {
        units: f"The objective val_accuracy is {value}."
        for units, value in bad.items()
    }


def test_nothing_but_nan_goes_on_to_the_end(run, tmp_path):
    with pytest.raises(RuntimeError, match="5 of 5: .* is nan"):
        run(toy.Toy(fault=lambda hp, value: math.nan))


def test_fatal_errors_are_raised(run, tmp_path):
    def fault(hp, value):
        raise keras_tuner.errors.FatalValueError("wrong data")

    with pytest.raises(ValueError, match="wrong data"):
        run(toy.Toy(fault=fault))


@pytest.mark.long
def test_no_trial_starts_after_the_time_limit(run, tmp_path):
    hypermodel = toy.Toy(tmp_path / "journal", seconds=0.5)
    result = run(hypermodel, time_limit=1.2, max_trials=20)
    assert 1 <= len(result.rows) <= 3
    assert len(run(hypermodel, max_trials=4).rows) == 4


def test_too_short_a_time_limit(run):
    with pytest.raises(TimeoutError, match="before the time limit. None"):
        run(time_limit=1e-6)


def build(hp):
    model = keras.Sequential([keras.layers.Dense(hp.Int("units", 1, 3))])
    model.compile("sgd", "mse", metrics=["mae"])
    return model


@pytest.mark.computing
def test_a_function_that_fit_trains(run, tmp_path):
    data = (*toy.DATA, np.ones(4))
    result = search(
        build,
        lambda: data,
        toy.DATA,
        objective="val_mae",
        max_trials=2,
        epochs=2,
        directory=tmp_path / "s",
    )
    assert result.best["score"] >= 0
    assert list(tmp_path.glob("s/trial_*/checkpoint.weights.h5"))


class Rounds(keras_tuner.HyperModel):
    """Writes down what each trial starts with, and with what it ends."""

    def __init__(self):
        super().__init__()
        self.kernels = []

    def build(self, hp):
        layers = [keras.Input((2,)), keras.layers.Dense(hp.Int("units", 1, 99))]
        model = keras.Sequential(layers)
        model.compile("sgd", "mse")
        return model

    def fit(self, hp, model, *args, **kwargs):
        kernel = np.array(model.layers[0].kernel)
        model.layers[0].kernel.assign(kernel + 1)
        self.kernels.append((dict(hp.values), kernel))
        return {"val_accuracy": hp.values["units"], "epochs": kwargs["epochs"]}


@pytest.mark.parametrize(
    "most",
    [
        (5, 10),
        pytest.param((9, 20), marks=pytest.mark.long),
        (12, 6, 12),
        pytest.param((4, None), marks=pytest.mark.long),
    ],
)
def test_a_grid_is_extended_and_cut(run, tmp_path, most):
    for number in most:
        result = run(tuner="grid", max_trials=number)
    found = [row["hyperparameters"] for row in result.rows]
    assert len(found) == len({str(sorted(v.items())) for v in found})
    if number is not None:
        assert len(found) == max(most)
        whole = run(
            tuner="grid", directory=tmp_path / "whole", max_trials=max(most)
        )
        assert all(row["hyperparameters"] in found for row in whole.rows)


def test_a_grid_goes_on_behind_a_trial_that_failed_early(run, tmp_path):
    class Late(toy.Toy):
        def fit(self, hp, model, *args, **kwargs):
            hp.Choice("batch_size", [8, 16])
            return super().fit(hp, model, *args, **kwargs)

        def build(self, hp):
            model = super().build(hp)
            if hp.values["units"] == 2 and self.fault is None:
                raise MemoryError("no room")
            return model

    options = {"tuner": "grid", "max_trials": None}
    space = keras_tuner.HyperParameters()
    space.Choice("units", [1, 2, 3])
    space.Fixed("kind", "plain")
    space.Fixed("rate", 0.1)
    with warnings.catch_warnings():
        # Of a build that fails while the space is explored.
        warnings.simplefilter("ignore")
        run(Late(), hyperparameters=space, **options)
    units = [v["units"] for v in values(tmp_path)]
    assert set(units) == {1, 2, 3}


class Worsening(keras_tuner.HyperModel):
    """Trains by a `fit` of its own, as KerasTuner's guide has it.

    The kernel counts the epochs, and the objective is best in epoch `best`.
    """

    def __init__(self, best=1, first=0.0, epochs=4):
        super().__init__()
        self.best, self.first, self.epochs = best, first, epochs

    def build(self, hp):
        hp.Int("units", 1, 99)
        layer = keras.layers.Dense(
            1, use_bias=False, kernel_initializer="zeros"
        )
        model = keras.Sequential([keras.Input((1,)), layer])
        model.compile("sgd", "mse")
        return model

    def fit(self, hp, model, *args, callbacks=(), **kwargs):
        history = keras.callbacks.History()
        for callback in (history, *callbacks):
            callback.set_model(model)
            callback.on_train_begin()
        for epoch in range(self.epochs):
            model.layers[0].kernel.assign([[epoch + 1.0]])
            value = self.first if epoch == 0 else -abs(epoch - self.best)
            logs = {"loss": 1.0, "val_accuracy": float(value)}
            for callback in (history, *callbacks):
                callback.on_epoch_end(epoch, dict(logs))
        return history


def kept(hypermodel, result):
    return float(result.best_model(hypermodel).layers[0].kernel[0, 0])


@pytest.mark.parametrize("first", [-9.0, math.nan])
def test_the_weights_are_of_the_epoch_that_is_scored(run, first):
    hypermodel = Worsening(best=2, first=first)
    result = run(hypermodel, max_trials=1)
    assert result.best["score"] == 0
    assert kept(hypermodel, result) == 3  # epochs count from 0


def test_of_two_phases_the_second_counts(run):
    class Phases(Worsening):
        def fit(self, *args, **kwargs):
            self.best, self.first = 0, 9.0
            super().fit(*args, **kwargs)
            self.best, self.first = 2, -9.0
            return super().fit(*args, **kwargs)

    hypermodel = Phases()
    result = run(hypermodel, max_trials=1)
    assert result.best["score"] == 0 and kept(hypermodel, result) == 3


@pytest.mark.parametrize("told, kernel", [(max, 2), (lambda values: 7.0, 4)])
def test_a_number_is_of_the_epoch_that_had_it(run, told, kernel):
    class Told(Worsening):
        def fit(self, *args, **kwargs):
            history = super().fit(*args, **kwargs).history
            return told(history["val_accuracy"])

    hypermodel = Told(first=-9.0)
    assert kept(hypermodel, run(hypermodel, max_trials=1)) == kernel


def test_who_tells_all_numbers_has_judged_the_last_weights(run):
    class Judged(Worsening):
        def metric_names(self):
            return {"val_accuracy"}

        def fit(self, *args, **kwargs):
            super().fit(*args, **kwargs)
            return {"val_accuracy": 0.0}

    hypermodel = Judged()
    assert kept(hypermodel, run(hypermodel, max_trials=1)) == 4


def test_weights_of_an_interrupted_run_are_not_kept(run, tmp_path):
    class Elsewhere(toy.Toy):
        def fit(self, hp, model, *args, **kwargs):
            model.built = False
            return 0.5

    with pytest.raises(Stop):
        run(toy.Toy(fault=stop_at(2)), max_trials=2)
    weights = tmp_path / "s" / "trial_1" / "checkpoint.weights.h5"
    weights.write_text("of the interrupted run")
    run(Elsewhere(), max_trials=2)
    assert not weights.exists()


def test_a_round_without_earlier_weights_says_so(run, tmp_path):
    class Lost(toy.Toy):
        def fit(self, hp, model, *args, **kwargs):
            for path in (tmp_path / "s").glob("*/checkpoint.weights.h5"):
                path.unlink()
            return super().fit(hp, model, *args, **kwargs)

    result = run(Lost(), tuner="hyperband", **TUNERS["hyperband"])
    reasons = {trial.reason for trial in result.unfinished}
    assert reasons and all("which is missing" in reason for reason in reasons)


class Once(keras.callbacks.Callback):
    """Logs a metric of its own after the last epoch alone."""

    def on_epoch_end(self, epoch, logs=None):
        if epoch == self.params["epochs"] - 1:
            logs["once"] = 1.0


def test_a_metric_of_one_epoch_hides_no_other(tmp_path):
    data = (np.ones((4, 2), "float32"), np.ones((4, 1), "float32"))
    scores = [
        search(
            build,
            data,
            data,
            objective="loss",
            epochs=2,
            max_trials=1,
            directory=tmp_path / name,
            callbacks=callbacks,
        ).best["score"]
        for name, callbacks in (("with", [Once()]), ("without", []))
    ]
    assert scores[0] == pytest.approx(scores[1])


def test_validation_may_be_rare(run):
    options = {"validation_freq": 2}
    result = run(
        build, objective="val_mae", epochs=4, max_trials=1, fit_options=options
    )
    assert result.best["score"] >= 0


def test_the_validation_data_may_be_a_part(tmp_path):
    data = (np.ones((4, 2), "float32"), np.ones((4, 1), "float32"))
    result = search(
        build,
        data,
        objective="val_mae",
        max_trials=1,
        fit_options={"validation_split": 0.5},
        directory=tmp_path / "s",
    )
    assert result.best["score"] >= 0


def test_other_arguments_of_fit_are_refused(run, tmp_path):
    weights = {"class_weight": {0: np.float32(1), 1: 3.0}}
    given = {"max_trials": 1, "fit_options": weights}
    for _ in range(2):
        run(**given, callbacks=[keras.callbacks.TerminateOnNaN()])
    with pytest.raises(ValueError, match=r"callbacks was \['Term.* now None"):
        run(**given)
    weights["class_weight"][0] = 2.0
    words = r"fit_options was .*\{'0': 1.0, '1': 3.0\}.* is now .*\{'0': 2.0"
    with pytest.raises(ValueError, match=words):
        run(**given, callbacks=[keras.callbacks.TerminateOnNaN()])


def test_what_a_killed_search_left_is_swept_up(run, tmp_path):
    run(max_trials=1)
    folder = tmp_path / "s"
    (folder / "jobs").mkdir()
    (folder / "jobs" / "dead.job").write_text("images")
    half = folder / "trial_0" / ".checkpoint.weights.h5.abc"
    half.mkdir()
    (half / "checkpoint.weights.h5").write_text("half")
    mine = folder / "trial_0" / ".notes.abc"
    others = folder / "retraining"
    for path in (mine, others):
        path.mkdir()
    run(max_trials=2)
    assert not (folder / "jobs").exists() and not half.exists()
    assert mine.exists() and others.exists()
    run(max_trials=1, overwrite=True)
    assert mine.exists() and not others.exists()


def test_nothing_stays_in_the_folder_for_scratch(run, tmp_path, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        run(max_trials=1)
        gc.collect()
    assert not [w for w in caught if issubclass(w.category, ResourceWarning)]
    assert not list(scratch.iterdir())


def test_retries_are_no_deaths(run, tmp_path):
    def fault(hp, value):
        raise OSError("the disk is busy")

    with pytest.raises(RuntimeError, match="OSError: the disk is busy"):
        run(toy.Toy(fault=fault), max_trials=1, max_retries_per_trial=5)
    (trial,) = trials(tmp_path)
    assert trial["message"].startswith("OSError: the disk is busy")


def test_a_fatal_error_is_no_death(run, tmp_path):
    run(max_trials=1)

    def fault(hp, value):
        raise keras_tuner.errors.FatalValueError("wrong data")

    for _ in range(4):
        with pytest.raises(ValueError, match="wrong data"):
            run(toy.Toy(fault=fault), max_trials=2)
    run(max_trials=2)
    assert statuses(tmp_path) == ["COMPLETED"] * 2


@pytest.mark.parametrize("anew", [True, False])
def test_a_trial_that_was_given_up_writes_nothing(run, tmp_path, anew):
    folder = Folder(tmp_path / "s")

    def fault(hp, value):
        # As when the search has ended on another machine, and begun anew.
        folder.end("0")
        if anew:
            folder.begin("0")
        return value

    with pytest.raises(RuntimeError, match="It was given up"):
        run(toy.Toy(fault=fault), max_trials=1)
    assert not folder.trial("0", "checkpoint.weights.h5").exists()


def test_the_first_trial_may_be_the_one_that_dies(run, tmp_path):
    with pytest.raises(Stop):
        run(toy.Toy(fault=stop_at(1)))
    # As if the process had been killed, each time, before it could say so.
    (tmp_path / "s" / "trial_0" / "starts").write_text("a\nb\nc\n")
    result = run()
    assert statuses(tmp_path) == ["FAILED"] + ["COMPLETED"] * 4
    assert "died 3 times" in result.unfinished[0].reason


def test_later_rounds_build_what_has_no_input_too(run, tmp_path):
    def build(hp):
        model = keras.Sequential([keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(hp.Float("rate", 0.01, 0.1)), "mse")
        return model

    # Two trials, and the better one goes on: the first of two brackets.
    options = {"epochs": 2, "factor": 2, "max_trials": 3}
    with pytest.warns(UserWarning, match="max_trials=3 cuts it"):
        run(build, objective="val_loss", tuner="hyperband", **options)
    assert statuses(tmp_path) == ["COMPLETED"] * 3
    assert "tuner/trial_id" in values(tmp_path)[2]


@pytest.mark.computing
def test_later_rounds_go_on_from_earlier_ones(run, tmp_path):
    hypermodel = Rounds()
    run(hypermodel, tuner="hyperband", **TUNERS["hyperband"])
    ended = {}
    for trial, (values, kernel) in zip(
        trials(tmp_path), hypermodel.kernels, strict=True
    ):
        assert trial["hyperparameters"]["values"] == values
        ended[trial["trial_id"]] = kernel + 1
        if "tuner/trial_id" in values:
            np.testing.assert_array_equal(
                kernel, ended[values["tuner/trial_id"]]
            )
    assert sum("tuner/trial_id" in v for v, _ in hypermodel.kernels) >= 3


def test_an_objective_that_no_epoch_has(run, tmp_path):
    message = "Available: loss, mae, val_loss, val_mae"
    with pytest.raises(ValueError, match=message):
        run(build, objective="val_accuracy", epochs=50)


@pytest.mark.parametrize(
    "options, words",
    [
        ({"hypermodel": 3}, "argument hypermodel"),
        ({"tuner": "genetic"}, "'random', 'grid'"),
        ({"tuner": toy.Toy}, "argument tuner"),
        ({"objective": "val_mood"}, "keras_tuner.Objective"),
        ({"max_trials": 0}, "argument max_trials"),
        ({"epochs": -1}, "argument epochs"),
        ({"seed": -1}, "argument seed"),
        ({"time_limit": 0}, "argument time_limit"),
        ({"workers": 0}, "argument workers"),
        ({"client": "tcp://host:8786"}, r"distributed\.Client, such as"),
        ({"overwrite": 1}, "argument overwrite"),
        ({"project_name": "x"}, "use directory"),
        ({"max_consecutive_failed_trials": 3}, "end no search"),
        ({"callbacks": [(n for n in ())]}, "cannot be copied"),
        ({"callbacks": keras.callbacks.Callback()}, "a list or tuple of keras"),
        ({"fit_options": {"callbacks": []}}, "fit_options: use callbacks="),
        ({"fit_options": {"validation_data": 1}}, "use validation="),
    ],
)
def test_bad_arguments(run, tmp_path, options, words):
    with pytest.raises(ValueError, match=words):
        run(**options)
    assert not (tmp_path / "s").exists()


def test_an_objective_without_validation_data(tmp_path):
    with pytest.raises(ValueError, match="validation=None"):
        search(build, toy.DATA, directory=tmp_path / "s")


def test_an_oracle_of_ones_own(run, tmp_path):
    class Mine(keras_tuner.Oracle):
        def populate_space(self, trial_id):
            values = {"units": 1 + int(trial_id) % 4, "kind": "plain"}
            return {"status": "RUNNING", "values": {**values, "rate": 0.1}}

    def made(seed=4):
        return Mine("val_accuracy", max_trials=3, seed=seed)

    with pytest.raises(Stop):
        run(toy.Toy(fault=stop_at(2)), tuner=made())
    assert len(run(tuner=made()).rows) == 3
    assert [v["units"] for v in values(tmp_path)] == [1, 2, 3]
    with pytest.raises(ValueError, match="brings its own options"):
        run(tuner=made(), factor=3)


def test_a_folder_without_a_search_of_ours(run, tmp_path):
    tuner = keras_tuner.RandomSearch(
        toy.Toy(), "val_accuracy", 1, directory=tmp_path, project_name="s"
    )
    tuner.oracle.save()
    with pytest.raises(ValueError, match=r"no readable search\.json"):
        run()
    run(overwrite=True)
    assert SearchResult(tmp_path / "s").objective == "val_accuracy"


def test_many_changes_are_counted(run):
    run(max_trials=1)

    class Other(toy.Toy):
        def build(self, hp):
            for number in range(7):
                hp.Boolean(f"more{number}")
            return super().build(hp)

    with pytest.raises(ValueError, match="started otherwise") as caught:
        run(Other())
    _, *lines, _, last = str(caught.value).splitlines()
    assert len(lines) == 5
    assert "\n  ... and 2 more\n" in str(caught.value)
    assert "overwrite=True" in last


def test_a_resumed_search_says_so(run, capsys):
    run(max_trials=2)
    capsys.readouterr()
    run(max_trials=3)
    first, *others = capsys.readouterr().out.splitlines()
    assert first == "The search goes on: 2 of 3 trials are from before."
    assert len(others) == 1
