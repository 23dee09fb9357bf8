"""Data that do not end, data with weights, weights of classes."""

import dataclasses

import keras
import keras_tuner
import numpy as np
import pytest
from choice import first
from small import SE
from small import fit
from small import make_arrays
from small import make_examples
from small import make_hypermodel

from keras_attention.datasets import batches
from keras_attention.tuning.trial.data import divided
from keras_attention.tuning.trial.labels import check_class_weight
from keras_attention.tuning.trial.supervised import supervised

PLAIN = {"pool_attention": "none"}
SPATIAL = {
    "pool_attention": "cbam_spatial",
    "pool_cbam_spatial_identity_init": False,
}
FatalError = keras_tuner.errors.FatalError


class Endless(keras.utils.PyDataset):
    """Batches of a source, again and again."""

    def __init__(self, source):
        super().__init__()
        self.source = source

    @property
    def num_batches(self):
        return None

    def __getitem__(self, index):
        return self.source[index % self.source.num_batches]


def generated(x, y):
    while True:
        yield x, y


@pytest.mark.parametrize("kind", first(1, ["generator", "PyDataset"]))
def test_endless_validation_is_judged_by_its_steps(kind):
    x, y = make_arrays()

    def endless():
        if kind == "generator":
            return generated(x, y)
        return Endless(batches(make_examples(), 4))

    hypermodel = make_hypermodel(epochs=1)
    data = {"validation_data": endless(), "validation_steps": 3}
    model, results = fit(hypermodel, PLAIN, x, y, **data)
    told = model.evaluate(x, y, verbose=0, return_dict=True)
    assert results["val_loss"] == pytest.approx(told["loss"], rel=0.02)
    with pytest.raises(FatalError, match="validation data have no end"):
        fit(hypermodel, PLAIN, x, y, validation_data=endless())


def test_endless_masks_are_gone_through_once():
    examples = make_examples()
    finite = batches(examples, 4, supervised=False)
    hypermodel = make_hypermodel(epochs=1)
    train = batches(examples, 4)
    _, expected = fit(hypermodel, SPATIAL, train, validation_data=finite)
    endless = {"validation_data": Endless(finite), "validation_steps": 3}
    _, results = fit(hypermodel, SPATIAL, train, **endless)
    for name in ("attention_energy", "val_loss"):
        assert results[name] == pytest.approx(expected[name], rel=1e-5)


def test_repeated_pipelines():
    if keras.backend.backend() != "tensorflow":
        pytest.skip("tf.data is of TensorFlow")
    import tensorflow as tf

    x, y = make_arrays()
    masks = (x > 0.5).astype("uint8")
    columns = {"image": x, "label": y, "mask": masks}
    finite = tf.data.Dataset.from_tensor_slices(columns).batch(4)
    hypermodel = make_hypermodel(epochs=1)
    _, expected = fit(hypermodel, SPATIAL, x, y, validation_data=finite)
    data = {"validation_data": finite.repeat(), "validation_steps": 3}
    _, results = fit(hypermodel, SPATIAL, x, y, **data)
    for name in ("attention_energy", "val_loss"):
        assert results[name] == pytest.approx(expected[name], rel=1e-5)
    with pytest.raises(FatalError, match="validation_steps.*Dataset"):
        fit(hypermodel, PLAIN, x, y, validation_data=finite.repeat())
    with pytest.raises(
        FatalError, match="training data have no end.*steps_per"
    ):
        fit(hypermodel, PLAIN, finite.repeat(), validation_data=finite)


def test_folds_divide_every_input():
    images = {"a": np.arange(6), "b": 10 * np.arange(6)}
    left_out = []
    for train, validation in divided([images, np.arange(6) % 2], 3, seed=0):
        for x, y in (train, validation):
            assert (x["b"] == 10 * x["a"]).all() and (y == x["a"] % 2).all()
        left_out += validation[0]["a"].tolist()
    assert sorted(left_out) == [*range(6)]


def weighted(count=12):
    """Images of which only the first half count."""
    x, y = make_arrays(count)
    return x, y, (np.arange(count) < count // 2).astype("float32")


@pytest.mark.parametrize(
    "kind",
    first(
        2,
        [
            *("arrays", "positions", "keyed", "argument", "dictionary"),
            *("batches", "examples"),
        ],
    ),
)
def test_weights_of_images(kind):
    x, y, w = weighted()
    examples = dataclasses.replace(make_examples(), weights=w)
    train, validation, more = {
        "arrays": ((x, y, w), (x, y, w), {}),
        "argument": ((x, y), (x, y, w), {"sample_weight": w}),
        "positions": ((x, y, w), (x, y, w), {}),
        "dictionary": (*[{"image": x, "label": y, "weight": w}] * 2, {}),
        "batches": (*[batches(examples, 4)] * 2, {}),
        "keyed": (*[batches(examples, 4, supervised=False)] * 2, {}),
        "examples": (examples, examples, {}),
    }[kind]
    if kind not in ("argument", "positions"):
        train = (train,)
    model, results = fit(
        make_hypermodel(epochs=1),
        PLAIN,
        *train,
        validation_data=validation,
        **more,
    )
    # Half of the loss is not there; the sum is divided by all.
    half = model.evaluate(x[:6], y[:6], verbose=0, return_dict=True)
    assert results["val_loss"] == pytest.approx(half["loss"] / 2, rel=0.02)


@pytest.mark.parametrize(
    "kind",
    [
        "argument",
        pytest.param("arrays", marks=pytest.mark.long),
        pytest.param("dictionary", marks=pytest.mark.long),
    ],
)
def test_weights_go_into_their_folds(kind, monkeypatch):
    x, y, _ = weighted()
    w = 1.0 + np.arange(12)
    seen = []
    evaluate = keras.Model.evaluate

    def watched(self, x=None, y=None, sample_weight=None, **kwargs):
        seen.append((x, sample_weight))
        return evaluate(self, x, y, sample_weight=sample_weight, **kwargs)

    monkeypatch.setattr(keras.Model, "evaluate", watched)
    hypermodel = make_hypermodel(folds=2, epochs=1)
    args, kwargs = {
        "arrays": (((x, y, w),), {}),
        "argument": ((x, y), {"sample_weight": w}),
        "dictionary": (({"image": x, "label": y, "weight": w},), {}),
    }[kind]
    fit(hypermodel, PLAIN, *args, **kwargs)
    numbers = {i.tobytes(): n for i, n in zip(x, w, strict=True)}
    judged = [pair for pair in seen if pair[1] is not None]
    assert len(judged) >= 2
    for images, weights in judged:
        assert [numbers[i.tobytes()] for i in np.asarray(images)] == [*weights]


@pytest.mark.parametrize(
    "weights", [np.ones(5), np.full(12, np.nan), -np.ones(12)]
)
def test_weights_that_are_none(weights):
    x, y = make_arrays()
    with pytest.raises(FatalError, match="Invalid weights in train: expected"):
        fit(make_hypermodel(), PLAIN, (x, y, weights), validation_data=(x, y))


def test_weights_of_classes():
    x, y = make_arrays()
    hypermodel = make_hypermodel(epochs=1)
    results = []
    for data in (
        {"class_weight": {0: 1.0, 1: 5.0}},
        {"sample_weight": np.where(y == 1, 5.0, 1.0).astype("float32")},
    ):
        model, _ = fit(hypermodel, SE, x, y, validation_data=(x, y), **data)
        results.append(model.get_weights())
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6)


X, Y = make_arrays()


@pytest.mark.parametrize(
    "class_weight, kind, classes, message",
    [
        ({0: 1.0, 2: 5.0}, "index", 2, "some of 0 to 1 to numbers above 0"),
        ({"0": 1.0}, "index", 2, "some of 0 to 1"),
        ({0: -1.0}, "index", 2, "numbers above 0"),
        ({0: float("nan")}, "index", 2, "numbers above 0"),
        ([1.0, 2.0], "index", 2, "a dictionary from"),
        ({}, "index", 2, "a dictionary from"),
        ({0: 1.0}, "multi_label", 2, "not one class an image. Pass weights"),
        ({0: 1.0}, "number", 1, "not one class an image"),
        ({0: 1.0}, "any", None, "not one class an image"),
    ],
)
def test_class_weights_that_mean_nothing(class_weight, kind, classes, message):
    with pytest.raises(FatalError, match=f"class_weight.*{message}"):
        check_class_weight(class_weight, (X, Y), kind, classes)


def test_class_weights_beside_other_data():
    check = check_class_weight
    check(None, None, "any", None)
    check({0: 2.0}, (X, np.eye(2)[Y]), "any", 2)
    check({np.int64(0): 2.0}, batches(make_examples(), 4), "any", 2)
    keyed = batches(make_examples(), 4, supervised=False)
    check({1: 2.0}, supervised(keyed), "index", 2)
    several = np.ones((12, 2))
    with pytest.raises(FatalError, match="neither an index nor one-hot"):
        check({0: 2.0}, (X, several), "any", 2)
    with pytest.raises(FatalError, match="None beside the weights"):
        check({0: 2.0}, (X, Y, np.ones(12)), "index", 2)
    with pytest.raises(FatalError, match="which Keras does not weigh"):
        check({0: 2.0}, generated(X, Y), "index", 2)
