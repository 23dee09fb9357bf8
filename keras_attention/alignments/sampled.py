"""Hard attention that draws its position, and learns by REINFORCE."""

import contextlib
import contextvars
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.internals import arguments
from keras_attention.ops import bounded
from keras_attention.ops import first_highest
from keras_attention.ops import gumbel
from keras_attention.ops import largest
from keras_attention.ops import masked_softmax

_DRAWS = contextvars.ContextVar("sampled_draws", default=None)


class Draw(NamedTuple):
    """What one call of a sampled alignment has drawn.

    Both are `(batch, heads, queries)`: a draw for every row of scores.
    """

    #: The logarithm of the probability of the positions drawn.
    log_prob: Any
    #: Of the distributions they were drawn from, in nats.
    entropy: Any


@contextlib.contextmanager
def recorded_draws():
    """Collects what sampled alignments draw in training.

    Such an alignment has no gradient: whoever trains it adds a term to the
    loss. `keras_attention.models.ReinforceModel` does; a training loop of
    one's own opens this around the call of the model.

    Yields:
        A list, to which every call adds its `Draw`.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> alignment = alignments.get("sampled")
    >>> with alignments.recorded_draws() as draws:
    ...     weights = alignment(np.zeros((2, 1, 1, 4)), training=True)
    >>> np.array(draws[0].log_prob).round(4).tolist()
    [[[-1.3863]], [[-1.3863]]]
    """
    draws = []
    token = _DRAWS.set(draws)
    try:
        yield draws
    finally:
        _DRAWS.reset(token)


def draws_so_far():
    """What the innermost `recorded_draws` has collected; `None` outside."""
    return _DRAWS.get()


def report_draw(layer, log_prob, entropy):
    """Tells whoever trains the layer what it has drawn.

    Args:
        layer: `keras.layers.Layer`, which has `needs_reinforce = True`.
        log_prob: tensor, as in `Draw`.
        entropy: tensor, as in `Draw`.
    """
    draws = draws_so_far()
    if draws is None:
        raise RuntimeError(
            f"{type(layer).__name__} ({layer.name!r}) has no gradient: in "
            "training it learns by REINFORCE. Build the model as a "
            "keras_attention.models.ReinforceModel, or open "
            "keras_attention.alignments.recorded_draws() in a training loop "
            "of your own."
        )
    draws.append(Draw(log_prob, entropy))


@registry.register("sampled")
class SampledAlignment(TemperedAlignment):
    """Sampled alignment: stochastic hard attention.

    In training one position is drawn from `p = softmax(e / t)` and has all
    the weight. A draw has no gradient, so the scores learn by REINFORCE:
    `keras_attention.models.ReinforceModel` adds
    `(loss - baseline) * log p(drawn)` to the loss of the model around.

    Args:
        temperature: float, `t` > 0. Defaults to `1.0`.
        inference: str, what happens outside training: `"argmax"` takes the most
            probable position, `"mean"` the weights `p`, `"sample"` draws.
            Defaults to `"argmax"`.
        sampling_probability: float, share of the calls in training that draw,
            in `(0, 1]`; the others use the weights `p`, whose gradient is that
            of a softmax. Defaults to `1.0`.
        seed: int or `None`, for the draws. Defaults to `None`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any gives zeros.
        training: Whether to draw.

    Returns:
        Weights in the shape of `scores`, float32, each row summing to 1.

    Raises:
        ValueError: If `temperature` is not a finite number above 0,
            `inference` none of the three, `sampling_probability` not a number
            in (0, 1], or `learnable_temperature` not a boolean.
        RuntimeError: In training where nobody takes notice of the draws, so
            that the scores could not learn.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> scores = np.array([[[[-2.0, 0.5, 0.0]]]])
    >>> print(np.array(alignments.get("sampled")(scores)))
    [[[[0. 1. 0.]]]]
    >>> alignment = alignments.get("sampled", inference="mean")
    >>> print(np.array(alignment(scores)).round(4))
    [[[[0.0486 0.5922 0.3592]]]]

    Reference:
        Xu et al.: Show, Attend and Tell. ICML 2015. Williams: Simple
        Statistical Gradient-Following Algorithms for Connectionist
        Reinforcement Learning. 1992.

    Differs from the paper:
        The official code draws in half of the calls
        (`sampling_probability=0.5`), and multiplies the scores by its
        temperature.

    Cost:
        A random number and four logarithms or exponentials a score.

    See also:
        `GumbelSoftmaxAlignment`, biased but with less variance, and
        `HardAlignment`.
    """

    needs_reinforce = True

    def __init__(
        self,
        temperature=1.0,
        inference="argmax",
        sampling_probability=1.0,
        seed=None,
        **kwargs,
    ):
        super().__init__(temperature, **kwargs)
        self.inference = arguments.one_of(
            "inference", inference, ("argmax", "mean", "sample")
        )
        self.sampling_probability = arguments.positive_float(
            "sampling_probability", sampling_probability
        )
        if sampling_probability > 1:
            raise ValueError(
                arguments.invalid(
                    "sampling_probability",
                    sampling_probability,
                    "a number in (0, 1]",
                )
            )
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(arguments.seed(seed))

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Draws; see the class."""
        scores = self.cooled(scores, mask)
        if training:
            return self._draw_and_report(scores, mask)
        if self.inference == "mean":
            return masked_softmax(scores, mask)
        if self.inference == "sample":
            return self._draw(scores, mask)
        return first_highest(ops.stop_gradient(scores), mask)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "inference": self.inference,
            "sampling_probability": self.sampling_probability,
            "seed": self.seed,
        }

    def _draw(self, scores, mask):
        dtype = keras.backend.standardize_dtype(scores.dtype)
        noise = gumbel(ops.shape(scores), self.seed_generator, dtype)
        scores = bounded(ops.stop_gradient(scores), mask)
        return first_highest(scores + noise, mask)

    def _draw_and_report(self, scores, mask):
        drawn = self._draw(scores, mask)
        soft = masked_softmax(scores, mask)
        log_soft = _log_softmax(scores, mask)
        nothing = ops.zeros_like(log_soft)
        log_prob = ops.sum(ops.where(drawn > 0, log_soft, nothing), axis=-1)
        entropy = -ops.sum(ops.where(soft > 0, soft * log_soft, nothing), -1)
        if self.sampling_probability < 1:
            coin = keras.random.uniform((), seed=self.seed_generator)
            draws_now = coin < self.sampling_probability
            drawn = ops.where(draws_now, drawn, soft)
            log_prob = ops.where(draws_now, log_prob, ops.zeros_like(log_prob))
        report_draw(self, log_prob, entropy)
        return drawn


def _log_softmax(scores, mask):
    scores = bounded(scores, mask)
    top = largest(scores, axis=-1, keepdims=True)
    scores = scores - ops.stop_gradient(top)
    total = ops.sum(ops.exp(scores), axis=-1, keepdims=True)
    return scores - ops.log(total)
