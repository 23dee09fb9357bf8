import functools
import inspect
import json
import pickle
import pydoc
import re
import shutil
import warnings

import keras
import keras_tuner
import numpy as np
import pytest
from choice import first
from example_search import example_search

from keras_attention.tuning import SearchResult
from keras_attention.tuning.engine.job import as_hypermodel
from keras_attention.tuning.result import retraining
from keras_attention.tuning.result.rebuilding import SeedJob
from keras_attention.tuning.result.rebuilding import fresh_config
from keras_attention.tuning.result.rebuilding import train_seed


def build(hp):
    """A linear model, trained with the learning rate of the search."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(2, activation="softmax")]
    )
    model.compile(
        keras.optimizers.SGD(hp.Float("learning_rate", 1e-5, 1e-1)),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


class Seeded(keras_tuner.HyperModel):
    """Sets a seed of its own, and notes what it is given."""

    def __init__(self):
        super().__init__()
        self.seed, self.seeds, self.folds = 7, 5, None
        self.fits, self.values = [], []

    def build(self, hp):
        keras.utils.set_random_seed(self.seed)
        self.values.append(dict(hp.values))
        return build(hp)

    def fit(self, hp, model, *args, **kwargs):
        self.fits.append((self.seed, self.seeds, {*kwargs}))
        kwargs["batch_size"] = 8
        return model.fit(*args, **kwargs)


@pytest.fixture(scope="module")
def result():
    return SearchResult(example_search(trials=4))


def data(seed, count=64):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(count, 4)).astype("float32")
    return x, (x.sum(-1) > 0).astype("int32")


def retrain(result, hypermodel=build, **options):
    options = {"train": data(0), "test": data(1), **options}
    return result.retrain(hypermodel=hypermodel, **options)


def test_fresh_seeds_beside_the_score_of_the_search(result):
    fresh = retrain(result)
    assert [row["seed"] for row in fresh.rows] == [0, 1, 2]
    values = [row["accuracy"] for row in fresh.rows]
    assert fresh.values == values
    assert len({row["loss"] for row in fresh.rows}) == 3
    assert fresh.mean == pytest.approx(np.mean(values))
    assert fresh.spread == pytest.approx(np.ptp(values))
    assert fresh.search_score == result.best["score"]
    gap = result.best["score"] - np.mean(values)
    assert fresh.optimism == pytest.approx(gap)
    text = str(fresh)
    header = text.splitlines()[0].split()
    assert header == ["seed", "test", "accuracy", "seconds"]
    assert f"the search had val_accuracy {result.best['score']:.4g}, " in text
    assert "validation images are not test images" in text
    assert "<table>" in fresh._repr_html_()


def test_other_values_are_compared_with_the_winner(result):
    hypermodel = Seeded()
    values = {**result.best["hyperparameters"], "learning_rate": 0.05}
    fresh = retrain(result, hypermodel, values=values, seeds=(3,))
    assert hypermodel.values == [values]
    # The search has no score of theirs.
    assert (fresh.search_score, fresh.optimism) == (None, None)
    assert "search" not in str(fresh)


def test_data_as_dictionaries(result):
    x, y = data(1)
    named = {"image": x, "label": y, "mask": np.zeros_like(x)}
    fresh = retrain(result, test=named, seeds=(0,))
    assert fresh.values == retrain(result, test=(x, y), seeds=(0,)).values


def test_data_with_weights(result):
    weighed = (*data(1), np.zeros(64, "float32"))
    fresh = retrain(result, train=weighed, test=weighed, seeds=(0,))
    assert fresh.rows[0]["loss"] == 0 != retrain(result).rows[0]["loss"]


def test_a_hypermodel_gets_the_winner_fresh_seeds_and_validation(result):
    hypermodel = Seeded()
    fresh = retrain(result, hypermodel, seeds=(3, 4), validation=data(2))
    winner = result.best["hyperparameters"]
    assert hypermodel.values == [winner, winner]
    assert [(f[0], f[1]) for f in hypermodel.fits] == [(3, 1), (4, 1)]
    assert (hypermodel.seed, hypermodel.seeds) == (7, 5)
    assert "validation_data" in hypermodel.fits[0][2]
    assert fresh.rows[0]["loss"] != fresh.rows[1]["loss"]
    assert "exactly the same" not in str(fresh)
    # Luck is told from other images.
    values = [row["val_accuracy"] for row in fresh.rows]
    gap = result.best["score"] - np.mean(values)
    assert fresh.optimism == pytest.approx(gap)
    assert "on the same validation images" in str(fresh)


def test_a_seed_that_cannot_be_set_is_noticed(result):
    def fixed(hp):
        keras.utils.set_random_seed(0)
        return build(hp)

    assert "sets a seed of its own" in str(retrain(result, fixed))


def test_another_metric_than_the_objective(result, tmp_path):
    fresh = retrain(result, seeds=2, path=tmp_path / "a.keras", metric="loss")
    assert fresh.metric == "loss"
    assert fresh.optimism is None
    assert fresh.search_score == result.best["metrics"]["val_loss"]
    # Its name tells that a smaller one is better.
    assert fresh.values[fresh.kept_seed] == min(fresh.values)
    with pytest.raises(ValueError, match="'mood'.*odd number of seeds"):
        retrain(result, seeds=2, path=tmp_path / "b.keras", metric="mood")
    with pytest.raises(ValueError, match="argument metric: expected one of"):
        retrain(result, metric="auc")


def test_the_median_model_is_kept(result, tmp_path):
    path = tmp_path / "new" / "best.keras"
    fresh = retrain(result, seeds=(5, 6, 8), path=path, metric="loss")
    values = {row["seed"]: row["loss"] for row in fresh.rows}
    assert sorted(values.values())[1] == values[fresh.kept_seed]
    model = keras.saving.load_model(path)
    loss = model.evaluate(*data(1), verbose=0, return_dict=True)["loss"]
    assert loss == pytest.approx(values[fresh.kept_seed], rel=1e-5)
    assert [p.name for p in path.parent.iterdir()] == ["best.keras"]
    assert f"seed {fresh.kept_seed}, the median: {path}" in str(fresh)
    with pytest.raises(ValueError, match="argument path: expected a new file"):
        retrain(result, path=path)


@pytest.mark.parametrize("seeds", first(1, [4, 2]))
def test_of_a_loss_the_smaller_in_the_middle_is_kept(result, tmp_path, seeds):
    search = SearchResult(result.directory, "val_loss", "min")
    fresh = retrain(search, seeds=seeds, path=tmp_path / "best.keras")
    assert fresh.metric == "loss"
    assert fresh.optimism == pytest.approx(fresh.mean - fresh.search_score)
    middle = sorted(fresh.values)[seeds // 2 - 1 : seeds // 2 + 1]
    assert fresh.values[fresh.kept_seed] == middle[0] < middle[1]
    said = f"seed {fresh.kept_seed}, the better of the two in the middle"
    assert said in str(fresh)


def test_a_seed_without_a_number_is_no_median():
    rows = [{"seed": n, "x": x} for n, x in enumerate([np.nan, 0.9, 0.1, 0.5])]
    kept = [retraining._median_seed(rows, "x", way) for way in ("max", "min")]
    assert kept == [3, 3]
    rows = [row for row in rows if row["seed"]]
    kept = [
        retraining._median_seed([*rows, {"seed": 4, "x": 0.6}], "x", way)
        for way in ("max", "min")
    ]
    assert kept == [4, 3]  # of 0.5 and 0.6 the better


def test_how_many_seeds_and_none_is_kept(result):
    fresh = retrain(result, seeds=2)
    assert [row["seed"] for row in fresh.rows] == [0, 1]
    assert (fresh.path, fresh.kept_seed) == (None, None)


def test_one_seed_is_a_function_for_other_processes(result):
    config = fresh_config(result.winner())
    job = SeedJob(
        as_hypermodel(build),
        data(0),
        data(2),
        None,
        None,
        None,
        1,
        {},
        config=config,
        test=data(1),
        metric="accuracy",
    )
    row = train_seed(pickle.loads(pickle.dumps(job)), (3, None))
    fresh = retrain(result, seeds=(3,), validation=data(2), epochs=1)
    assert {**row, "seconds": 0} == {**fresh.rows[0], "seconds": 0}


def test_data_from_functions_and_data_sets(result):
    class Batches(keras.utils.PyDataset):
        def __len__(self):
            return 2

        def __getitem__(self, index):
            return data(index)

    later = functools.partial(data, 1)
    fresh = retrain(result, train=lambda: Batches(), test=later, seeds=[3])
    assert [row["seed"] for row in fresh.rows] == [3]
    retrain(result, train=Batches(), test=Batches(), seeds=[0])


def test_the_budget_of_hyperband_is_the_number_of_epochs(tmp_path):
    for path in example_search(tmp_path, trials=4).glob("trial_*/trial.json"):
        state = json.loads(path.read_text())
        own = {"tuner/epochs": 3, "tuner/initial_epoch": 2}
        state["hyperparameters"]["values"].update(own)
        path.write_text(json.dumps(state))
    seen = []

    class Epochs(Seeded):
        def fit(self, hp, model, *args, epochs=None, **kwargs):
            seen.append(epochs)
            # A fresh network has no first two epochs to go on from.
            assert "tuner/initial_epoch" not in hp.values
            return model.fit(*args, epochs=epochs, **kwargs)

    again = SearchResult(tmp_path)
    retrain(again, Epochs(), seeds=(0,))
    retrain(again, Epochs(), seeds=(0,), epochs=1)
    assert seen == [3, 1]


def test_another_hypermodel_than_that_of_the_search(result):
    def other(hp):
        hp.Int("depth", 1, 3)
        return build(hp)

    with pytest.raises(ValueError, match=r"also asks for \['depth'\]"):
        retrain(result, other)


def test_a_fit_that_trains_something_else(result):
    class Copies(Seeded):
        def fit(self, hp, model, *args, **kwargs):
            return build(hp).fit(*args, **kwargs)

    hypermodel = Copies()
    with pytest.raises(ValueError, match="one that left it untrained"):
        retrain(result, hypermodel)
    assert hypermodel.seed == 7


def test_bad_seeds_and_a_bad_path(result, tmp_path):
    for seeds in ((), (1, 1), (-1,), (0.5,), 0, 0.5):
        with pytest.raises(ValueError, match="argument seeds"):
            retrain(result, seeds=seeds)
    with pytest.raises(ValueError, match="argument path: expected a new file"):
        retrain(result, path=tmp_path / "model.h5")


def test_no_winner(tmp_path):
    (tmp_path / "oracle.json").write_text("{}")
    with pytest.raises(ValueError, match="No trial in"):
        retrain(SearchResult(tmp_path))


def test_a_hypermodel_that_cannot_draw_the_winner(result):
    class Checking(Seeded):
        def check_values(self, values):
            assert values == result.best["hyperparameters"]
            raise ValueError("Bad. Received: out of range: at='se'")

    with pytest.raises(ValueError, match="argument hypermodel.*: at='se'"):
        retrain(result, Checking())


def test_help_tells_every_argument():
    assert SearchResult.retrain is retraining.retrain
    text = pydoc.render_doc(SearchResult.retrain, renderer=pydoc.plaintext)
    for name in inspect.signature(SearchResult.retrain).parameters:
        assert re.search(rf"(?m)^ +(\*\*)?{name}: ", text), name


def test_everything_is_given_by_name(result):
    with pytest.raises(TypeError, match="positional argument"):
        result.retrain(build, data(0), data(1))
    with pytest.raises(TypeError, match="'hypermodel'.*'train'.*'test'"):
        result.retrain()


def build_adam(hp):
    """The same with an optimizer that has a state for every weight."""
    model = build(hp)
    rate = keras.optimizers.schedules.CosineDecay(hp["learning_rate"], 9)
    optimizer = keras.optimizers.Adam(rate)
    # A fixture of a module does without that of a function.
    options = {"metrics": ["accuracy"], "run_eagerly": True}
    model.compile(optimizer, model.loss, **options)
    return model


@pytest.fixture(scope="module")
def searched(tmp_path_factory):
    """A search that KerasTuner has run and kept the weights of."""
    tuner = keras_tuner.RandomSearch(
        build_adam,
        objective="val_accuracy",
        max_trials=2,
        directory=tmp_path_factory.mktemp("searched"),
        project_name="search",
    )
    tuner.search(*data(0), validation_data=data(2), epochs=2, verbose=0)
    return SearchResult(tuner.project_dir)


def test_the_best_model_has_the_score_of_the_search(searched):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = searched.best_model(build)
    rate = searched.best["hyperparameters"]["learning_rate"]
    assert float(model.optimizer.learning_rate) == pytest.approx(rate)
    found = model.evaluate(*data(2), verbose=0, return_dict=True)
    assert found["accuracy"] == pytest.approx(searched.best["score"])
    model.fit(*data(0), verbose=0)


def test_the_best_model_without_an_input(tmp_path):
    def deferred(hp):
        model = keras.Sequential(build(hp).layers)
        model.compile("sgd", "sparse_categorical_crossentropy")
        return model

    tuner = keras_tuner.RandomSearch(
        deferred, objective="loss", max_trials=1, directory=tmp_path
    )
    tuner.search(*data(0), verbose=0)
    model = SearchResult(tuner.project_dir).best_model(deferred)
    found = model.evaluate(*data(0), verbose=0, return_dict=True)
    assert found["loss"] > 0


def test_weights_that_are_missing_are_named(result):
    path = f"trial_{result.best['trial']}/checkpoint.weights.h5"
    with pytest.raises(FileNotFoundError, match=path):
        result.best_model(build)


def test_weights_that_are_damaged_are_named(searched, tmp_path):
    copy = shutil.copytree(searched.directory, tmp_path / "copy")
    folder = copy / f"trial_{searched.best['trial']}"
    (folder / "checkpoint.weights.h5").write_bytes(b"nothing")
    with pytest.raises(ValueError, match="checkpoint.weights.h5 is damaged"):
        SearchResult(copy).best_model(build)


def test_the_best_model_of_another_hypermodel(searched):
    def other(hp):
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
        model.compile(keras.optimizers.SGD(hp.Float("learning_rate", 0, 1)))
        return model

    def more(hp):
        hp.Int("depth", 1, 3)
        return build(hp)

    with pytest.raises(ValueError, match="hypermodel.*has the weights of"):
        searched.best_model(other)
    with pytest.raises(ValueError, match=r"also asks for \['depth'\]"):
        searched.best_model(more)
