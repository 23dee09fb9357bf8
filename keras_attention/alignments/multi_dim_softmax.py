"""A softmax over positions for every channel by itself."""

import keras
from keras import ops

from keras_attention.alignments.alignment import Alignment
from keras_attention.alignments.alignment import registry
from keras_attention.internals import arguments
from keras_attention.ops import at_least_float32
from keras_attention.ops import bounded
from keras_attention.ops import largest
from keras_attention.ops import masked_softmax
from keras_attention.ops import precise_dtype

# Far below any winner, and in gradients a factor that leaves room.
_DEEPEST = 1e6


@registry.register("multi_dim_softmax")
class MultiDimSoftmaxAlignment(Alignment):
    """Multi-dimensional alignment: every channel has weights of its own.

    `w_ic = exp(s_ic) / sum_j exp(s_jc)` with `s_ic = sum_h M_hc e_hi`: the
    scores of `H` heads are mixed by a learned matrix `M` of
    `H x channels`. With an additive score of `num_heads=A` and `key_dim=1`,
    `s = M^T (v * tanh(W_q q + W_k k + b))`.

    Args:
        channels: int or `None`, channels of the features, which an aggregation
            must have as many of as there are weights; `None` takes those it is
            built with, as inside a layer. Defaults to `None`.
        kernel_initializer: str, dict or `keras.initializers.Initializer`, of
            the matrix. Defaults to `"glorot_uniform"`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        scores: `(batch, heads, queries, positions)`.
        mask: Optional, true where a position may be attended to; broadcasts
            to `scores`, and is the same for all heads. A row without any
            gives zeros.

    Returns:
        Weights `(batch, channels, queries, positions)`, float32, each row
        summing to 1.

    Raises:
        ValueError: If `channels` is not a positive integer or `None`, is
            `None` and no features are known, or is not that of the features;
            for a mask that differs between heads.

    Example:

    >>> import numpy as np
    >>> from keras_attention import alignments
    >>> alignment = alignments.get("multi_dim_softmax", channels=16)
    >>> alignment(np.ones((2, 4, 1, 49))).shape == (2, 16, 1, 49)
    True

    Reference:
        Shen et al.: DiSAN: Directional Self-Attention Network for
        RNN/CNN-Free Language Understanding. AAAI 2018.

    Differs from the paper:
        The paper's score is always additive, with `W_d` for `M`; here any
        score is mixed. `W_d` has a bias there, which a softmax ignores.

    Cost:
        `2 * heads * channels` multiplications a position, and `channels`
        weights for each.

    See also:
        `SoftmaxAlignment`, which this is where all columns of `M` are equal.
    """

    per_channel = True

    renamed_arguments = {"initializer": "kernel_initializer"}  # noqa: RUF012

    def __init__(
        self, channels=None, kernel_initializer="glorot_uniform", **kwargs
    ):
        super().__init__(**kwargs)
        self.channels = arguments.size("channels", channels, optional=True)
        self.kernel_initializer = arguments.initializer(
            "kernel_initializer", kernel_initializer
        )
        self.feature_channels = self.channels

    def build_inside(self, scores_shape, query_shape, features_shape):
        """Builds it for the channels of the features."""
        known = features_shape[-1]
        if self.channels not in (None, known):
            expected = f"{known}, the channels of the features, or None"
            raise ValueError(
                arguments.invalid("channels", self.channels, expected)
            )
        self.feature_channels = known
        super().build_inside(scores_shape, query_shape, features_shape)

    def build(self, scores_shape, query_shape=None):
        """Creates the matrix."""
        if self.feature_channels is None:
            raise ValueError(
                "MultiDimSoftmaxAlignment needs to know the channels of the "
                "features: outside an attention layer, set channels. "
                "Received: channels=None"
            )
        self.matrix = self.add_weight(
            shape=(scores_shape[1], self.feature_channels),
            initializer=self.kernel_initializer,
            name="matrix",
        )

    def call(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """Mixes and normalises; see the class."""
        scores = at_least_float32(scores)
        if mask is not None and len(mask.shape) == 4 and mask.shape[1] != 1:
            raise ValueError(
                "MultiDimSoftmaxAlignment mixes the heads, so a mask must be "
                "the same for all: (batch, 1, queries, positions). Received: "
                f"a mask of shape {tuple(mask.shape)}"
            )
        # A masked NaN would reach the gradient of the matrix.
        heights, depths = bounded(scores, mask), bounded(-scores, mask)
        matrix = ops.cast(self.matrix, scores.dtype)
        # A softmax does not see what a row adds to all scores, so the winner
        # for each sign of an entry is put to 0, and so is what it gives to the
        # entry's gradient: the difference of two infinities, of equal winners
        # at 1e30.
        size = ops.abs(matrix)
        above = _below_top(heights), (size + matrix) / 2
        below = _below_top(depths), (size - matrix) / 2
        mixed = ops.einsum("bhqn,hc->bcqn", *above)
        mixed = mixed + ops.einsum("bhqn,hc->bcqn", *below)
        return masked_softmax(mixed, mask)

    def compute_output_shape(self, scores_shape):
        """`(batch, channels, queries, positions)`."""
        return (scores_shape[0], self.feature_channels, *scores_shape[2:])

    def compute_output_spec(
        self, scores, mask=None, grid_shape=None, query=None, training=None
    ):
        """As `compute_output_shape`, in float32."""
        return keras.KerasTensor(
            self.compute_output_shape(scores.shape),
            precise_dtype(self.compute_dtype),
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "channels": self.channels,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def _below_top(scores):
    top = ops.stop_gradient(largest(scores, axis=-1, keepdims=True))
    # Nothing is above 0, where JAX would halve the gradient at a limit.
    return ops.clip(scores - top, -_DEEPEST, 1.0)
