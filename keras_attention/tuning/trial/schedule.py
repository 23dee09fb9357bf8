"""Optimizers as they are drawn, and how their learning rate changes."""

import math

import keras
from keras import ops


def make_optimizer(training, learning_rate=None):
    """The optimizer that `training_space` drew.

    Args:
        training: dict, what `training_space` returned.
        learning_rate: `LearningRateSchedule` instead of the constant that was
            drawn, or `None`. Defaults to `None`.

    Returns:
        `AdamW`, or `SGD` with Nesterov momentum 0.9; the weight decay is
        decoupled in both.
    """
    common = {
        "learning_rate": learning_rate or training["learning_rate"],
        "weight_decay": training["weight_decay"],
    }
    if training["optimizer"] == "sgd":
        return keras.optimizers.SGD(momentum=0.9, nesterov=True, **common)
    return keras.optimizers.AdamW(**common)


@keras.saving.register_keras_serializable(package="keras_attention")
class WarmUpSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up, then a cosine to zero or a constant.

    At step `s` of `n`, with `w` steps of warm-up: `peak * s / w` before `w`,
    then `peak * (1 + cos(pi * (s - w) / (n - w))) / 2` or `peak`.

    Args:
        peak: float, the largest learning rate.
        steps: int, `n`, of the whole training.
        warm_up: float, `w / n`, in `[0, 1)`; `w` is rounded down. Defaults to
            `0.0`.
        decay: str, `"cosine"` or `"constant"`. Defaults to `"cosine"`.
        start: int, the step that the optimizer calls 0, for a training that is
            continued with a new optimizer. Defaults to `0`.

    Example:

    >>> schedule = WarmUpSchedule(0.1, steps=10, warm_up=0.2)
    >>> [round(float(schedule(step)), 3) for step in (0, 1, 2, 6, 10)]
    [0.0, 0.05, 0.1, 0.05, 0.0]
    >>> round(float(WarmUpSchedule(0.1, 10, 0.2, start=5)(1)), 3)
    0.05
    """

    def __init__(self, peak, steps, warm_up=0.0, decay="cosine", start=0):
        self.peak = peak
        self.steps = steps
        self.warm_up = warm_up
        self.decay = decay
        self.start = start

    def __call__(self, step):
        """The learning rate at a step of the optimizer."""
        step = ops.cast(step, "float32") + self.start
        warm_up = math.floor(self.warm_up * self.steps)
        rate = ops.convert_to_tensor(self.peak, "float32")
        if self.decay == "cosine":
            share = (step - warm_up) / max(1, self.steps - warm_up)
            rate = rate * (1 + ops.cos(math.pi * ops.clip(share, 0, 1))) / 2
        if not warm_up:
            return rate
        return ops.where(step < warm_up, self.peak * step / warm_up, rate)

    def get_config(self):
        """The constructor's arguments."""
        return {
            "peak": self.peak,
            "steps": self.steps,
            "warm_up": self.warm_up,
            "decay": self.decay,
            "start": self.start,
        }
