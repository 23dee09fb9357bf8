"""The pipeline of the JAX and PyTorch backends: TFDS without TensorFlow."""

import numpy as np

from keras_attention.datasets.builders import quiet
from keras_attention.datasets.elements import stack
from keras_attention.datasets.epochs import EpochBatches
from keras_attention.datasets.layout import lay_out


class Batches(EpochBatches):
    """Batches of a random-access data source, reshuffled every epoch."""

    def __init__(
        self, source, fields, *, batch_size, size, supervised, seed, cache
    ):
        threads = 0 if cache else 2
        super().__init__(len(source), batch_size, seed, threads)
        self.source = source
        self.fields = fields
        self.size = size
        self.supervised = supervised
        self.cache = self._read(range(self.count)) if cache else None

    def batch(self, epoch, positions):
        """The examples that stand there."""
        chosen = self.chosen(epoch, positions)
        if self.cache is None:
            batch = self._read(chosen.tolist())
        else:
            batch = {name: kept[chosen] for name, kept in self.cache.items()}
        images = batch["image"]
        whole = np.issubdtype(images.dtype, np.integer)
        top = np.float32(np.iinfo(images.dtype).max if whole else 1)
        batch["image"] = images.astype("float32") / top
        return (batch["image"], batch["label"]) if self.supervised else batch

    def _read(self, indices):
        with quiet():
            examples = self.source.__getitems__(list(indices))
        columns = {
            name: [example[key] for example in examples]
            for name, key in self.fields.items()
        }
        for name, method in (("image", "bilinear"), ("mask", "nearest")):
            columns[name] = [
                lay_out(image, self.size, method=method)
                for image in columns.get(name, ())
            ]
        return {
            name: stack(values) for name, values in columns.items() if values
        }
