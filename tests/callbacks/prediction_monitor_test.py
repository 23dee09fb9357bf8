"""Predictions drawn in `fit`, which goes on as if nobody looked."""

import keras
import numpy as np
import pytest
from PIL import Image

from keras_attention.callbacks import PredictionMonitor
from keras_attention.callbacks import monitor_files

IMAGES = np.random.default_rng(0).random((3, 8, 6, 1)).astype("float32")
LABELS = (IMAGES[..., 0] > 0.5).astype(int)
LABELS[2] = 0  # nothing to find
LABELS[0, 0] = 255  # nobody knows


def model(outputs=2):
    keras.utils.set_random_seed(3)
    inputs = keras.Input((8, 6, 1))
    x = keras.layers.Conv2D(4, 1)(inputs)
    x = keras.layers.BatchNormalization()(x)
    x = keras.layers.Dropout(0.5)(x)
    x = keras.layers.Conv2D(outputs, 1)(x)
    model = keras.Model(inputs, x)
    loss = keras.losses.SparseCategoricalCrossentropy(
        from_logits=True, ignore_class=255
    )
    model.compile("sgd", loss)
    return model


def trained(*callbacks, epochs=2):
    network = model()
    keras.utils.set_random_seed(0)
    network.fit(
        IMAGES, LABELS, epochs=epochs, verbose=0, callbacks=[*callbacks]
    )
    return network


@pytest.mark.computing
def test_draws_and_changes_nothing(tmp_path, eagerly):
    monitor = PredictionMonitor(
        IMAGES, LABELS, tmp_path, ignore_class=255, on_error="raise"
    )
    watched, alone = trained(monitor), trained()
    for seen, expected in zip(watched.weights, alone.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(seen),
            keras.ops.convert_to_numpy(expected),
        )
    assert Image.open(tmp_path / "predictions.png").height > 3 * 100
    assert Image.open(tmp_path / "predictions.gif").n_frames == 2


@pytest.mark.parametrize("single", [False, True])
def test_what_is_drawn(tmp_path, monkeypatch, single):
    added = []
    monkeypatch.setattr(
        monitor_files.Timelines, "add", lambda self, *row: added.append(row)
    )
    labels = LABELS % 255
    wrong = labels.copy()
    wrong[1] = 0
    answers = np.stack([1.0 - wrong, wrong], -1)
    answers = [answers[..., 1:] - 0.5] if single else answers
    monitor = PredictionMonitor(
        IMAGES, labels[..., None], tmp_path, on_error="raise", threshold=0
    )
    monitor.set_model(model())
    monitor.on_train_begin()
    monitor._answer = lambda batch: answers
    monitor.on_epoch_end(0)
    ((epoch, maps, numbers),) = added
    np.testing.assert_array_equal(maps["predictions"], wrong)
    both, all_of_it = wrong.sum(), wrong.sum() + labels.sum()
    assert epoch == 0
    assert numbers["predictions"]["Dice"] == pytest.approx(2 * both / all_of_it)


def test_an_error_ends_no_training(tmp_path, eagerly):
    monitor = PredictionMonitor(IMAGES, LABELS, tmp_path)  # 255 is no class
    with pytest.warns(UserWarning, match="PredictionMonitor could not look"):
        trained(monitor, epochs=1)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"labels": LABELS[:2]}, r"labels of shape \(2, 8, 6\) for 3 images"),
        ({"labels": np.zeros((3, 2))}, "labels of shape"),
        ({"images": 300 * IMAGES}, r"floats in \[0, 1\]"),
        ({"pictures": IMAGES[:1]}, "pictures: expected 3"),
        ({"every": 0}, "every=0"),
        ({"on_error": "hide"}, "on_error='hide'"),
    ],
)
def test_bad_arguments(tmp_path, arguments, message):
    given = {"images": IMAGES, "labels": LABELS, "directory": tmp_path}
    with pytest.raises(ValueError, match=message):
        PredictionMonitor(**{**given, **arguments})
