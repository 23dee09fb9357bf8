"""Patches of images, by one gather, and a network that sees each of them."""

import keras
from keras import ops

from keras_attention.internals import arguments


def crop_patches(images, corners, patch_size):
    """Cuts patches out of images; what lies outside an image is 0.

    Args:
        images: tensor `(batch, height, width, channels)`, of any dtype if the
            corners are integers. The batch may be unknown.
        corners: tensor `(batch, patches, 2)`, row and column of the first pixel
            of every patch. Those between pixels, of a floating-point dtype,
            give bilinear interpolation, which has a gradient by the corners.
        patch_size: tuple `(height, width)`, of a patch.

    Returns:
        `(batch, patches, *patch_size, channels)` in the dtype of the images.

    Example:

    >>> image = ops.reshape(ops.arange(12), (1, 3, 4, 1))
    >>> print(ops.convert_to_numpy(
    ...     crop_patches(image, [[[1, 2], [-1, 0]]], (2, 3))
    ... )[0, ..., 0])
    [[[ 6  7  0]
      [10 11  0]]
    <BLANKLINE>
     [[ 0  0  0]
      [ 0  1  2]]]

    Cost:
        A copy of the patches, four with interpolation.
    """
    corners = ops.convert_to_tensor(corners)
    if not keras.backend.is_float_dtype(corners.dtype):
        return _gather(images, ops.cast(corners, "int32"), patch_size)
    first = ops.floor(ops.stop_gradient(corners))
    share = ops.cast(corners - first, images.dtype)[..., None, None, None]
    larger = tuple(side + 1 for side in patch_size)
    x = _gather(images, ops.cast(first, "int32"), larger)
    rows, columns = share[:, :, 0], share[:, :, 1]  # (b, patches, 1, 1, 1)
    x = x[:, :, :-1] * (1 - rows) + x[:, :, 1:] * rows
    return x[:, :, :, :-1] * (1 - columns) + x[:, :, :, 1:] * columns


def _gather(images, corners, patch_size):
    height, width, channels = images.shape[1:]
    rows = corners[..., :1] + ops.arange(patch_size[0])  # (b, patches, h)
    columns = corners[..., 1:] + ops.arange(patch_size[1])
    inside = ops.logical_and(
        ops.logical_and(rows >= 0, rows < height)[..., :, None],
        ops.logical_and(columns >= 0, columns < width)[..., None, :],
    )
    first = ops.arange(ops.shape(corners)[0]) * (height * width)
    index = (
        first[:, None, None, None]
        + ops.clip(rows, 0, height - 1)[..., :, None] * width
        + ops.clip(columns, 0, width - 1)[..., None, :]
    )
    x = ops.take(ops.reshape(images, (-1, channels)), index, axis=0)
    return ops.where(inside[..., None], x, ops.zeros_like(x))


def pair(name, value):
    """`(height, width)` of an integer or of two, else `ValueError`."""
    sides = value if isinstance(value, tuple | list) else (value, value)
    if len(sides) != 2:
        expected = "an integer or (height, width)"
        raise ValueError(arguments.invalid(name, value, expected))
    return tuple(arguments.size(name, side) for side in sides)


@keras.saving.register_keras_serializable(package="keras_attention")
class PerPatch(keras.layers.Wrapper):
    """One network for all patches of all images: patches are its batch.

    Unlike `keras.layers.TimeDistributed`, which goes through the patches of an
    image one after the other, this is one call, whose batch normalization
    knows all of them.

    Args:
        layer: layer or model, from `(batch, height, width, channels)` to any
            shape with a batch in front.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        patches: `(batch, patches, height, width, channels)`; the number of
            patches is known.

    Returns:
        `(batch, patches, ...)`.

    Example:

    >>> layer = PerPatch(keras.layers.GlobalMaxPooling2D())
    >>> tuple(layer(ops.ones((2, 5, 8, 8, 3))).shape)
    (2, 5, 3)
    """

    def build(self, patches_shape):
        """Builds the network for a patch."""
        if not self.layer.built:
            self.layer.build((None, *patches_shape[2:]))
        self.built = True

    def call(self, patches):
        """Folds the patches into the batch, and unfolds them again."""
        count = patches.shape[1]
        x = ops.reshape(patches, (-1, *patches.shape[2:]))
        x = self.layer(x)
        return ops.reshape(x, (-1, count, *x.shape[1:]))

    def compute_output_shape(self, patches_shape):
        """That of the network, behind the patches."""
        shape = self.layer.compute_output_shape((None, *patches_shape[2:]))
        return (*patches_shape[:2], *shape[1:])
