"""The pipeline of the JAX and PyTorch backends: TFDS without TensorFlow."""

import keras
import numpy as np

from keras_attention.datasets.builders import quiet
from keras_attention.datasets.elements import epoch_order
from keras_attention.datasets.elements import stack
from keras_attention.datasets.resize import resize
from keras_attention.datasets.resize import resize_nearest


class Batches(keras.utils.PyDataset):
    """Batches of a random-access data source, reshuffled every epoch.

    Going through it once, by `fit` or by a loop, is an epoch. `fit` draws the
    order of the batches, not their contents, once more from Python's `random`
    unless it is told `shuffle=False`; `keras.utils.set_random_seed` fixes it.

    Args:
        source: a TFDS data source, that is a sequence of dicts with
            `__getitems__`.
        fields: dict from our names to the data set's.
        batch_size: int.
        size: `(height, width)` of the images.
        one_shape: bool, whether all images have one shape; if not, each is
            resized by itself before batching.
        supervised: bool, `(image, label)` instead of a dict.
        seed: int, or `None` for the order on disk.
        cache: bool, whether the decoded examples are kept in memory.
    """

    def __init__(
        self,
        source,
        fields,
        *,
        batch_size,
        size,
        one_shape,
        supervised,
        seed=None,
        cache=True,
    ):
        super().__init__()
        self.source = source
        # TFDS counts in NumPy integers, which `len` must not return.
        self.count = len(source)
        self.fields = fields
        self.batch_size = batch_size
        self.size = size
        self.one_shape = one_shape
        self.supervised = supervised
        self.seed = seed
        self.cache = self._read(range(self.count)) if cache else None
        self.epoch = 0
        self._order = epoch_order(self.count, seed, 0)

    def __len__(self):
        return -(-self.count // self.batch_size)

    def __getitem__(self, index):
        start = index * self.batch_size
        chosen = self._order[start : start + self.batch_size]
        if self.cache is None:
            batch = self._read(chosen.tolist())
        else:
            batch = {
                name: values[chosen] for name, values in self.cache.items()
            }
        return self._finish(batch)

    def __iter__(self):
        yield from super().__iter__()
        self.on_epoch_end()

    def on_epoch_end(self):
        """Moves on to the order of the next epoch."""
        self.epoch += 1
        self._order = epoch_order(self.count, self.seed, self.epoch)

    def _read(self, indices):
        with quiet():
            examples = self.source.__getitems__(list(indices))
        columns = {
            name: [example[key] for example in examples]
            for name, key in self.fields.items()
        }
        if not self.one_shape:
            columns["image"] = [
                _resize_in_place(image, self.size) for image in columns["image"]
            ]
            if "mask" in columns:
                columns["mask"] = [
                    resize_nearest(mask, self.size) for mask in columns["mask"]
                ]
        return {name: stack(values) for name, values in columns.items()}

    def _finish(self, batch):
        images = batch["image"]
        top = _full_scale(images.dtype)
        if images.shape[1:3] != self.size:
            images = resize(images, self.size)
            if "mask" in batch:
                batch["mask"] = resize_nearest(batch["mask"], self.size)
        batch["image"] = images.astype("float32") / np.float32(top)
        if self.supervised:
            return batch["image"], batch["label"]
        return batch


def _full_scale(dtype):
    return np.iinfo(dtype).max if np.issubdtype(dtype, np.integer) else 1


def _resize_in_place(image, size):
    """Resizes one image within its dtype, so that the cache stays small."""
    resized = resize(image, size)
    if np.issubdtype(image.dtype, np.integer):
        resized = np.rint(resized)
    return resized.astype(image.dtype)
