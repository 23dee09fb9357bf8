"""Optimizers as they are drawn, and how their learning rate changes."""

import keras
import keras_tuner
import numpy as np
from keras import ops

from keras_attention.internals.schedules import WarmUpSchedule
from keras_attention.tuning.space.choices import TRAINING_CHOICES
from keras_attention.tuning.space.choices import first_of
from keras_attention.tuning.space.optimizers import optimizer_classes

# What sets the learning rate of a running training.
_SETTERS = (
    keras.callbacks.ReduceLROnPlateau,
    keras.callbacks.LearningRateScheduler,
)


def make_optimizer(training):
    """The optimizer that `training_space` drew, at its peak learning rate.

    SGD has Nesterov momentum 0.9; the weight decay is decoupled in all.
    """
    key, rate = training["optimizer"], training["learning_rate"]
    own = {"momentum": 0.9, "nesterov": True} if key == "sgd" else {}
    optimizer = optimizer_classes()[key](
        learning_rate=rate, weight_decay=training["weight_decay"], **own
    )
    # What `is_drawn` knows it by.
    optimizer.drawn_rate = rate
    return optimizer


def is_drawn(optimizer):
    """Whether an optimizer is as `make_optimizer` made it.

    One that a subclass made, or gave another learning rate, is its own.
    """
    # Under mixed_float16 `compile` puts another one around it.
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    drawn = getattr(optimizer, "drawn_rate", None)
    if drawn is None or isinstance(drawn, WarmUpSchedule):
        return drawn is not None
    rate = ops.convert_to_numpy(optimizer.learning_rate)
    return float(rate) == float(np.asarray(drawn, rate.dtype))


def install(optimizer, training, steps, epochs, initial_epoch=0):
    """Gives an optimizer that was drawn its schedule, for one more `fit`."""
    optimizer = getattr(optimizer, "inner_optimizer", optimizer)
    schedule = WarmUpSchedule(
        training["learning_rate"],
        steps * epochs,
        training["warm_up"],
        training["schedule"],
        # It goes on counting from where an earlier `fit` ended.
        start=steps * initial_epoch - int(optimizer.iterations),
    )
    optimizer.learning_rate = optimizer.drawn_rate = schedule


def is_scheduled(training):
    """Whether the learning rate that was drawn changes in the training."""
    return training["schedule"] != "constant" or training["warm_up"] > 0


def check_callbacks(callbacks, choices):
    """Ends a search in which a callback and a schedule set the learning rate.

    In the first trial, though another may be the first to draw a schedule.
    """
    setters = [c for c in callbacks or () if isinstance(c, _SETTERS)]
    drawn = {**first_of(TRAINING_CHOICES), **choices}
    constant = set(drawn["schedule"]) == {"constant"}
    if setters and not (constant and max(drawn["warm_up"]) == 0):
        raise keras_tuner.errors.FatalValueError(
            f"{type(setters[0]).__name__} sets the learning rate, which a "
            "schedule that can be drawn sets too. Leave it out, or pass the "
            "hypermodel choices={'schedule': 'constant', 'warm_up': 0.0}. "
            f"Received: schedule={drawn['schedule']} and "
            f"warm_up={drawn['warm_up']}"
        )
