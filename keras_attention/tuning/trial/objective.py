"""What a search optimises, and in which direction."""

import re

import keras_tuner

from keras_attention.internals.arguments import invalid
from keras_attention.internals.words import did_you_mean

# Words of metrics' names. KerasTuner takes every metric of Keras that is not
# in its list to be minimised, the F1 score among them.
_MINIMISED = {
    *("loss", "error", "mse", "mae", "mape", "msle", "rmse", "crossentropy"),
    *("ce", "divergence", "hinge", "ece", "brier", "perplexity", "seconds"),
    *("parameters", "flops", "bytes", "spread"),
}
_MAXIMISED = {
    *("accuracy", "acc", "auc", "precision", "recall", "f1", "fbeta", "iou"),
    *("dice", "r2", "energy", "sensitivity", "specificity"),
}


def get_objective(objective):
    """The `keras_tuner.Objective` of a metric's name, or a list of them.

    KerasTuner minimises the sum of several (those to maximise are subtracted).

    >>> get_objective("val_f1_score").direction
    'max'
    >>> get_objective("val_focal_loss").direction
    'min'
    >>> get_objective("val_mood")
    Traceback (most recent call last):
    ...
    ValueError: Invalid value for argument objective: expected ...
    """
    if isinstance(objective, keras_tuner.Objective):
        return objective
    if isinstance(objective, list) and objective:
        return [get_objective(part) for part in objective]
    if not isinstance(objective, str) or not objective:
        expected = "a metric's name, a keras_tuner.Objective or a list of them"
        raise ValueError(invalid("objective", objective, expected))
    words = set(re.split(r"[_\W]+", objective.lower()))
    if words & _MINIMISED:
        return keras_tuner.Objective(objective, "min")
    if words & _MAXIMISED:
        return keras_tuner.Objective(objective, "max")
    expected = (
        "a metric whose direction is known; give "
        f"keras_tuner.Objective({objective!r}, 'max') or 'min'"
    )
    raise ValueError(invalid("objective", objective, expected))


def describe_objective(objective):
    """`[[name, direction], ...]`, for the search's settings."""
    parts = getattr(objective, "objectives", [objective])
    return [[part.name, part.direction] for part in parts]


def check_metrics(objective, available):
    """Raises a `FatalValueError` unless the objective is among the metrics.

    No later trial would have it either, so this one ends the search.
    """
    names = [name for name, _ in describe_objective(objective)]
    missing = [name for name in names if name not in available]
    if missing and getattr(objective, "name", None) not in available:
        raise keras_tuner.errors.FatalValueError(
            f"The objective {', '.join(map(repr, missing))} is not among the "
            f"metrics of a trial. {did_you_mean(missing[0], available)}"
            f"Available: {', '.join(sorted(available))}."
        )
