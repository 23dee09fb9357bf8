"""What decoders of captions share: from features and words to logits."""

import keras

from keras_attention.internals.configured import ConfiguredLayer
from keras_attention.ops import precise_dtype


class CaptionDecoder(ConfiguredLayer):
    """A layer `decoder(features, tokens)` with the logits of the next words.

    A subclass has `vocabulary_size`, the number of words.
    """

    def compute_output_shape(self, features_shape, tokens_shape):
        """`(batch, words, vocabulary_size)`."""
        return (*tokens_shape, self.vocabulary_size)

    def compute_output_spec(self, features, tokens, training=None):
        """As `compute_output_shape`, in float32."""
        shape = self.compute_output_shape(features.shape, tokens.shape)
        return keras.KerasTensor(shape, precise_dtype(self.compute_dtype))
