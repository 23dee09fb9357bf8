"""Data in whatever form it comes, as images and labels."""

import keras
import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.datasets import batches

_KINDS = (
    "arrays (x, y), Examples, or batches of pairs or of dictionaries with "
    '"image" and "label"'
)


def supervised(data):
    """A tuple of arrays, or batches of pairs."""
    if isinstance(data, Examples):
        return batches(data)
    if isinstance(data, dict):
        if not {"image", "label"} <= set(data):
            raise keras_tuner.errors.FatalValueError(
                f"Data must be {_KINDS}. Received: a dictionary of "
                f"{sorted(data)}"
            )
        return np.asarray(data["image"]), np.asarray(data["label"])
    if isinstance(data, list):
        return tuple(data)
    if isinstance(data, keras.utils.PyDataset):
        return Pairs(data) if isinstance(data[0], dict) else data
    # tf.data, without importing TensorFlow.
    if isinstance(getattr(data, "element_spec", None), dict):
        return data.map(lambda batch: (batch["image"], batch["label"]))
    return data


def is_masked(data):
    """Whether there are masks of objects beside the images."""
    if isinstance(data, dict):
        return "mask" in data
    if isinstance(data, keras.utils.PyDataset):
        return isinstance(data[0], dict) and "mask" in data[0]
    spec = getattr(data, "element_spec", None)
    return isinstance(spec, dict) and "mask" in spec


class Pairs(keras.utils.PyDataset):
    """The images and labels of batches that are dictionaries."""

    def __init__(self, source):
        super().__init__(
            workers=source.workers,
            use_multiprocessing=source.use_multiprocessing,
            max_queue_size=source.max_queue_size,
        )
        self.source = source

    def __len__(self):
        return len(self.source)

    def __getitem__(self, index):
        batch = self.source[index]
        return batch["image"], batch["label"]

    def on_epoch_begin(self):
        """Tells the source."""
        self.source.on_epoch_begin()

    def on_epoch_end(self):
        """Tells the source."""
        self.source.on_epoch_end()
