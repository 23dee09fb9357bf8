"""The learning rate of a search's trainings.

Here, and not where it is used, because a saved model has it in its optimizer:
`import keras_attention` is enough to load that.
"""

import math

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_attention")
class WarmUpSchedule(keras.optimizers.schedules.CosineDecay):
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
        first = math.floor(warm_up * steps)
        super().__init__(
            0.0 if first else float(peak),
            max(1, steps - first),
            # Of the peak, what is left at the end.
            alpha=1.0 if decay == "constant" else 0.0,
            warmup_target=peak if first else None,
            warmup_steps=first,
        )
        self.steps, self.start = steps, start
        self._config = dict(peak=peak, steps=steps, warm_up=warm_up)
        self._config |= dict(decay=decay, start=start)

    def __call__(self, step):
        """The learning rate at a step of the optimizer."""
        return super().__call__(ops.cast(step, "float32") + self.start)

    def get_config(self):
        """The constructor's arguments."""
        return dict(self._config)
