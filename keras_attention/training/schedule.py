"""The learning rate over the steps of a `fit`."""

import keras

from keras_attention.internals import arguments


def warm_up_cosine(learning_rate, steps, warm_up=0.1):
    """A linear warm-up, then half a cosine down to zero.

    With `w = int(warm_up * steps)`, step `t` has the rate
    `learning_rate * t / w` for `t < w` and then
    `learning_rate / 2 * (1 + cos(pi (t - w) / (steps - w)))`.

    Args:
        learning_rate: float, the highest rate.
        steps: int, batches of the whole training, `epochs * len(batches)`.
            Keras counts batches here also if it accumulates gradients, so
            that the number stays the same.
        warm_up: float, share of the steps in `[0, 1)`. With any, the first
            batch changes nothing. Defaults to `0.1`.

    Returns:
        A `keras.optimizers.schedules.CosineDecay`.

    Raises:
        ValueError: For arguments out of range.

    Example:

    >>> from keras_attention.training import warm_up_cosine
    >>> rate = warm_up_cosine(1.0, steps=100, warm_up=0.2)
    >>> [round(float(rate(step)), 3) for step in (0, 10, 20, 60, 100)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    arguments.positive_float("learning_rate", learning_rate)
    arguments.positive_int("steps", steps)
    first = int(arguments.fraction("warm_up", warm_up) * steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0 if first else learning_rate,
        steps - first,
        warmup_target=learning_rate if first else None,
        warmup_steps=first,
    )
