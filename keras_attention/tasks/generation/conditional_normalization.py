"""Batch normalization whose scale and shift are those of a class."""

import keras
from keras import ops

from keras_attention.internals import arguments


@keras.saving.register_keras_serializable(package="keras_attention")
class ConditionalBatchNormalization(keras.layers.Layer):
    """`gamma_c (x - mean) / deviation + beta_c` for images of class `c`.

    Mean and deviation are those of all classes together.

    Args:
        classes: int, how many there are.
        momentum: float, of the moving statistics. Defaults to `0.99`.
        epsilon: float, added to the variance. Defaults to `1e-3`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        features: `(batch, height, width, channels)`.
        label: `(batch,)`, int.
        training: Whether the statistics are those of the batch.

    Returns:
        A map in the shape of `features`.

    Raises:
        ValueError: For a number of classes that is no positive integer.

    Example: it starts as plain batch normalization.

    >>> import numpy as np
    >>> layer = ConditionalBatchNormalization(3)
    >>> tuple(layer(np.ones((2, 4, 4, 5)), np.array([0, 2])).shape)
    (2, 4, 4, 5)

    Reference:
        Dumoulin, Shlens, Kudlur: A Learned Representation for Artistic Style.
        ICLR 2017.
    """

    def __init__(self, classes, momentum=0.99, epsilon=1e-3, **kwargs):
        super().__init__(**kwargs)
        self.classes = arguments.size("classes", classes)
        self.momentum = arguments.fraction("momentum", momentum)
        self.epsilon = arguments.positive_float("epsilon", epsilon)

    def build(self, features_shape, label_shape=None):
        """Creates the statistics, and a scale and a shift a class."""
        channels = features_shape[-1]
        self.normalization = keras.layers.BatchNormalization(
            momentum=self.momentum,
            epsilon=self.epsilon,
            center=False,
            scale=False,
            name="normalization",
            dtype=self.dtype_policy,
        )
        self.normalization.build(features_shape)
        for name, start in (("gamma", "ones"), ("beta", "zeros")):
            table = keras.layers.Embedding(
                self.classes,
                channels,
                embeddings_initializer=start,
                name=name,
                dtype=self.dtype_policy,
            )
            table.build(())
            setattr(self, name, table)

    def call(self, features, label, training=None):
        """Normalizes; see the class."""
        normalized = self.normalization(features, training=training)
        gamma, beta = (
            ops.expand_dims(table(label), (1, 2))
            for table in (self.gamma, self.beta)
        )
        return normalized * gamma + beta

    def compute_output_shape(self, features_shape, label_shape=None):
        """That of the features."""
        return features_shape

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "classes": self.classes,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
        }
