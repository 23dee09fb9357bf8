"""What outputs mean: losses, metrics and labels, the user's own among them."""

import cloudpickle
import keras
import keras_tuner
import numpy as np
import pytest
from choice import first
from keras import ops
from small import fit
from small import make_arrays
from small import make_base
from small import make_hypermodel

from keras_attention.tuning import AttentionHyperModel
from keras_attention.tuning.trial.copies import made
from keras_attention.tuning.trial.copies import recipe_of

PLAIN = {"pool_attention": "none"}


class Focal(keras.losses.Loss):
    """Registered nowhere."""

    def __init__(self, gamma=2.0, name="focal", **kwargs):
        super().__init__(name=name, **kwargs)
        self.gamma = gamma

    def call(self, y_true, y_pred):
        labels = ops.cast(ops.reshape(y_true, (-1,)), "int32")
        right = ops.sum(y_pred * ops.one_hot(labels, 2), axis=-1)
        return -((1 - right) ** self.gamma) * ops.log(right + 1e-7)

    def get_config(self):
        return {**super().get_config(), "gamma": self.gamma}


class Forgetful(Focal):
    def get_config(self):
        return {**super().get_config(), "gamma": 2.0}


class Weighing(keras.losses.Loss):
    """Its configuration knows nothing of its weights."""

    def __init__(self, weights=None, name="weighing", **kwargs):
        super().__init__(name=name, **kwargs)
        self.weights = weights


class Demanding(keras.metrics.Metric):
    def __init__(self, classes):
        super().__init__()


class Mood(keras.metrics.Mean):
    def update_state(self, y_true, y_pred, sample_weight=None):
        return super().update_state(ops.max(y_pred, -1), sample_weight)


class Hits(keras.metrics.SparseCategoricalAccuracy):
    def __init__(self):
        super().__init__(name="hits")


LOGITS = keras.losses.SparseCategoricalCrossentropy(from_logits=True)


def sureness(y_true, y_pred):
    return ops.max(y_pred, axis=-1)


def own_loss(y_true, y_pred):
    return keras.losses.sparse_categorical_crossentropy(y_true, y_pred)


@pytest.mark.parametrize(
    "loss, metrics, names",
    first(
        2,
        [
            (Focal(gamma=3.0), [Mood(name="mood")], {"mood"}),
            (own_loss, [sureness, "accuracy"], {"sureness", "accuracy"}),
            (Focal, [Mood], {"mean"}),
            (lambda y, p: own_loss(y, p), [Hits], {"hits"}),
        ],
    ),
)
def test_what_is_registered_nowhere_is_trained(loss, metrics, names):
    x, y = make_arrays(4)
    hypermodel = make_hypermodel(loss=loss, metrics=metrics, epochs=1)
    hypermodel = cloudpickle.loads(cloudpickle.dumps(hypermodel))
    _, results = fit(hypermodel, PLAIN, x, y, validation_data=(x, y))
    told = hypermodel.metric_names()
    assert {*results} <= told
    assert {name for name in names if f"val_{name}" in results} == names
    if isinstance(loss, Focal):
        model = hypermodel.build_from_values(PLAIN)
        assert model.loss.gamma == 3.0


def test_every_model_has_metrics_of_its_own():
    metric = keras.metrics.AUC(name="hits", multi_label=True)
    metric.update_state(np.eye(2), np.eye(2))  # in use already
    recipe = recipe_of("metrics", [metric])
    (first,), (second,) = made(recipe), made(recipe)
    assert first is not second and first is not metric
    assert first.get_config() == metric.get_config()


@pytest.mark.parametrize(
    "kwargs, message",
    [
        ({"loss": Forgetful(gamma=3.0)}, "the copy has another gamma"),
        ({"loss": Weighing([1.0, 2.0])}, "the copy has another weights"),
        ({"loss": Weighing(np.ones(2))}, "the copy has another weights"),
        ({"metrics": [Demanding(3)]}, "made again for every model"),
        ({"metrics": [Demanding]}, "a class that is called without arg"),
        ({"loss": "mean_sqared_error"}, "Did you mean 'mean_squared_error'"),
        ({"metrics": ["acuracy"]}, "Did you mean 'accuracy'"),
        ({"loss": 3}, "a function of .y_true, y_pred., or a keras.Loss"),
        ({"metrics": [keras.losses.MeanSquaredError]}, "or a keras.Metric"),
        ({"loss": {"out": "mse"}}, "loss: expected outputs of base.*'out'"),
        ({"metrics": "accuracy"}, "metrics: expected a list of metrics"),
        ({"loss": LOGITS}, "from_logits=False, for the activation 'softmax'"),
        (
            {"base": make_base(None), "loss": "crossentropy"},
            "from_logits=True, for the activation 'linear'",
        ),
    ],
)
def test_what_cannot_work_is_refused_at_once(kwargs, message):
    with pytest.raises(ValueError, match=message):
        make_hypermodel(**kwargs)


def test_one_sigmoid_tells_two_classes_apart():
    x, y = make_arrays(4)
    hypermodel = make_hypermodel(make_base("sigmoid", 1), epochs=1)
    assert isinstance(
        hypermodel.build_from_values(PLAIN).loss,
        keras.losses.BinaryCrossentropy,
    )
    data = {
        "validation_data": (x, y[:, None]),
        "class_weight": {0: 1.0, 1: 2.0},
    }
    model, results = fit(hypermodel, PLAIN, x, y, **data)
    right = (model.predict(x, verbose=0)[:, 0] > 0.5) == y
    assert results["val_accuracy"] == pytest.approx(right.mean())
    with pytest.raises(ValueError, match="classes=2 expects 0 to 1"):
        fit(hypermodel, PLAIN, x, y + 1, validation_data=(x, y))


def test_a_regression():
    x, y = make_arrays(4)
    y = y + 0.25
    hypermodel = make_hypermodel(
        make_base("linear", 1), loss="mse", metrics=["mae"], epochs=1
    )
    model, results = fit(hypermodel, PLAIN, x, y, validation_data=(x, y))
    errors = np.abs(model.predict(x, verbose=0)[:, 0] - y)
    assert results["val_mae"] == pytest.approx(errors.mean(), rel=1e-4)
    assert "accuracy" not in results
    assert hypermodel.metric_names() >= {*results}
    for bad in (np.where(y > 1, np.nan, y), np.stack([y, y], 1)):
        with pytest.raises(keras_tuner.errors.FatalError, match="in train"):
            fit(hypermodel, PLAIN, x, bad, validation_data=(x, y))


def test_a_named_base_of_one_output():
    base = ((32, 32, 1), 1)
    choices = {"width_multiplier": 1 / 64}
    settings = {"places": "block3", "mechanisms": "se", "choices": choices}
    hypermodel = AttentionHyperModel(
        *base, activation="linear", loss="mse", **settings
    )
    hp = keras_tuner.HyperParameters()
    last = hypermodel.build(hp).layers[-1]
    assert last.activation is keras.activations.linear and last.units == 1
    AttentionHyperModel(*base, activation="sigmoid", **settings)
    AttentionHyperModel(*base, multi_label=True, **settings)
    for kwargs in ({}, {"loss": "mse"}, {"activation": "linear"}):
        with pytest.raises(ValueError, match="activation='linear' and"):
            AttentionHyperModel(*base, **kwargs, **settings)
    with pytest.raises(ValueError, match="activation: expected one of"):
        AttentionHyperModel(*base, activation="relu", **settings)
    with pytest.raises(ValueError, match="activation: expected softmax, that"):
        make_hypermodel(activation="linear")


def test_metrics_that_outputs_have_not():
    regression = make_base(None, 1)
    with pytest.raises(ValueError, match="metrics of a regression, such as"):
        make_hypermodel(regression, loss="mse", metrics=["accuracy"])
    logits = keras.losses.BinaryCrossentropy(from_logits=True)
    with pytest.raises(ValueError, match="metrics that take logits"):
        make_hypermodel(regression, loss=logits, metrics=["accuracy"])
    assert make_hypermodel(regression, loss=logits).metric_names() >= {"loss"}
    # Logits of classes have an accuracy, numbers in a vector have none.
    for loss, metric in (
        (keras.losses.SparseCategoricalCrossentropy(from_logits=True), True),
        ("mse", False),
    ):
        hypermodel = make_hypermodel(make_base(None, 3), loss=loss)
        assert ("val_accuracy" in hypermodel.metric_names()) == metric


def make_two_headed():
    base = make_base()
    pooled = base.layers[-2].output
    size = keras.layers.Dense(1, name="number")(pooled)
    kind = keras.layers.Dense(2, activation="softmax", name="kind")(pooled)
    return keras.Model(base.input, {"size": size, "kind": kind})


def test_several_outputs():
    x, y = make_arrays(4)
    labels = {"size": y / 2, "kind": y}
    losses = {"size": "mse", "kind": "sparse_categorical_crossentropy"}
    settings = {
        "loss": losses,
        "metrics": {"kind": ["accuracy"]},
        "epochs": 1,
    }
    with pytest.raises(ValueError, match="come with the loss of its outputs"):
        make_hypermodel(make_two_headed())
    hypermodel = make_hypermodel(make_two_headed(), **settings)
    values = {"pool_attention": "se", "pool_se_identity_init": False}
    _, results = fit(hypermodel, values, x, labels, validation_data=(x, labels))
    assert {"val_loss", "val_kind_accuracy", "val_size_loss"} <= {*results}
    assert {*results} <= hypermodel.metric_names()
    assert "val_kind_acc" not in hypermodel.metric_names()
    with pytest.raises(keras_tuner.errors.FatalError, match="class_weight"):
        data = {"validation_data": (x, labels), "class_weight": {0: 2.0}}
        fit(hypermodel, values, x, labels, **data)


def test_a_list_of_outputs():
    base = make_two_headed()
    base = keras.Model(base.input, [base.output["size"], base.output["kind"]])
    losses = ["mse", "sparse_categorical_crossentropy"]
    metrics = [["mae"], ["accuracy"]]
    hypermodel = make_hypermodel(base, loss=losses, metrics=metrics, epochs=1)
    x, y = make_arrays(4)
    data = {"validation_data": (x, (y / 2, np.stack([y], 1)))}
    _, results = fit(hypermodel, PLAIN, x, [y / 2, y], **data)
    assert {"val_number_mae", "val_kind_accuracy"} <= {*results}
    assert {*results} <= hypermodel.metric_names()


def test_maps_as_outputs():
    inputs = keras.Input((8, 8, 1))
    maps = keras.layers.Conv2D(1, 3, padding="same", name="pool")(inputs)
    base = keras.Model(inputs, keras.layers.Activation("sigmoid")(maps))
    x, _ = make_arrays(4)
    hypermodel = make_hypermodel(base, loss="binary_crossentropy", epochs=1)
    masks = (x > 0.5).astype("uint8")
    _, results = fit(hypermodel, PLAIN, x, masks, validation_data=(x, masks))
    assert results["val_loss"] > 0
