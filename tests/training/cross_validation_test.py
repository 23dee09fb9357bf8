"""Every example is predicted once, by who has not seen it.

This file is also what the process runs that is killed.
"""

import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from keras_attention.training import cross_validate

COUNT, CLASSES, FOLDS = 24, 2, 3
RNG = np.random.default_rng(0)
X = RNG.normal(size=(COUNT, 5)).astype("float32")
Y = np.arange(COUNT) % CLASSES
GROUPS = np.repeat(np.arange(12), 2)

pytestmark = pytest.mark.usefixtures("eagerly")


def build(fold):
    inputs = keras.Input((5,))
    x = keras.layers.Dropout(0.5)(keras.layers.Dense(4)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, "softmax")(x))
    model.compile(
        keras.optimizers.Adam(0.1),
        "sparse_categorical_crossentropy",
        # The numbers of a graph may differ in their last bits.
        run_eagerly=keras.backend.backend() == "tensorflow",
    )
    return model


def echo(fold):
    """A model that answers what it is asked."""
    inputs = keras.Input((5,))
    model = keras.Model(inputs, keras.layers.ReLU(negative_slope=1.0)(inputs))
    model.compile("sgd", "mse")
    return model


def run(folder, **options):
    given = {"build": build, "x": X, "y": Y, "epochs": 2, "folds": FOLDS}
    return cross_validate(**{**given, "folder": folder, **options})


def test_predictions_are_in_the_order_of_the_data(tmp_path):
    found = run(tmp_path, build=echo, y=X, labels=Y, epochs=1, groups=GROUPS)
    np.testing.assert_array_equal(found.predictions, X)
    assert (np.bincount(found.folds) == COUNT // FOLDS).all()
    for group in range(12):
        assert len(set(found.folds[group == GROUPS])) == 1
    for fold in range(FOLDS):
        assert np.bincount(Y[found.folds == fold]).tolist() == [4, 4]


def test_who_predicts_has_not_seen_it(tmp_path):
    seen = {}

    class Watch(keras.callbacks.Callback):
        def __init__(self, fold):
            super().__init__()
            self.fold = fold

        def on_train_end(self, logs=None):
            kernel = np.array(self.model.layers[-1].kernel)[:, 0]
            seen[self.fold] = np.flatnonzero(kernel)

    def which(fold):
        """Every example has an input of its own."""
        inputs = keras.Input((COUNT,))
        layer = keras.layers.Dense(
            1, use_bias=False, kernel_initializer="zeros"
        )
        model = keras.Model(inputs, layer(inputs))
        model.compile("sgd", "mse")
        return model

    found = run(
        tmp_path,
        build=which,
        x=np.eye(COUNT, dtype="float32"),
        y=np.ones((COUNT, 1), "float32"),
        labels=Y,
        groups=GROUPS,
        validation=2,
        callbacks=lambda fold: [Watch(fold)],
    )
    assert (found.predictions == 0).all()
    for fold in range(FOLDS):
        trained = set(seen[fold].tolist())
        rest = set(np.flatnonzero(found.folds != fold).tolist())
        assert trained < rest and len(trained) == len(rest) / 2
        assert "val_loss" in found.histories[fold]
        # Nor is any group on both sides of the inner validation.
        others = rest - trained
        assert not {*GROUPS[[*trained]]} & {*GROUPS[[*others]]}


def same(one, other):
    np.testing.assert_array_equal(one.predictions, other.predictions)
    np.testing.assert_array_equal(one.folds, other.folds)
    assert one.histories == other.histories


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return tmp_path_factory.mktemp("finished")


@pytest.fixture(scope="module")
def whole(finished):
    return run(finished)


class Stop(BaseException):
    """As if the process were killed."""


def test_finished_folds_are_not_trained_again(tmp_path, whole):
    trained = []

    def callbacks(fold, last):
        def begin(logs):
            trained.append(fold)
            if fold == last:
                raise Stop

        return [keras.callbacks.LambdaCallback(on_train_begin=begin)]

    with pytest.raises(Stop):
        run(tmp_path, callbacks=lambda fold: callbacks(fold, 2))
    for _ in range(2):
        found = run(tmp_path, callbacks=lambda fold: callbacks(fold, None))
    assert trained == [0, 1, 2, 2]
    same(found, whole)


def test_a_damaged_fold_is_trained_again(tmp_path, whole):
    run(tmp_path)
    for name, size in (("fold_0.npz", 0), ("fold_1.npz", 200)):
        path = tmp_path / name
        path.write_bytes(path.read_bytes()[:size])
    with pytest.warns(UserWarning, match=r"fold_1.npz is damaged: renamed"):
        same(run(tmp_path), whole)
    assert (tmp_path / "fold_1.npz.damaged").exists()


def test_several_inputs_outputs_and_weights(tmp_path):
    def several(fold):
        a, b = keras.Input((5,), name="a"), keras.Input((1,), name="b")
        outputs = [keras.layers.Dense(2)(a), keras.layers.ReLU()(b)]
        model = keras.Model({"a": a, "b": b}, outputs)
        model.compile("sgd", ["mse", "mse"])
        return model

    b = np.arange(COUNT, dtype="float32")[:, None]
    found = run(
        tmp_path,
        build=several,
        x={"a": X, "b": b},
        y=[X[:, :2], b],
        labels=Y,
        epochs=1,
    )
    assert found.predictions[0].shape == (COUNT, 2)
    np.testing.assert_array_equal(found.predictions[1], b)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"epochs": 3}, r"settings\['epochs'\]: 2 before, 3 now"),
        ({"y": 1 - Y}, "data: 24 examples, .* before"),
        ({"build": echo}, "layer 1 "),
        ({"settings": {"map": 7}}, r"settings\['map'\]: nothing before"),
    ],
)
def test_another_program_is_refused(finished, whole, options, message):
    with pytest.raises(ValueError, match=message):
        run(finished, **options)


@pytest.mark.parametrize(
    "options, message",
    [
        ({"y": Y[:3]}, r"one entry an example. Received: lengths \[3, 24\]"),
        ({"folds": 13}, "at most 12, the number of examples of class 0"),
        ({"groups": GROUPS // 4}, "at most 3, the number of groups|at most"),
        ({"folds": 1}, "at least 2"),
        ({"y": X, "build": echo}, "labels: expected an integer"),
        ({"validation": 0}, "validation"),
    ],
)
def test_what_cannot_be_divided(tmp_path, options, message):
    options = {"folds": 4, **options}
    with pytest.raises(ValueError, match=message):
        run(tmp_path, **options)


def test_predictions_that_are_not_finite_are_no_result(tmp_path):
    x = np.where(np.arange(COUNT)[:, None] == 5, np.nan, X)
    with pytest.raises(FloatingPointError, match=r"Fold \d: not all pred"):
        run(tmp_path, build=echo, x=x, y=X, labels=Y, epochs=1)


@pytest.mark.long
def test_a_killed_process_repeats_no_finished_fold(tmp_path, whole):
    command = [sys.executable, __file__, str(tmp_path)]
    assert subprocess.run(command).returncode == -signal.SIGKILL
    kept = {
        path: path.stat().st_mtime_ns for path in tmp_path.glob("fold_*.npz")
    }
    assert [path.name for path in sorted(kept)] == ["fold_0.npz"]
    kill = [keras.callbacks.LambdaCallback()]
    same(run(tmp_path, callbacks=lambda fold: kill), whole)
    assert all(path.stat().st_mtime_ns == at for path, at in kept.items())


if __name__ == "__main__":

    def killed(fold):
        def end(epoch, logs):
            if fold == 1:
                os.kill(os.getpid(), signal.SIGKILL)

        return [keras.callbacks.LambdaCallback(on_epoch_end=end)]

    run(sys.argv[1], callbacks=killed)
