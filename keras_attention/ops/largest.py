"""The maximum, also of a batch without images."""

from keras import ops


def largest(x, axis, keepdims=False):
    """The maximum along axes; of an empty batch, an empty result.

    Keras refuses to reduce a tensor without entries.

    Args:
        x: tensor.
        axis: int or tuple of int, the axes that are reduced, not empty.
        keepdims: bool, whether they stay, with size 1. Defaults to `False`.
    """
    if 0 in x.shape:
        return ops.sum(x, axis=axis, keepdims=keepdims)
    return ops.max(x, axis=axis, keepdims=keepdims)
