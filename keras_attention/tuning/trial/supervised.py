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


def loaded(data):
    """Data, or what a function without arguments returns."""
    return data() if callable(data) else data


def supervised(data):
    """A tuple of arrays, or batches of tuples: what `fit` takes.

    `(image, label)`, and `(image, label, weight)` where there are weights.
    """
    if isinstance(data, Examples):
        return batches(data)
    if isinstance(data, dict):
        return tuple(map(as_arrays, _parts(data)))
    if isinstance(data, list):
        return tuple(data)
    if isinstance(data, keras.utils.PyDataset):
        return Pairs(data) if isinstance(data[0], dict) else data
    # tf.data, without importing TensorFlow.
    if isinstance(getattr(data, "element_spec", None), dict):
        return data.map(_parts)
    return data


def as_arguments(data, batch_size=None):
    """What `supervised` returns as arguments of `fit` and of `evaluate`."""
    if not isinstance(data, tuple):
        return {"x": data}
    names = ("x", "y", "sample_weight")
    arrays = dict(zip(names, data, strict=False))
    return {**arrays, "batch_size": batch_size}


def as_arrays(values, change=np.asarray):
    """An array, or a dictionary or a tuple of them: of several outputs.

    >>> as_arrays({"a": [1, 2], "b": [3, 4]}, lambda values: values[:1])
    {'a': [1], 'b': [3]}
    """
    if isinstance(values, dict):
        return {name: as_arrays(v, change) for name, v in values.items()}
    if isinstance(values, tuple):
        return tuple(as_arrays(v, change) for v in values)
    return change(values)


def classes_of(labels):
    """The class of each image, `None` where it has none or several."""
    if isinstance(labels, dict | tuple):
        return None
    labels = np.asarray(labels)
    one = labels.dtype.kind in "iub" and labels.shape[1:] in ((), (1,))
    return labels.reshape(-1) if one else None


def is_masked(data):
    """Whether there are masks of objects beside the images."""
    if isinstance(data, dict):
        return "mask" in data
    if isinstance(data, keras.utils.PyDataset):
        return isinstance(data[0], dict) and "mask" in data[0]
    spec = getattr(data, "element_spec", None)
    return isinstance(spec, dict) and "mask" in spec


class Pairs(keras.utils.PyDataset):
    """The images, labels and weights of batches that are dictionaries."""

    def __init__(self, source):
        super().__init__(
            workers=source.workers,
            use_multiprocessing=source.use_multiprocessing,
            max_queue_size=source.max_queue_size,
        )
        self.source = source

    @property
    def num_batches(self):
        """As many as the source, `None` without end."""
        return self.source.num_batches

    def __getitem__(self, index):
        return _parts(self.source[index])

    def on_epoch_begin(self):
        """Tells the source."""
        self.source.on_epoch_begin()

    def on_epoch_end(self):
        """Tells the source."""
        self.source.on_epoch_end()


def _parts(batch):
    """What `fit` takes of a dictionary."""
    if not {"image", "label"} <= set(batch):
        raise keras_tuner.errors.FatalValueError(
            f"Data must be {_KINDS}. Received: a dictionary of {sorted(batch)}"
        )
    names = ("image", "label", "weight")
    return tuple(batch[name] for name in names if name in batch)
