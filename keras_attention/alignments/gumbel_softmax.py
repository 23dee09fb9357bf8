"""A softmax of noisy scores: hard attention that can be differentiated."""

import keras
from keras import ops

from keras_attention.alignments.alignment import registry
from keras_attention.alignments.tempered import TemperedAlignment
from keras_attention.internals import arguments
from keras_attention.ops import first_highest
from keras_attention.ops import gumbel
from keras_attention.ops import masked_softmax


@registry.register("gumbel_softmax", aliases=("gumbel",))
class GumbelSoftmaxAlignment(TemperedAlignment):
    """Gumbel-softmax alignment: explores by noise, in training only.

    `w = softmax((e + g) / t)` with standard Gumbel noise `g`, new at every
    call. As `t` goes to 0 this is a draw of one position from `softmax(e)`.
    At inference there is no noise: `w = softmax(e / t)`.

    Args:
        temperature: float, `t` > 0. Towards 0 all weight goes to one position.
            Defaults to `1.0`.
        hard: bool, whether all weight goes to the highest noisy score, with the
            gradient of the softmax (straight-through). At inference too, to the
            highest score. Defaults to `False`.
        seed: int or `None`, for the noise. Defaults to `None`.
        learnable_temperature: bool, whether `t` is trained, one for every head,
            from `temperature` on. Defaults to `False`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`. A row without any gives zeros.
        training: Whether there is noise.

    Returns:
        Weights in the shape of `scores`, float32, each row summing to 1.

    Raises:
        ValueError: If `temperature` is not a finite number above 0, or `hard`
            or `learnable_temperature` is not a boolean.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> alignment = alignments.get("gumbel_softmax", hard=True, seed=0)
    >>> weights = np.array(alignment(np.zeros((1, 1, 1, 5)), training=True))
    >>> print(np.sort(weights.ravel()))
    [0. 0. 0. 0. 1.]

    Reference:
        Jang, Gu, Poole: Categorical Reparameterization with Gumbel-Softmax.
        Maddison, Mnih, Teh: The Concrete Distribution. Both ICLR 2017.

    Differs from the paper:
        Nothing in training; `torch.nn.functional.gumbel_softmax` has noise at
        inference too.

    Cost:
        A random number and three logarithms or exponentials a score.

    See also:
        `SampledAlignment`, whose gradient has no bias, and `HardAlignment`,
        which has no noise.
    """

    def __init__(self, temperature=1.0, hard=False, seed=None, **kwargs):
        super().__init__(temperature, **kwargs)
        self.hard = arguments.boolean("hard", hard)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(arguments.seed(seed))

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Adds noise and normalises; see the class."""
        scores = self.cooled(scores, mask)
        if training:
            scores = scores + self._noise(scores)
        soft = masked_softmax(scores, mask)
        if not self.hard:
            return soft
        best = first_highest(ops.stop_gradient(scores), mask)
        return best + (soft - ops.stop_gradient(soft))

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "hard": self.hard, "seed": self.seed}

    def _noise(self, cooled):
        """Gumbel noise divided by the temperature."""
        dtype = keras.backend.standardize_dtype(cooled.dtype)
        noise = gumbel(ops.shape(cooled), self.seed_generator, dtype)
        return self.divided(noise)
