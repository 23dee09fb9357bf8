"""Networks, optimizers and schedules of a subclass, a function, a callback."""

import keras
import keras_tuner
import numpy as np
import pytest
from small import TRAINING
from small import fit
from small import make_arrays
from small import make_base
from small import make_hypermodel

from keras_attention.tuning import AttentionHyperModel

PLAIN = {"pool_attention": "none"}
CONSTANT = {"schedule": "constant", "warm_up": 0.0}
BUILT = []


class Own(AttentionHyperModel):
    """Its network in the space's attention, its optimizer whatever is drawn."""

    def build(self, hp):
        model = super().build(hp)
        rate = hp.Choice("own_rate", [1e-4, 1e-3])
        model.compile(
            keras.optimizers.Lion(rate),
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
        )
        BUILT.append(model)
        return model


def make_own(**kwargs):
    choices = {**TRAINING, "reduction_ratio": 2}
    return Own(
        base=make_base(),
        mechanisms="se",
        places="pool",
        choices=choices,
        epochs=1,
        batch_size=4,
        **kwargs,
    )


def rates():
    found = [float(model.optimizer.learning_rate) for model in BUILT]
    return [type(model.optimizer).__name__ for model in BUILT], found


@pytest.mark.parametrize(
    "repeats",
    [{"seeds": 2}, pytest.param({"folds": 2}, marks=pytest.mark.long)],
)
def test_every_repeat_trains_what_a_subclass_builds(repeats):
    BUILT.clear()
    x, y = make_arrays(4)
    data = {} if "folds" in repeats else {"validation_data": (x, y)}
    hypermodel = make_own(**repeats)
    _, results = fit(hypermodel, PLAIN, x, y, **data)
    kinds, found = rates()
    assert kinds == ["Lion", "Lion"]
    assert found == pytest.approx([1e-4, 1e-4])
    assert all(int(model.optimizer.iterations) for model in BUILT)
    assert hypermodel.seed == 0 and "val_accuracy_spread" in results


def test_values_are_built_by_the_subclass():
    BUILT.clear()
    hypermodel = make_own()
    values = {**PLAIN, "own_rate": 1e-3}
    one, other = (hypermodel.build_from_values(values, seed=s) for s in (0, 1))
    assert rates() == (["Lion", "Lion"], pytest.approx([1e-3, 1e-3]))
    assert hypermodel.seed == 0
    # Of a base with weights, attention alone differs.
    values = {"pool_attention": "se", "own_rate": 1e-3}
    one, other = (hypermodel.build_from_values(values, seed=s) for s in (0, 1))
    kernels = [m.get_layer("pool_se").get_weights()[1] for m in (one, other)]
    assert (kernels[0] != kernels[1]).any()
    with pytest.raises(ValueError, match="missing: own_rate"):
        hypermodel.check_values(PLAIN)
    with pytest.raises(ValueError, match="unknown: rate"):
        hypermodel.check_values({**values, "rate": 1.0})
    assert hypermodel.space_size() is None
    assert hypermodel.describe_space().startswith(
        "Hyperparameters: 2; combinations: 4."
    )


def test_a_learning_rate_that_a_subclass_sets_stays():
    class Slower(AttentionHyperModel):
        def build(self, hp):
            model = super().build(hp)
            model.optimizer.learning_rate = 0.5
            return model

    x, y = make_arrays(4)
    hypermodel = Slower(base=make_base(), places="pool", epochs=1)
    values = {**PLAIN, "adamw_learning_rate": 0.001}
    model, _ = fit(hypermodel, values, x, y, validation_data=(x, y))
    assert float(model.optimizer.learning_rate) == 0.5


def test_a_subclass_has_labels_of_its_own():
    class OneHot(AttentionHyperModel):
        def build(self, hp):
            model = super().build(hp)
            model.compile("sgd", "categorical_crossentropy")
            return model

    x, y = make_arrays(4)
    y = np.eye(2)[y]
    hypermodel = OneHot(base=make_base(), places="pool", epochs=1)
    data = {"validation_data": (x, y), "class_weight": {0: 2.0}}
    _, results = fit(hypermodel, PLAIN, x, y, **data)
    assert results["val_loss"] > 0


def test_a_fit_that_trains_twice_has_two_schedules():
    x, y = make_arrays(4)
    hypermodel = make_hypermodel(epochs=1)
    hp = keras_tuner.HyperParameters()
    hp.values = dict(PLAIN)
    model = hypermodel.build(hp)
    seen = [model.get_weights()[0]]
    for _ in range(2):
        hypermodel.fit(hp, model, x, y, validation_data=(x, y), verbose=0)
        seen.append(model.get_weights()[0])
    assert (seen[0] != seen[1]).any() and (seen[1] != seen[2]).any()


def test_an_optimizer_of_a_function_draws_for_itself():
    def make(hp):
        decay = hp.Choice("decay", [0.0, 0.1])
        return keras.optimizers.Lion(1e-4, weight_decay=decay)

    hypermodel = AttentionHyperModel(
        base=make_base(),
        mechanisms="se",
        places="pool",
        choices={"optimizer": make},
        epochs=1,
        seeds=2,
    )
    assert hypermodel.space_size() == 2 * 2
    x, y = make_arrays(4)
    values = {"pool_attention": "se", "decay": 0.1}
    model, results = fit(hypermodel, values, x, y, validation_data=(x, y))
    assert isinstance(model.optimizer, keras.optimizers.Lion)
    assert model.optimizer.weight_decay == 0.1
    assert float(model.optimizer.learning_rate) == pytest.approx(1e-4)
    assert "val_loss_seed1" in results
    for name in ("learning_rate", "warm_up", "lion_learning_rate"):
        with pytest.raises(ValueError, match=f"choices of '{name}'"):
            AttentionHyperModel(
                base=make_base(), choices={"optimizer": make, name: 0.1}
            )


def test_any_optimizer_is_trained():
    x, y = make_arrays(4)
    hypermodel = make_hypermodel(choices={"optimizer": ["lion", "nadam"]})
    values = {**PLAIN, "optimizer": "lion"}
    model, _ = fit(hypermodel, values, x, y, validation_data=(x, y), epochs=1)
    assert isinstance(model.optimizer, keras.optimizers.Lion)


def test_without_a_schedule_a_callback_may_set_the_rate():
    x, y = make_arrays(4)
    # Nothing improves by a huge loss of accuracy: after an epoch it acts.
    plateau = keras.callbacks.ReduceLROnPlateau(
        "val_loss", factor=0.5, patience=1, min_delta=1e9
    )
    hypermodel = make_hypermodel(choices=CONSTANT, epochs=3)
    model, _ = fit(
        hypermodel, PLAIN, x, y, validation_data=(x, y), callbacks=[plateau]
    )
    rate = TRAINING["learning_rate"]
    assert float(model.optimizer.learning_rate) == pytest.approx(rate / 4)


@pytest.mark.parametrize(
    "callback",
    [
        keras.callbacks.ReduceLROnPlateau(),
        keras.callbacks.LearningRateScheduler(lambda epoch: 0.1),
    ],
)
def test_beside_a_schedule_it_is_refused_before_training(callback):
    x, y = make_arrays(4)
    # Though this trial has none: another would.
    hypermodel = make_hypermodel(
        choices={"schedule": ["constant", "cosine"], "warm_up": 0.0}
    )
    values = {**PLAIN, "schedule": "constant"}
    name = type(callback).__name__
    message = f"{name}.*'schedule': 'constant', 'warm_up': 0.0"
    hp = keras_tuner.HyperParameters()
    hp.values = values
    model = hypermodel.build(hp)
    with pytest.raises(keras_tuner.errors.FatalError, match=message):
        hypermodel.fit(
            hp, model, x, y, validation_data=(x, y), callbacks=[callback]
        )
    assert int(model.optimizer.iterations) == 0


def test_tuners_of_keras_tuner_take_a_subclass(tmp_path):
    BUILT.clear()
    tuner = keras_tuner.RandomSearch(
        make_own(),
        objective="val_accuracy",
        max_trials=1,
        directory=tmp_path,
        seed=0,
    )
    x, y = make_arrays(4)
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    (trial,) = tuner.oracle.trials.values()
    assert trial.status == "COMPLETED"
    assert "own_rate" in trial.hyperparameters.values
    assert {*rates()[0]} == {"Lion"}


def test_the_default_space_is_small():
    hypermodel = AttentionHyperModel(
        (32, 32, 1), 2, choices={"width_multiplier": 1 / 64}
    )
    hp = keras_tuner.HyperParameters()
    hypermodel.space(hp)
    assert [parameter.name for parameter in hp.space] == [
        "block3_attention",
        "block4_attention",
        "block5_attention",
        "adamw_learning_rate",
    ]
    count = len(hp.space[0].values)
    assert hypermodel.describe_space().endswith(
        f"the {count} values of block3_attention, three trials of each, takes "
        f"{3 * count}."
    )
