import keras
import keras_tuner
import pytest

from keras_attention.tuning.engine.numbers import best_epoch
from keras_attention.tuning.engine.numbers import numbers_of

BEST = keras_tuner.Objective("val_accuracy", "max")


def history(**values):
    found = keras.callbacks.History()
    found.history = values
    return found


def test_the_best_epoch_counts():
    fitted = history(val_accuracy=[0.1, 0.7, 0.6], loss=[3.0, 2.0, 1.0])
    expected = {"val_accuracy": 0.7, "loss": 2.0}
    assert numbers_of(fitted, BEST) == (expected, 1)
    nan = float("nan")
    assert best_epoch({"val_accuracy": [nan, 0.2, nan]}, BEST) == 1


def test_a_metric_of_other_epochs_is_left_out():
    fitted = history(loss=[3.0, 2.0], val_accuracy=[0.1, 0.7, 0.9], once=[1.0])
    assert numbers_of(fitted, BEST) == ({"val_accuracy": 0.9}, 2)


def test_several_objectives_are_one():
    both = keras_tuner.Oracle(
        [BEST, keras_tuner.Objective("loss", "min")]
    ).objective
    fitted = history(val_accuracy=[0.5, 0.75], loss=[0.25, 1.0])
    metrics, epoch = numbers_of(fitted, both)
    assert epoch == 0 and metrics["multi_objective"] == 0.25 - 0.5
    fitted = history(val_accuracy=[0.5], loss=[0.25, 1.0])
    with pytest.raises(ValueError, match="'val_accuracy': 1, 'loss': 2"):
        numbers_of(fitted, both)


@pytest.mark.parametrize("results", [None, "good", [], {"loss": 1.0}])
def test_what_has_no_objective_ends_the_search(results):
    with pytest.raises(keras_tuner.errors.FatalError):
        numbers_of(results, BEST)
