"""A token that stands for the whole image."""

import keras
from keras import ops

from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.ops import map_to_tokens


@keras.saving.register_keras_serializable(package="keras_attention")
class ClassToken(ConfiguredLayer):
    """Puts a learned vector in front of the positions of a map.

    Self-attention in front of a classifier that reads this token alone makes it
    gather what the class depends on. The result is a map of a single row, so
    that layers for maps take it.

    Args:
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.

    Returns:
        `(batch, 1, height * width + 1, channels)`; the token is the first.

    Example:

    >>> import numpy as np
    >>> layer = ClassToken()
    >>> layer(np.ones((2, 7, 5, 8))).shape == (2, 1, 36, 8)
    True

    Reference:
        Dosovitskiy et al.: An Image is Worth 16x16 Words. ICLR 2021.

    Differs from the paper:
        The token has no position beside it: the sum of two learned vectors is
        one learned vector.

    Cost:
        `channels` parameters.
    """

    def build(self, features_shape):
        """Creates the token."""
        self.token = self.add_weight(
            shape=(1, 1, features_shape[-1]), initializer="zeros", name="token"
        )

    def call(self, features):
        """Concatenates; see the class."""
        tokens = map_to_tokens(ops.cast(features, self.compute_dtype))
        # A sum gives it to each image, of which the number may be unknown.
        token = ops.zeros_like(tokens[:, :1]) + ops.cast(
            self.token, self.compute_dtype
        )
        return ops.expand_dims(ops.concatenate([token, tokens], axis=1), 1)

    def compute_output_shape(self, features_shape):
        """A row of all positions and one more."""
        batch, height, width, channels = features_shape
        unknown = None in (height, width)
        return batch, 1, None if unknown else height * width + 1, channels
