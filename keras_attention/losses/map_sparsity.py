"""Sparsity of attention maps: look at little."""

import keras
from keras import ops

from keras_attention.internals import arguments
from keras_attention.ops import precise_dtype


@keras.saving.register_keras_serializable(package="keras_attention")
class AttentionSparsity(keras.losses.Loss):
    """A price on attention that is spread over the whole map.

    `"entropy"`: `-sum_i p_i log(p_i) / log(positions)` with
    `p = a / sum(a)`, between 0, all attention in one position, and 1, a
    uniform map.

    `"l1"`: `mean_i a_i`, between 0 and 1, for gates. Weights that sum to 1
    cannot be lowered so: their mean is fixed.

    Every map of every head and query counts by itself; an image costs their
    mean.

    Args:
        kind: str, `"entropy"` or `"l1"`. Defaults to `"entropy"`.
        reduction: str or `None`, as in every Keras loss. Defaults to
            `"sum_over_batch_size"`.
        name: str, of the loss. Defaults to `"attention_sparsity"`.
        dtype: str or `None`, `"float32"` or `"float64"`; `None` takes
            `keras.config.floatx()`, and lower precisions are raised to float32.
            Defaults to `None`.

    Call arguments:
        y_true: Not used. Keras wants a target for every loss: give anything
            with one entry an image, such as the labels.
        y_pred: Non-negative spatial weights `(batch, ..., height, width)`;
            sizes may be unknown.
        sample_weight: Optional `(batch,)`.

    Returns:
        A scalar in `[0, 1]`; `(batch,)` with `reduction=None`. A map without
        attention, or of one position, costs 0 by its entropy.

    Raises:
        ValueError: For an unknown kind, and for maps of fewer than three
            axes.

    Example:

    >>> import numpy as np
    >>> from keras_attention import losses
    >>> weights = np.array([[[[0.5, 0.5], [0.0, 0.0]]]])
    >>> round(float(losses.AttentionSparsity()([0], weights)), 4)
    0.5
    >>> float(losses.AttentionSparsity("l1")([0], weights))
    0.25

    Reference:
        Grandvalet, Bengio: Semi-supervised Learning by Entropy Minimization.
        NeurIPS 2004.

    Differs from the paper:
        It is the entropy of predictions there. Divided by the logarithm of
        the positions, so that one weight serves maps of every size.

    Cost:
        One logarithm a position.

    See also:
        `AttentionDice`, where masks say where to look.
    """

    def __init__(
        self,
        kind="entropy",
        reduction="sum_over_batch_size",
        name="attention_sparsity",
        dtype=None,
    ):
        policy = keras.dtype_policies.get(dtype or keras.config.floatx())
        super().__init__(name, reduction, precise_dtype(policy.compute_dtype))
        self.kind = arguments.one_of("kind", kind, ("entropy", "l1"))

    def call(self, y_true, y_pred):
        """One number an image."""
        y_pred = ops.convert_to_tensor(y_pred)  # Keras leaves lists as lists
        rank = len(y_pred.shape)
        if rank < 3:
            raise ValueError(
                "Invalid value for argument y_pred: expected spatial weights "
                "(batch, ..., height, width). Received: y_pred of shape "
                f"{tuple(y_pred.shape)}"
            )
        if self.kind == "l1":
            return ops.mean(y_pred, axis=tuple(range(1, rank)))
        entropy = _entropy(y_pred)  # (b, ...)
        heads = tuple(range(1, rank - 2))
        return ops.mean(entropy, axis=heads) if heads else entropy

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "kind": self.kind,
            "dtype": self.dtype,
        }


def _entropy(maps):
    """Over the last two axes, as a share of the largest there is."""
    epsilon = keras.config.epsilon()
    total = ops.sum(maps, axis=(-2, -1), keepdims=True)
    p = maps / ops.maximum(total, epsilon)
    # A zero, as sparsemax gives, has an infinite slope under the logarithm.
    entropy = -ops.sum(p * ops.log(ops.maximum(p, epsilon)), axis=(-2, -1))
    height, width = ops.shape(maps)[-2:]
    positions = ops.cast(height * width, maps.dtype)
    return entropy / ops.log(ops.maximum(positions, 2.0))
