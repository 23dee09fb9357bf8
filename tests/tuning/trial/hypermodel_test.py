"""Trials: what is built, how it is trained, and what is told of it."""

import importlib
import math
import sys

import cloudpickle
import keras
import keras_tuner
import numpy as np
import pytest
from choice import first
from small import SE
from small import TRAINING
from small import fit
from small import make_arrays
from small import make_base
from small import make_examples
from small import make_hypermodel

from keras_attention import alignments
from keras_attention import layers
from keras_attention.datasets import batches
from keras_attention.inspection.costs import count_costs
from keras_attention.tuning import LAYER_CHOICES
from keras_attention.tuning import AttentionHyperModel
from keras_attention.tuning import TooCostlyError
from keras_attention.tuning.space.combinations import enumerate_space


def assert_equal_weights(a, b):
    for one, other in zip(a.get_weights(), b.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


TUNERS = {
    "random": (keras_tuner.RandomSearch, {"max_trials": 2}),
    "grid": (keras_tuner.GridSearch, {"max_trials": 2}),
    "bayesian": (keras_tuner.BayesianOptimization, {"max_trials": 2}),
    "hyperband": (keras_tuner.Hyperband, {"max_epochs": 2, "factor": 2}),
}


@pytest.mark.parametrize(
    "kind",
    [
        "random",
        pytest.param("hyperband", marks=pytest.mark.long),
        pytest.param("grid", marks=pytest.mark.long),
        pytest.param("bayesian", marks=pytest.mark.long),
    ],
)
def test_all_tuners_take_it(kind, tmp_path):
    make, settings = TUNERS[kind]
    x, y = make_arrays()
    tuner = make(
        make_hypermodel(epochs=1),
        objective="val_accuracy",
        directory=tmp_path,
        seed=0,
        **settings,
    )
    tuner.search(x, y, validation_data=(x, y), verbose=0)
    trials = list(tuner.oracle.trials.values())
    assert len(trials) >= 2
    for trial in trials:
        assert trial.status == "COMPLETED", trial.message
        assert trial.metrics.exists("flops")
        assert trial.metrics.exists("seconds")
    (model,) = tuner.get_best_models()
    assert model.output_shape == (None, 2)


def test_vgg16_bn_is_tapped_and_trained():
    hypermodel = AttentionHyperModel(
        (32, 32, 1),
        2,
        mechanisms=["gate", "uniform", "se"],
        places=["block3", "block4_relu3", "block5"],
        choices={
            **dict.fromkeys(LAYER_CHOICES),
            "gate_key_dim": [32, 64],
            "dropout": [0.0, 0.2, 0.5],
            "width_multiplier": [1 / 64, 1 / 32],
            **TRAINING,
        },
        epochs=1,
    )
    values = {
        "width_multiplier": 1 / 32,
        "dropout": 0.5,
        "block3_attention": "gate",
        "block3_gate_key_dim": 32,
        "block3_gate_alignment": "softmax",
        "block3_gate_temperature": 0.3,
        "block3_gate_aggregation": "weighted_sum",
        "block4_relu3_attention": "uniform",
        "block5_attention": "none",
    }
    x = np.random.default_rng(0).uniform(size=(8, 32, 32, 1))
    y = np.arange(8) % 2
    model, results = fit(hypermodel, values, x, y, validation_data=(x, y))
    gate = model.get_layer("block3_pool_gate")
    assert (gate.key_dim, gate.alignment.temperature) == (32, 0.3)
    assert model.get_layer(
        "block4_relu3_global_average_pooling2d"
    ).output.shape == (None, 16)
    assert model.get_layer("dropout").rate == 0.5
    assert results["parameters"] == model.count_params()
    # Two widths, three dropouts.
    places = [count_at(hypermodel, place) for place in hypermodel.options]
    assert hypermodel.space_size() == 2 * 3 * np.prod(places)


def count_at(hypermodel, place):
    """Combinations at one place: `"none"`, and those of every mechanism."""
    count = 1
    for what in hypermodel.options[place].values():
        count += math.prod(
            sum(
                math.prod(
                    len(child.values)
                    for child in what
                    if child.parent == argument.name
                    and value in child.parent_values
                )
                for value in argument.values
            )
            for argument in what
            if argument.parent is None
        )
    return count


def test_tuner_builds_one_network_to_know_the_space(tmp_path):
    hypermodel = make_hypermodel(choices={"reduction_ratio": [2, 4]})
    builds, build = [], hypermodel.base.build
    hypermodel.base.build = lambda *args: builds.append(1) or build(*args)
    tuner = keras_tuner.RandomSearch(
        hypermodel, objective="val_loss", directory=tmp_path
    )
    names = {parameter.name for parameter in tuner.oracle.get_space().space}
    assert names == {
        "pool_attention",
        "pool_se_reduction_ratio",
        "pool_se_identity_init",
        "pool_cbam_spatial_identity_init",
    }
    assert len(builds) == 1


def test_every_configuration_of_a_small_space_can_be_built():
    hypermodel = make_hypermodel(places=["conv", "pool"])
    found = list(enumerate_space(hypermodel.space))
    assert len(found) == hypermodel.space_size() == (1 + 2 + 2) ** 2
    for values in found:
        model = hypermodel.build_from_values(values)
        attention = [
            layer
            for layer in model.layers
            if isinstance(layer, layers.AttentionLayer2D)
        ]
        kinds = [v for v in values.values() if isinstance(v, str)]
        assert len(attention) == len(kinds) - kinds.count("none")
        starts = [v for v in values.values() if isinstance(v, bool)]
        assert sorted(starts) == sorted(a.identity_init for a in attention)


def test_starts_from_the_weights_of_the_base():
    base = make_base()
    x, _ = make_arrays()
    expected = base.predict(x, verbose=0)
    model = make_hypermodel(base).build_from_values(SE)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


@pytest.mark.computing
def test_same_values_same_numbers_of_the_model_after_training():
    hypermodel = make_hypermodel()
    x, y = make_arrays()
    (one, before), (model, results) = (
        fit(hypermodel, SE, x, y, validation_data=(x, y)) for _ in range(2)
    )
    assert_equal_weights(one, model)
    assert {**before, "seconds": 0} == {**results, "seconds": 0}
    kernels = [
        hypermodel.build_from_values(SE, seed)
        .get_layer("pool_se")
        .get_weights()
        for seed in (0, 1)
    ]
    assert (kernels[0][1] != kernels[1][1]).any()
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert results["val_accuracy"] == pytest.approx(found["accuracy"])
    assert results["val_loss"] == pytest.approx(found["loss"], rel=1e-4)
    costs = count_costs(model).total
    assert results["flops"] == costs.flops
    assert results["parameters"] == model.count_params()
    assert results["accuracy_per_gflop"] == pytest.approx(
        results["val_accuracy"] / (costs.flops / 1e9)
    )
    assert results["seconds"] > 0
    assert {"loss", "accuracy"} <= set(results)
    assert all(isinstance(value, float) for value in results.values())


@pytest.mark.long
def test_last_epoch_or_best_epoch():
    x, y = make_arrays()
    losses = {}

    class Losses(keras.callbacks.Callback):
        def on_epoch_end(self, epoch, logs):
            losses.setdefault(self.key, []).append(logs["val_loss"])

    for best in (None, "val_loss"):
        hypermodel = make_hypermodel(
            restore_best=best,
            epochs=4,
            choices={"learning_rate": 0.05, "schedule": "constant"},
        )
        record = Losses()
        record.key = best
        # The better it learns, the worse it does on turned labels.
        data = {"validation_data": (x, 1 - y), "callbacks": [record]}
        _, results = fit(hypermodel, SE, x, y, **data)
        told = min(losses[best]) if best else losses[best][-1]
        assert results["val_loss"] == pytest.approx(told, rel=1e-3)
    assert len(losses["val_loss"]) == 4
    assert 1.01 * min(losses["val_loss"]) < losses["val_loss"][-1]


@pytest.mark.long
def test_seeds_are_averaged_and_kept():
    x, y = make_arrays()
    data = {"validation_data": (x, y)}
    _, results = fit(make_hypermodel(seeds=2, epochs=1), SE, x, y, **data)
    told = [results["val_loss_seed0"], results["val_loss_seed1"]]
    assert told[0] != told[1]
    assert results["val_loss"] == pytest.approx(sum(told) / 2)
    assert results["val_loss_spread"] == pytest.approx(abs(told[0] - told[1]))
    assert "flops_spread" not in results
    _, alone = fit(make_hypermodel(seed=1, epochs=1), SE, x, y, **data)
    assert alone["val_loss"] == pytest.approx(told[1])


@pytest.mark.parametrize(
    "kind",
    [
        "arrays",
        pytest.param("dictionary", marks=pytest.mark.long),
        pytest.param("examples", marks=pytest.mark.long),
    ],
)
def test_folds_validate_every_image_once(kind, monkeypatch):
    x, y = make_arrays()
    train = {
        "arrays": (x, y),
        "dictionary": {"image": x, "label": y},
        "examples": make_examples(),
    }[kind]
    seen = []
    evaluate = keras.Model.evaluate

    def watched(self, x=None, y=None, **kwargs):
        if y is None:
            pairs = [x[index] for index in range(x.num_batches)]
            y_seen = np.concatenate([labels for _, labels in pairs])
            seen.append((sum(len(i) for i, _ in pairs), y_seen.mean()))
        else:
            seen.append((len(x), y.mean()))
        return evaluate(self, x, y, **kwargs)

    monkeypatch.setattr(keras.Model, "evaluate", watched)
    _, results = fit(make_hypermodel(folds=3, epochs=1), SE, train)
    # As many images of either class, in the epoch and after it.
    assert seen == [(4, 0.5)] * 6
    told = [results[f"val_accuracy_fold{fold}"] for fold in range(3)]
    assert results["val_accuracy"] == pytest.approx(np.mean(told))
    assert results["val_accuracy_spread"] == max(told) - min(told)


@pytest.mark.filterwarnings("error:.*shuffle")
def test_batches_keep_their_order():
    examples = make_examples()
    seen = []

    class Foreign(keras.utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return make_arrays()[0][:4], make_arrays()[1][:4]

    hypermodel = make_hypermodel(epochs=1)
    for train in (batches(examples, 4), Foreign(), make_arrays()):
        model = hypermodel.build(keras_tuner.HyperParameters())
        fit_once = model.fit
        model.fit = lambda *args, f=fit_once, **kwargs: (
            seen.append(kwargs.get("shuffle", True)) or f(*args, **kwargs)
        )
        validation = batches(examples, 4)
        hypermodel.fit(
            keras_tuner.HyperParameters(),
            model,
            train,
            validation_data=validation,
            verbose=0,
        )
    assert seen == [False, True, True]


@pytest.mark.long
def test_attention_on_the_object():
    examples = make_examples()
    train = batches(examples, 4, seed=0)
    validation = batches(examples, 4, supervised=False)
    spatial = {
        "pool_attention": "cbam_spatial",
        "pool_cbam_spatial_identity_init": False,
    }
    results = {}
    for name, values, data in (
        ("spatial", spatial, validation),
        ("channel", SE, validation),
        ("unknown", spatial, batches(examples, 4)),
    ):
        _, results[name] = fit(
            make_hypermodel(epochs=1), values, train, validation_data=data
        )
    assert 0 < results["spatial"]["attention_energy"] < 1
    assert "attention_energy" not in results["channel"]
    assert "attention_energy" not in results["unknown"]
    assert results["unknown"]["val_loss"] == pytest.approx(
        results["spatial"]["val_loss"], rel=1e-4
    )
    # The same batches of dictionaries to train on.
    keyed = batches(examples, 4, seed=0, supervised=False)
    _, again = fit(
        make_hypermodel(epochs=1), spatial, keyed, validation_data=validation
    )
    assert again["val_loss"] == results["spatial"]["val_loss"]


@pytest.mark.long
def test_hyperband_continues_the_schedule():
    hypermodel = make_hypermodel()
    x, y = make_arrays()
    hp = keras_tuner.HyperParameters()
    hp.values = {**SE, "tuner/epochs": 4, "tuner/initial_epoch": 2}
    epochs = []

    class Count(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            epochs.append(epoch)

    for kind in (hypermodel, make_hypermodel(seeds=2)):
        model = kind.build(hp)
        data = {"validation_data": (x, y), "verbose": 0}
        kind.fit(hp, model, x, y, callbacks=[Count()], **data)
        if kind is hypermodel:
            # 12 images in batches of 4, 4 epochs of which 2 are done.
            assert model.optimizer.learning_rate == 0.0
            schedule = model.optimizer._learning_rate
            assert (schedule.steps, schedule.start) == (12, 6)
    # Of several models, none but one could be continued.
    assert epochs == [2, 3] + 2 * [0, 1, 2, 3]


@pytest.mark.parametrize("repeats", first(1, [{"seeds": 2}, {"folds": 2}]))
def test_a_later_round_leaves_its_own_weights(repeats):
    hypermodel = make_hypermodel(epochs=1, **repeats)
    x, y = make_arrays()
    hp = keras_tuner.HyperParameters()
    hp.values = {**SE, "tuner/epochs": 2, "tuner/initial_epoch": 1}
    model = hypermodel.build(hp)
    data = {} if "folds" in repeats else {"validation_data": (x, y)}
    results = hypermodel.fit(hp, model, x, y, verbose=0, **data)
    if "seeds" in repeats:
        loss = model.evaluate(x, y, verbose=0, return_dict=True)["loss"]
        assert loss == pytest.approx(results["val_loss_seed0"])
    untrained = hypermodel.build(hp).get_weights()
    assert any(map(np.any, map(np.subtract, model.get_weights(), untrained)))


def test_several_labels_an_image():
    hypermodel = make_hypermodel(
        make_base("sigmoid", 3),
        multi_label=True,
        metrics=[keras.metrics.AUC(multi_label=True, name="auc")],
        epochs=1,
    )
    x, _ = make_arrays()
    y = np.random.default_rng(0).integers(0, 2, (12, 3)).astype("float32")
    _, results = fit(hypermodel, SE, x, y, validation_data=(x, y))
    assert 0 <= results["val_auc"] <= 1


@pytest.mark.long
def test_several_labels_an_image_in_folds():
    hypermodel = make_hypermodel(
        make_base("sigmoid", 3), multi_label=True, folds=2
    )
    x, _ = make_arrays()
    y = np.random.default_rng(0).integers(0, 2, (12, 3)).astype("float32")
    _, results = fit(hypermodel, SE, x, y)
    assert 0 < results["val_loss"] < 2


def test_logits_are_known_as_such():
    inputs = keras.Input((8, 8, 1))
    nested = keras.Sequential([inputs, make_base(None)])
    losses = [
        make_hypermodel(base, places=[place])
        .build_from_values({f"{place}_attention": "none"})
        .loss.get_config()["from_logits"]
        for base, place in (
            (make_base(None), "pool"),
            (make_base("softmax"), "pool"),
            (nested, f"{nested.layers[0].name}/pool"),
        )
    ]
    assert losses == [True, False, True]
    base = make_base(None, 3)
    with pytest.raises(ValueError, match=r"logits.*metrics=\['accuracy'\]"):
        make_hypermodel(base, multi_label=True)
    metrics = [keras.metrics.AUC(multi_label=True, from_logits=True)]
    make_hypermodel(base, multi_label=True, metrics=metrics)


def test_travels_to_another_process():
    for hypermodel in (
        make_hypermodel(metrics=["accuracy", keras.metrics.AUC()]),
        AttentionHyperModel(
            (32, 32, 1),
            2,
            mechanisms=["se"],
            choices={"width_multiplier": 1 / 64},
            max_overhead=0.5,
        ),
    ):
        copy = cloudpickle.loads(cloudpickle.dumps(hypermodel))
        hp = keras_tuner.HyperParameters()
        assert_equal_weights(hypermodel.build(hp), copy.build(hp))


THEIRS = """
from keras_attention import alignments, layers

@layers.register("theirs")
class Theirs(layers.SqueezeAndExcite2D):
    pass

@alignments.register("their_softmax")
class TheirSoftmax(alignments.SoftmaxAlignment):
    pass
"""


def test_takes_the_layers_of_others_along(tmp_path, monkeypatch):
    (tmp_path / "their_package.py").write_text(THEIRS)
    monkeypatch.syspath_prepend(tmp_path)
    registries = layers.registry, alignments.registry
    before = [dict(registry._entries) for registry in registries]

    def forget():
        for registry, entries in zip(registries, before, strict=True):
            registry._entries.clear()
            registry._entries.update(entries)

    importlib.import_module("their_package")
    try:
        hypermodel = make_hypermodel(
            mechanisms=["theirs", "mhsa"],
            choices={"alignment": ["their_softmax"], "num_heads": 2},
        )
        sent = cloudpickle.dumps(hypermodel)
        # A process that has imported nothing of it.
        forget()
        del sys.modules["their_package"]
        copy = cloudpickle.loads(sent)
        for values in (
            {"pool_attention": "theirs", "pool_theirs_identity_init": True},
            {"pool_attention": "mhsa", "pool_mhsa_identity_init": True},
        ):
            model = copy.build_from_values(values)
        alignment = model.get_layer("pool_mhsa").alignment
        assert type(alignment).__name__ == "TheirSoftmax"
        # As if it had come from a notebook, which nobody can import.
        copy_state = copy.__getstate__()
        forget()
        copy.__setstate__(copy_state)
        assert "theirs" in layers.available()
    finally:
        forget()


def test_costs_are_bounded():
    values = {
        f"{place}_{name}": value
        for place in ("conv", "pool")
        for name, value in {
            "attention": "cbam_spatial",
            "cbam_spatial_identity_init": False,
        }.items()
    }
    settings = {"places": ["conv", "pool"]}
    free = make_hypermodel(**settings)
    plain = count_costs(make_base()).total.flops
    both = count_costs(free.build_from_values(values)).total.flops
    # 2 flops a multiply-add, 3 x 3 kernel, 2 maps to 1, 6 x 6 and 3 x 3
    assert both - plain == 2 * 18 * (36 + 9)
    overhead = both / plain - 1
    enough = make_hypermodel(max_overhead=1.001 * overhead, **settings)
    assert enough.space_size() == free.space_size()
    enough.build_from_values(values)
    scarce = make_hypermodel(max_overhead=0.999 * overhead, **settings)
    # Either by itself is affordable, so both can be drawn, and are refused.
    assert scarce.space_size() == free.space_size()
    with pytest.raises(
        TooCostlyError,
        match=r"too costly: .* % more flops than the plain network \(.*\), "
        "max_overhead allows",
    ):
        scarce.build_from_values(values)
    # What is too costly by itself cannot be drawn.
    small = make_hypermodel(max_overhead=0.1 * overhead, **settings)
    assert "cbam_spatial" in free.options["conv"]
    for place in ("conv", "pool"):
        assert set(small.options[place]) == {"se"}
    assert small.build(keras_tuner.HyperParameters()) is not None


def test_refusal_is_the_reason_of_the_trial(tmp_path):
    hypermodel = make_hypermodel(
        places=["conv", "pool"],
        mechanisms=["cbam_spatial"],
        choices={"identity_init": [False]},
        max_overhead={"flops": 0.55, "parameters": 1.0},
    )
    tuner = keras_tuner.GridSearch(
        hypermodel, objective="val_loss", directory=tmp_path
    )
    x, y = make_arrays()
    tuner.search(x, y, validation_data=(x, y), epochs=1, verbose=0)
    statuses = {
        tuple(trial.hyperparameters.values.values()): trial
        for trial in tuner.oracle.trials.values()
    }
    costly = statuses.pop(("cbam_spatial", "cbam_spatial"))
    assert costly.status == "FAILED"
    assert "max_overhead allows 55 %" in costly.message.splitlines()[-1]
    assert {trial.status for trial in statuses.values()} == {"COMPLETED"}
    assert len(statuses) == 3


@pytest.mark.parametrize(
    ("bound", "widths"),
    [
        pytest.param(0.2, [1 / 32], marks=pytest.mark.long),
        pytest.param(0.2, [1 / 32, 1 / 16], marks=pytest.mark.long),
        pytest.param(0.001, [1 / 32, 1 / 16], marks=pytest.mark.long),
    ],
)
def test_bound_of_taps_and_widths(bound, widths):
    settings = {
        "mechanisms": ["gate", "attn_pool", "cross", "se"],
        "places": ["block3"],
    }
    hypermodel = AttentionHyperModel(
        (32, 32, 1),
        2,
        choices={"width_multiplier": widths},
        max_overhead=bound,
        **settings,
    )
    for mechanism in hypermodel.options["block3"]:
        hp = keras_tuner.HyperParameters()
        hp.values["block3_attention"] = mechanism
        for width in widths:
            hp.values["width_multiplier"] = width
            model = hypermodel.build(hp)
            plain = hypermodel.budget.plain({"width_multiplier": width}).flops
            flops = count_costs(model).total.flops
            assert flops <= (1 + bound) * plain
    if bound > 0.1:  # enough for each
        assert set(hypermodel.options["block3"]) == {*settings["mechanisms"]}


@pytest.mark.parametrize(
    "args, kwargs, hypermodel, message",
    [
        ("xy", {}, {}, "is missing. Pass validation=... to search.*folds=k"),
        ("xy", {"validation_data": 1}, {"folds": 2}, "pass none"),
        ("xy", {"validation_split": 0.5}, {}, "validation_split takes the"),
        ("", {"validation_data": 1}, {}, "nothing to train on.*x=None"),
        ("xyb", {}, {}, "by position. Received: 3"),
        ("xyxx", {}, {}, "by position. Received: 4"),
        ("xyx", {"validation_data": 1}, {}, "Invalid weights in train"),
        ("x", {}, {"folds": 2}, "There are no labels in train"),
        ("xy", {}, {"folds": 9}, "folds=9 cannot divide.*n_splits"),
    ],
)
def test_bad_data_ends_the_search(args, kwargs, hypermodel, message):
    x, y = make_arrays()
    values = {"pool_attention": "none"}
    data = [{"x": x, "y": y, "b": 32}[name] for name in args]
    with pytest.raises(keras_tuner.errors.FatalValueError, match=message):
        fit(make_hypermodel(**hypermodel), values, *data, **kwargs)


def test_schedule_needs_a_length():
    x, y = make_arrays()

    def endless():
        while True:
            yield x, y

    data = {"validation_data": (x, y), "epochs": 1}
    values = {"pool_attention": "none"}
    with pytest.raises(ValueError, match="steps_per_epoch.*generator"):
        fit(make_hypermodel(), values, endless(), **data)
    fit(make_hypermodel(), values, endless(), steps_per_epoch=1, **data)


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"folds": 1}, "folds: expected at least 2 or None.*folds=1"),
        ({"folds": 2, "seeds": 2}, "over folds or over seeds.*seeds=2"),
        ({"max_overhead": -1}, "max_overhead: expected a finite number above"),
        ({"max_overhead": {"time": 1}}, "max_overhead: expected one of.*flops"),
        ({"places": ["poool"]}, "places names 'poool'.*Did you mean 'pool'"),
        ({"places": []}, "places: expected at least one or None"),
        ({"mechanisms": ["cross"]}, "keep the shape of their map"),
        ({"classes": 3}, "classes: expected 2, that of base.*classes=3"),
        ({"choices": {"dropout": 0.5}}, "Received: choices of dropout"),
        ({"max_overhead": 1e-9}, "raise max_overhead"),
        ({"seeds": 0}, "seeds: expected a positive integer"),
    ],
)
def test_messages(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_hypermodel(**kwargs)


@pytest.mark.parametrize(
    "args, kwargs, message",
    [
        (((None, 32, 3), 2), {}, "input_shape: expected .* all known"),
        (((32, 32, 3),), {}, "classes: expected a positive integer"),
        (((32, 32, 3), 2, "vgg"), {}, "'vgg16_bn' or a keras.Model"),
        (
            ((32, 32, 3), 2),
            {"places": ["blok3"], "choices": {"width_multiplier": 1 / 64}},
            "Did you mean 'block3'",
        ),
        (((8, 8, 3), 2), {}, "input_shape.*at least 32"),
        (((32, 32, 3), 2), {"choices": {"width_multiplier": 0.3}}, "1/64"),
    ],
)
def test_messages_of_the_named_base(args, kwargs, message):
    with pytest.raises(ValueError, match=message):
        AttentionHyperModel(*args, **kwargs)


def two_maps():
    """A head on the maps of two places, and such maps."""
    shapes = {"low": (4, 4, 3), "high": (2, 2, 6)}
    maps = {p: keras.Input(shape, name=p) for p, shape in shapes.items()}
    pooled = []
    for place, features in maps.items():
        x = keras.layers.ReLU(name=f"{place}_maps")(features)
        pooled.append(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Dense(2, "softmax")(keras.layers.Concatenate()(pooled))
    rng = np.random.default_rng(0)
    arrays = {p: rng.random((9, *s), "float32") for p, s in shapes.items()}
    return keras.Model(maps, x), (arrays, np.arange(9) % 2)


def test_a_head_on_maps_of_several_places(eagerly):
    base, data = two_maps()
    hypermodel = make_hypermodel(
        base,
        places=["low_maps", "high_maps"],
        mechanisms=["uniform", "attn_pool", "gate", "cross", "se"],
        max_overhead=1e3,
        choices={"aggregation": None, "num_heads": [1, 3]},
    )
    # Two of them need a query, and even pooling is there already.
    assert list(hypermodel.options["low_maps"]) == ["attn_pool", "se"]
    drawn = {
        what.name: what for what in hypermodel.options["high_maps"]["attn_pool"]
    }
    assert {*drawn["aggregation"].values} == {
        "weighted_sum", "gated_mean", "merge_heads"
    }  # fmt: skip
    plain = {"low_maps_attention": "none", "high_maps_attention": "none"}
    np.testing.assert_array_equal(
        hypermodel.build_from_values(plain).predict(data[0], verbose=0),
        base.predict(data[0], verbose=0),
    )
    hp = keras_tuner.HyperParameters()
    hp.values = {
        "low_maps_attention": "attn_pool",
        "low_maps_attn_pool_num_heads": 3,
        "high_maps_attention": "se",
    }
    model = hypermodel.build(hp)
    names = {layer.name for layer in model.layers}
    assert {"low_maps_attn_pool", "high_maps_se"} <= names
    pools = [k for k in model.layers if "GlobalAverage" in type(k).__name__]
    assert len(pools) == 1
    rates = []
    spy = keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda step, logs: rates.append(
            float(model.optimizer.learning_rate)
        )
    )
    masked = {
        "image": data[0],
        "label": data[1],
        "mask": np.zeros((9, 4, 4, 1)),
    }
    masked["mask"][-1] = 1  # seen only if all are
    found = hypermodel.fit(
        hp, model, *data, validation_data=masked, callbacks=[spy], verbose=0
    )
    # Nine images in batches of four, two epochs.
    assert len(rates) == 6
    assert rates[2] == pytest.approx(rates[-1] + 0.005, abs=1e-4)
    assert found["attention_energy"] == pytest.approx(1)


def test_only_what_is_pooled_alone_is_pooled_otherwise():
    inputs = keras.Input((8, 8, 3))
    x = keras.layers.ReLU(name="one")(inputs)
    y = keras.layers.ReLU(name="other")(inputs)
    pool = keras.layers.GlobalAveragePooling2D()
    several = keras.layers.Add()([pool(x), pool(y)])
    z = keras.layers.ReLU(name="used_twice")(inputs)
    twice = keras.layers.GlobalAveragePooling2D()(z)
    rest = keras.layers.GlobalMaxPooling2D()(z)
    x = keras.layers.Concatenate()([several, twice, rest])
    base = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    places = ["one", "other", "used_twice"]
    for place in places:
        with pytest.raises(ValueError, match="makes a vector of the map"):
            make_hypermodel(base, places=[place], mechanisms=["attn_pool"])


def test_functional_bases_only():
    class Own(keras.Model):
        def call(self, x):
            return x

    inputs = keras.Input((8, 8, 1))
    with pytest.raises(ValueError, match="base must be a functional"):
        make_hypermodel(Own())
    with pytest.raises(ValueError, match="base must be a classifier"):
        pool = keras.layers.MaxPooling2D(name="pool")
        make_hypermodel(keras.Model(inputs, pool(inputs)))


@pytest.mark.parametrize(
    "values, message",
    [
        ({}, "missing: pool_attention"),
        ({**SE, "depth": 3}, "unknown: depth"),
        ({"pool_attention": "none", **dict([list(SE.items())[1]])}, "inactive"),
        ({"pool_attention": "eca"}, "out of range: pool_attention='eca'"),
    ],
)
def test_values_are_checked(values, message):
    with pytest.raises(ValueError, match=message):
        make_hypermodel().build_from_values(values)


def test_labels_out_of_range_end_the_search():
    x, y = make_arrays()
    with pytest.raises(keras_tuner.errors.FatalError, match="in validation: "):
        fit(make_hypermodel(), SE, x, y, validation_data=(x, y + 1))


def test_names_of_metrics_are_known_before_a_trial():
    class Own(AttentionHyperModel):
        def fit(self, *args, **kwargs):
            return {"mood": 1.0}

    metric = keras.metrics.SparseCategoricalAccuracy(name="hits")
    found = make_hypermodel(metrics=["acc", metric], seeds=2).metric_names()
    assert {"val_hits", "val_acc_seed1", "acc_spread", "flops"} <= found
    assert Own(base=make_base(), places=["pool"]).metric_names() is None
