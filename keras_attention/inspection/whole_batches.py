"""A model's answers to batches of which the last one may be smaller."""

import keras
import numpy as np


class WholeBatches:
    """`predict_on_batch` with batches of one size, filled up if need be.

    A compiled model is compiled again for another size: for the last images of
    a test set that would take longer than all others together.

    Args:
        model: `keras.Model` that answers every image by itself.

    Example:

    >>> answer = WholeBatches(keras.Sequential([keras.layers.ReLU()]))
    >>> [answer(np.ones((count, 2))).shape for count in (4, 4, 1)]
    [(4, 2), (4, 2), (1, 2)]
    """

    def __init__(self, model):
        self.model = model
        self.size = 0

    def __call__(self, images):
        """What the model answers to a batch.

        Args:
            images: array `(batch, ...)`, or a list or dictionary of these.
        """
        count = len(keras.tree.flatten(images)[0])
        self.size = max(self.size, count)

        def filled(values):
            missing = np.repeat(values[-1:], self.size - count, axis=0)
            return np.concatenate([values, missing])

        answers = self.model.predict_on_batch(
            keras.tree.map_structure(filled, images)
        )
        return keras.tree.map_structure(lambda answer: answer[:count], answers)
