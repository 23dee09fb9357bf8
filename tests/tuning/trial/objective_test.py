import keras_tuner
import pytest

from keras_attention.tuning.trial import objective


@pytest.mark.parametrize(
    "name, direction",
    [
        ("val_accuracy", "max"),
        ("val_f1_score", "max"),
        ("AUC", "max"),
        ("attention_energy", "max"),
        ("accuracy_per_gflop", "max"),
        ("val_loss", "min"),
        ("val_dice_loss", "min"),
        ("root_mean_squared_error", "min"),
        ("seconds", "min"),
    ],
)
def test_directions(name, direction):
    assert objective.get_objective(name).direction == direction


@pytest.mark.parametrize("value", ["val_mood", "", None, 3, []])
def test_an_unknown_direction_is_asked_for(value):
    with pytest.raises(ValueError, match="argument objective"):
        objective.get_objective(value)


def test_a_given_direction_is_kept():
    given = keras_tuner.Objective("val_mood", "min")
    assert objective.get_objective(given) is given
    both = objective.get_objective([given, "val_accuracy"])
    both = keras_tuner.Oracle(both).objective  # as a search has them
    assert objective.describe_objective(both) == [
        ["val_mood", "min"],
        ["val_accuracy", "max"],
    ]


def test_missing_metrics_are_listed():
    wanted = objective.get_objective("val_acc")
    message = "'val_acc'.*mean 'val_accuracy'.*Available: loss, val_acc"
    with pytest.raises(keras_tuner.errors.FatalError, match=message):
        objective.check_metrics(wanted, {"val_accuracy", "loss"})
    objective.check_metrics(wanted, {"val_acc"})
