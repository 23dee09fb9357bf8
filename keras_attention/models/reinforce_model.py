"""Training of attention that draws: a model with REINFORCE in its loss."""

import keras
from keras import ops

from keras_attention.alignments import recorded_draws
from keras_attention.alignments import sampled
from keras_attention.internals import arguments
from keras_attention.internals.recording import sublayers


@keras.saving.register_keras_serializable(package="keras_attention")
class ReinforceModel(keras.Model):
    """A functional model that trains what it draws by REINFORCE.

    A drawn position has no gradient, but the expected loss does. For the loss
    `l_n` of image `n` and the probability `p_n` of all that was drawn for it,
    the gradient that is followed is that of

    `mean_n l_n + r * mean_n stop(l_n - b) log p_n - c * mean_n H_n`

    with a baseline `b`, the moving average of the loss, and the entropy `H_n`
    of what is drawn from, summed over draws. Everything else is a
    `keras.Model`: `compile` takes any loss that is one number an image, or a
    loss for every output, and `fit`, `evaluate`, callbacks and saving work as
    always. The loss in the logs is the task's; the second term has a gradient
    but counts 0.

    Args:
        *args: symbolic tensors, `inputs` and `outputs` of the functional
            model, which must have a layer that draws, however deep: a `sampled`
            alignment, or any whose `needs_reinforce` is true.
        momentum: float, of the moving average, in `[0, 1)`:
            `b = momentum * b + (1 - momentum) * loss`, from 0 on. Defaults to
            `0.9`.
        reinforce_weight: float, `r`, above 0. Defaults to `1.0`.
        entropy_weight: float, `c`, at least 0: against settling too early.
            Defaults to `0.0`.
        **kwargs: `inputs` and `outputs`, if not by position, and Keras' model
            arguments (`name`, `trainable`).

    Call arguments:
        inputs: The model's inputs.
        training: Whether positions are drawn.

    Returns:
        The model's outputs.

    Raises:
        ValueError: If the model is not functional or has no layer that draws,
            or for numbers outside their range.

    Example:

    >>> import keras, numpy as np
    >>> from keras_attention import layers, models
    >>> inputs = keras.Input((4, 4, 6))
    >>> x = layers.AttentionPooling2D(alignment="sampled")(inputs)
    >>> model = models.ReinforceModel(inputs, keras.layers.Dense(3)(x))
    >>> model.compile("sgd", "mse")
    >>> images, targets = np.ones((8, 4, 4, 6)), np.ones((8, 3))
    >>> history = model.fit(images, targets, verbose=0)
    >>> float(keras.ops.convert_to_numpy(model.baseline)) > 0
    True

    Reference:
        Xu et al.: Show, Attend and Tell. ICML 2015. Williams: Simple
        Statistical Gradient-Following Algorithms for Connectionist
        Reinforcement Learning. 1992.

    Differs from the paper:
        The official code has `momentum=0.9`, `reinforce_weight=0.1` and
        `entropy_weight=0.002`. There the entropy's gradient is estimated from
        the draws too; here it is exact. The factors of the estimate enter as
        sample weights `1 + log p - stop(log p)`, so that every loss and every
        output of a compiled model has its part in it.

    Cost:
        That of the model. The variance of the estimate grows with the number
        of draws an image.

    See also:
        `keras_attention.alignments.SampledAlignment`,
        `keras_attention.tasks.glimpses.RecurrentGlimpses`.
    """

    def __init__(
        self,
        *args,
        momentum=0.9,
        reinforce_weight=1.0,
        entropy_weight=0.0,
        **kwargs,
    ):
        given = len(args) + ("inputs" in kwargs) + ("outputs" in kwargs)
        if given < 2:
            raise ValueError(
                "ReinforceModel is functional: it takes inputs and outputs. "
                f"Received: {given} of them"
            )
        super().__init__(*args, **kwargs)
        self.momentum = arguments.fraction("momentum", momentum)
        self.reinforce_weight = arguments.positive_float(
            "reinforce_weight", reinforce_weight
        )
        self.entropy_weight = arguments.non_negative_float(
            "entropy_weight", entropy_weight
        )
        layers = [layer for _, layer in sublayers(self)]
        if not any(
            getattr(layer, "needs_reinforce", False) for layer in layers
        ):
            names = ", ".join(layer.name for layer in self.layers)
            raise ValueError(
                "ReinforceModel needs a layer that draws, such as one with "
                "alignment='sampled': nothing is drawn in this model, "
                "and a keras.Model trains it. "
                f"Received: a model of {names}"
            )
        self.baseline = self.add_weight(
            shape=(),
            initializer="zeros",
            dtype="float32",
            trainable=False,
            name="baseline",
        )

    def train_step(self, *args, **kwargs):
        """Keras' own, on the backend's terms, with the draws recorded."""
        with recorded_draws():
            return super().train_step(*args, **kwargs)

    def compute_loss(
        self,
        x=None,
        y=None,
        y_pred=None,
        sample_weight=None,
        training=True,
    ):
        """The task's loss, with the gradient of REINFORCE; see the class."""
        draws = sampled.draws_so_far() if training else []
        if not draws:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        log_prob = sum(_of_images(draw.log_prob) for draw in draws)
        entropy = sum(_of_images(draw.entropy) for draw in draws)
        # 0, with the gradient of the logarithm.
        score = self.reinforce_weight * (log_prob - ops.stop_gradient(log_prob))
        loss = super().compute_loss(
            x, y, y_pred, _scaled(sample_weight, 1.0 + score), training
        )
        task_loss = loss - sum(ops.sum(extra) for extra in self.losses)
        # A copy: read later, the variable would know of this batch already,
        # and the estimate have a bias.
        baseline = ops.stop_gradient(self.baseline + 0.0)
        self.baseline.assign(
            self.momentum * baseline
            + (1.0 - self.momentum) * ops.stop_gradient(task_loss)
        )
        loss = loss - baseline * _mean(score, sample_weight)
        return loss - self.entropy_weight * ops.mean(entropy)

    def get_config(self):
        """The functional model's, and the constructor's arguments."""
        return {
            **super().get_config(),
            "momentum": self.momentum,
            "reinforce_weight": self.reinforce_weight,
            "entropy_weight": self.entropy_weight,
        }


def _of_images(x):
    """The sum over the heads and queries of every image."""
    return ops.sum(x, axis=(1, 2))


def _scaled(sample_weight, factors):
    if sample_weight is None:
        return factors

    def scale(weight):
        weight = ops.cast(weight, factors.dtype)
        shape = (-1, *[1] * (len(weight.shape) - 1))
        return weight * ops.reshape(factors, shape)

    return keras.tree.map_structure(scale, sample_weight)


def _mean(score, sample_weight):
    """The mean over images, weighted like the loss where there is one weight.

    Any weights would leave the expected gradient what it is.
    """
    weight = sample_weight
    if weight is None or keras.tree.is_nested(weight) or len(weight.shape) > 1:
        return ops.mean(score)
    weight = ops.cast(weight, score.dtype)
    return ops.sum(weight * score) / ops.maximum(ops.sum(weight), 1e-7)
