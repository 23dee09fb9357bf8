"""Labelled examples as what `model.fit` takes, the same on every backend."""

import keras
import numpy as np

from keras_attention.datasets.elements import epoch_order
from keras_attention.datasets.elements import stack
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.sampling import balanced_order
from keras_attention.internals import arguments


def batches(
    examples,
    batch_size=32,
    *,
    seed=None,
    supervised=True,
    augment=None,
    balance=False,
):
    """Makes batches that `fit`, `evaluate`, `predict` and a loop can take.

    With a `seed` the examples are reshuffled every epoch, in an order that
    only the seed and the number of the epoch decide. `fit` draws the order of
    the batches, not their contents, once more from Python's `random` unless
    it is told `shuffle=False`.

    To go on with an interrupted training, set the epoch: after
    `train.epoch = 5`, `fit(train, initial_epoch=5, shuffle=False)` sees the
    batches that an uninterrupted `fit` would have seen. Leave `workers` at 1
    for that: with more, Keras 3.15 prepares batches while it builds a model
    under JAX and PyTorch and serves them, as old as they are, in the first
    epoch.

    Args:
        examples: `Examples`.
        batch_size: int. The last batch may be smaller. Defaults to `32`.
        seed: int, or `None` for the order of `examples`. Defaults to `None`.
        supervised: bool, elements `(image, label)`; `False` gives dicts with
            `image`, `label`, and what there is of `mask`, `has_mask` and
            `boxes`, as `metrics.compare` takes. Defaults to `True`.
        augment: `Augmentation`, for training only, or any callable
            `(elements, epoch, positions) -> elements` on the dict of arrays
            before scaling. Defaults to `None`.
        balance: bool, whether every class is drawn equally often; see
            `balanced_order`. Needs a `seed`. Defaults to `False`.

    Returns:
        A `keras.utils.PyDataset` of batches: image float32 `(batch, height,
        width, channels)` in [0, 1]; label int64 `(batch,)`, or multi-label
        float32 `(batch, classes)`; mask uint8 `(batch, height, width, 1)`;
        has_mask bool `(batch,)`; boxes float32 `(batch, objects, 4)`, padded
        with zeros to one number over the whole set.

    Raises:
        ValueError: If there are no examples, on a bad argument, or if a class
            to balance has no example or the labels are multi-label.

    Example:

    >>> examples = Examples(
    ...     np.zeros((5, 8, 8, 3), "uint8"), np.array([0, 1, 0, 1, 1]),
    ...     ("cat", "dog"), ("1", "2", "3", "4", "5"),
    ... )
    >>> train = batches(examples, 2, seed=0)
    >>> len(train), [images.shape[0] for images, labels in train]
    (3, [2, 2, 1])
    >>> sorted(batches(examples, 2, supervised=False)[0])
    ['image', 'label']

    Cost:
        One copy of a batch; the set stays in memory as it is, uint8.
    """
    if not isinstance(examples, Examples):
        received = type(examples).__name__
        raise ValueError(arguments.invalid("examples", received, "Examples"))
    if not len(examples):
        raise ValueError(
            arguments.invalid("examples", examples, "at least one example")
        )
    arguments.positive_int("batch_size", batch_size)
    if seed is not None:
        arguments.non_negative_int("seed", seed)
    arguments.boolean("supervised", supervised)
    arguments.boolean("balance", balance)
    if augment is not None and not callable(augment):
        expected = "an Augmentation, a callable or None"
        raise ValueError(arguments.invalid("augment", augment, expected))
    if balance and seed is None:
        expected = "an integer where balance=True"
        raise ValueError(arguments.invalid("seed", seed, expected))
    return _ExampleBatches(
        examples, batch_size, seed, supervised, augment, balance
    )


class EpochBatches(keras.utils.PyDataset):
    """Batches of `count` examples whose order is one of `seed` and epoch.

    Going through it once, by `fit` or by a loop, is an epoch. On every
    backend `fit` ends one before it begins, so that its first is number 1.

    Args:
        count: int, number of examples.
        batch_size: int.
        seed: int, or `None` for the order of the source. Defaults to `None`.
    """

    def __init__(self, count, batch_size, seed=None):
        super().__init__()
        # TFDS counts in NumPy integers, which `len` must not return.
        self.count = int(count)
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def __len__(self):
        return -(-self.count // self.batch_size)

    def __iter__(self):
        yield from super().__iter__()
        self.on_epoch_end()

    @property
    def epoch(self):
        """Number of the epoch, which a resumed training may set."""
        return self._epoch

    @epoch.setter
    def epoch(self, epoch):
        self._epoch = arguments.non_negative_int("epoch", epoch)
        self._order = self.order(self._epoch)

    def on_epoch_end(self):
        """Moves on to the order of the next epoch."""
        self.epoch += 1

    def order(self, epoch):
        """The examples of an epoch, int64 `(count,)`."""
        return epoch_order(self.count, self.seed, epoch)

    def positions(self, index):
        """Where in the epoch the examples of a batch stand."""
        start = range(len(self))[index] * self.batch_size
        return np.arange(start, min(start + self.batch_size, self.count))

    def chosen(self, index):
        """Which examples are in a batch."""
        return self._order[self.positions(index)]


class _ExampleBatches(EpochBatches):
    def __init__(
        self, examples, batch_size, seed, supervised, augment, balance
    ):
        self.supervised = supervised
        self.augment = augment
        self.balance = balance
        self.classes = examples.classes
        kind = "float32" if examples.multi_label else "int64"
        self.columns = {
            "image": examples.images,
            "label": np.asarray(examples.labels, kind),
        }
        if not supervised:
            self._add("mask", examples.masks)
            self._add("has_mask", examples.has_mask)
            if examples.boxes is not None:
                self._add("boxes", stack(examples.boxes))
        super().__init__(len(examples), batch_size, seed)

    def _add(self, name, values):
        if values is not None:
            self.columns[name] = values

    def order(self, epoch):
        if not self.balance:
            return super().order(epoch)
        labels = self.columns["label"]
        return balanced_order(labels, self.seed, epoch, self.classes)

    def __getitem__(self, index):
        chosen = self.chosen(index)
        batch = {name: values[chosen] for name, values in self.columns.items()}
        if self.augment is not None:
            # By position, so that an example drawn twice looks different.
            batch = self.augment(batch, self.epoch, self.positions(index))
        batch["image"] = batch["image"].astype("float32") / np.float32(255)
        if self.supervised:
            return batch["image"], batch["label"]
        return batch
