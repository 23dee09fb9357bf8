"""One call for all of it: AdamW as fine-tuning wants it."""

import keras

from keras_attention.internals import arguments
from keras_attention.training.rates import discriminative
from keras_attention.training.schedule import warm_up_cosine


def compile_fine_tuning(
    model,
    loss,
    learning_rate,
    steps,
    *,
    warm_up=0.1,
    weight_decay=1e-4,
    rates=None,
    accumulate=1,
    ema=None,
    **options,
):
    """Compiles a model with AdamW, a warm-up and a cosine.

    A few settings beside each other, each of Keras:

    - Under `accumulate` the schedule still counts batches, so that `steps`
      stays `epochs * len(batches)`; Adam counts updates. What is accumulated
      at the end of an epoch goes on in the next.
    - Keras averages weights after each batch, accumulated or not. So that
      `ema` is of an update, it gets `ema ** (1 / accumulate)`.
    - In mixed precision of float16 Keras scales the loss; a step with a
      gradient that overflows is skipped, and the schedule waits as well.
      `mixed_bfloat16` needs no scaling. The policy is the layers', and has to
      be there when they are made.

    Args:
        model: `keras.Model`; what trains has been chosen (`freeze`).
        loss: any, as in `model.compile`; `FocalLoss(0, balanced_alpha(counts))`
            for classes of different sizes.
        learning_rate: float, the highest rate, that of the head.
        steps: int, batches of the whole training.
        warm_up: float, share of the steps. Defaults to `0.1`.
        weight_decay: float, of all weights, times the learning rate of each.
            Defaults to `1e-4`.
        rates: dict, float or `None`, factors of the learning rate as in
            `discriminative`; `None` is 1 everywhere. Defaults to `None`.
        accumulate: int, batches whose gradients are averaged for one update.
            Defaults to `1`.
        ema: float or `None`, momentum in `[0, 1)` of an average of the weights
            over the updates, which `fit` leaves in the model; callbacks of
            `fit` then are `averaged(callbacks)`. Defaults to `None`.
        **options: Others of `model.compile`, such as `metrics`.

    Raises:
        ValueError: For arguments out of range, and as `discriminative`.

    Example:

    >>> import keras
    >>> from keras_attention import VGG16BNAttention, losses, training
    >>> model = VGG16BNAttention({"block4": "attn_pool"}, classes=2,
    ...     classifier_activation=None, input_shape=(32, 32, 3),
    ...     width_multiplier=1 / 16)
    >>> trained = training.freeze(model, before="block5")
    >>> training.compile_fine_tuning(
    ...     model, losses.FocalLoss(0, losses.balanced_alpha([90, 10])), 1e-3,
    ...     steps=1000, rates={"block5": 0.1}, accumulate=4, ema=0.99)
    >>> len(model.optimizer.optimizers)
    2
    """
    arguments.non_negative_float("weight_decay", weight_decay)
    arguments.positive_int("accumulate", accumulate)
    averaging = {}
    if ema is not None:
        momentum = arguments.fraction("ema", ema) ** (1 / accumulate)
        averaging = {"use_ema": True, "ema_momentum": momentum}

    def optimizer(factor):
        return keras.optimizers.AdamW(
            warm_up_cosine(learning_rate * factor, steps, warm_up),
            weight_decay=weight_decay,
            gradient_accumulation_steps=accumulate if accumulate > 1 else None,
            **averaging,
        )

    chosen = (
        optimizer(1.0)
        if rates is None
        else discriminative(model, rates, optimizer)
    )
    model.compile(chosen, loss, **options)
