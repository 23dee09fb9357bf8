"""Labelled examples as what `model.fit` takes, the same on every backend."""

import keras
import numpy as np

from keras_attention.datasets.elements import epoch_order
from keras_attention.datasets.elements import stack
from keras_attention.datasets.epochs import EpochBatches
from keras_attention.datasets.examples import Examples
from keras_attention.datasets.pixels import Pixels
from keras_attention.datasets.sampling import balanced_order
from keras_attention.internals import arguments
from keras_attention.internals.words import few


def batches(
    examples,
    batch_size=32,
    *,
    seed=None,
    supervised=True,
    augment=None,
    balance=False,
    targets="label",
    shard=(0, 1),
    threads=None,
    processes=0,
):
    """Makes batches that `fit`, `evaluate`, `predict` and a loop can take.

    With a `seed` the examples are reshuffled every epoch, in an order that
    only the seed and the number of the epoch decide. Images that are not in
    memory are decoded and augmented ahead of the training.

    To go on with an interrupted training, set the epoch: after
    `train.epoch = 5`, `fit(train, initial_epoch=5)` sees the batches that an
    uninterrupted `fit` would have seen. `get_state` and `set_state` do so to
    the batch. An epoch is all of the batches: with `steps_per_epoch` it would
    end wherever reading ahead has come to.

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
        targets: str, list or dict, what `fit` compares the outputs with:
            `"label"`; `"mask"`, for segmentation; or, for a model of several
            outputs, a list of these or a dictionary from their names to these.
            A mask that is not known has weight 0. Defaults to `"label"`.
        shard: tuple `(index, count)`, which of so many processes this one is;
            each sees other examples, in as many batches. Defaults to `(0, 1)`.
        threads: int, how many threads prepare batches ahead; `None` is 2 for
            images that are not in memory and 0 for others. Defaults to `None`.
        processes: int, how many processes prepare batches ahead, for
            augmentations in Python. Each takes seconds to start and must be
            able to import what `augment` is made of. Defaults to `0`.

    Returns:
        A `keras.utils.PyDataset` of batches: image float32 `(batch, height,
        width, channels)` in [0, 1]; label int64 `(batch,)`, or multi-label
        float32 `(batch, classes)`, or, of a regression, float32 as it is; mask
        uint8 `(batch, height, width, 1)`; has_mask bool `(batch,)`; boxes
        float32 `(batch, objects, 4)`, padded with zeros to one number over the
        whole set. Where the examples have weights or unknown masks are
        targets, `(image, targets, weights)`.

    Raises:
        ValueError: If there are no examples, on a bad argument, or if a class
            to balance has no example or the labels are multi-label; while it is
            gone through, for images that `augment` made NaN.

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
    _check_targets(targets, examples)
    _check_shard(shard, len(examples))
    arguments.non_negative_int("processes", processes)
    if threads is None:
        threads = 2 if isinstance(examples.images, Pixels) else 0
    arguments.non_negative_int("threads", threads)
    return _ExampleBatches(
        examples,
        augment=augment,
        balance=balance,
        supervised=supervised,
        targets=targets,
        shard=shard,
        batch_size=batch_size,
        seed=seed,
        threads=threads,
        processes=processes,
    )


def _check_targets(targets, examples):
    """Raises if `targets` names what the examples do not have."""
    there = ["label"] + ["mask"] * (examples.masks is not None)
    wanted = keras.tree.flatten(targets)
    if not all(name in there for name in wanted):
        expected = f"{' or '.join(map(repr, there))} for each output"
        if "mask" in wanted and "mask" not in there:
            expected += "; these examples have no masks"
        raise ValueError(arguments.invalid("targets", targets, expected))


def _check_shard(shard, count):
    valid = (
        isinstance(shard, tuple)
        and len(shard) == 2
        and all(isinstance(number, int) for number in shard)
        and 0 <= shard[0] < shard[1] <= count
    )
    if not valid:
        expected = f"(index, count) of at most {count} shards"
        raise ValueError(arguments.invalid("shard", shard, expected))


class _ExampleBatches(EpochBatches):
    def __init__(
        self, examples, augment, balance, supervised, targets, shard, **reading
    ):
        super().__init__(len(examples) // shard[1], **reading)
        self.augment = augment
        self.balance = balance
        self.supervised = supervised
        # A list would be one tensor to tf.data.
        self.targets = tuple(targets) if isinstance(targets, list) else targets
        self.shard = shard
        self.classes = examples.classes or None
        self.names = examples.names
        whole = not (examples.multi_label or examples.regression)
        columns = {
            "image": examples.images,
            "label": np.asarray(
                examples.labels, "int64" if whole else "float32"
            ),
            "weight": examples.weights,
        }
        self.masked = "mask" in keras.tree.flatten(targets)
        if self.masked or not supervised:
            columns |= {"mask": examples.masks, "has_mask": examples.has_mask}
        if not supervised and examples.boxes is not None:
            columns["boxes"] = _Boxes(examples.boxes)
        self.columns = {n: v for n, v in columns.items() if v is not None}
        try:
            # What cannot be balanced is said now.
            self.chosen(0, [])
        except ValueError as error:
            raise ValueError(f"For balance=True: {error}") from error

    def words(self, step):
        chosen = self.chosen(self.epoch, self._positions(step))
        return f"images {', '.join(self.names[index] for index in chosen)}"

    def order(self, epoch):
        labels = self.columns["label"]
        if self.balance:
            order = balanced_order(labels, self.seed, epoch, self.classes)
        else:
            order = epoch_order(len(labels), self.seed, epoch)
        index, shards = self.shard
        return order[index::shards][: self.count]

    def _check_augmented(self, batch, chosen):
        """Raises for what an augmentation left out, or made of images."""
        counts = {
            name: len(batch[name]) for name in self.columns if name in batch
        }
        needed = self.columns if self.supervised else {"image", *counts}
        wrong = [name for name in needed if counts.get(name) != len(chosen)]
        if wrong:
            raise ValueError(
                f"augment has to return {len(chosen)} of {', '.join(wrong)}. "
                f"Received: {counts}"
            )
        images = batch["image"]
        if images.dtype.kind != "f" or np.isfinite(images).all():
            return
        bad = ~np.isfinite(images).all(axis=tuple(range(1, images.ndim)))
        names = [self.names[index] for index in chosen[bad]]
        raise ValueError(
            f"augment made NaN or infinite pixels of {bad.sum()} images: "
            f"{few(names)}."
        )

    def batch(self, epoch, positions):
        chosen = self.chosen(epoch, positions)
        batch = {name: values[chosen] for name, values in self.columns.items()}
        if self.augment is not None:
            # By position in the whole order, so that an example drawn twice
            # looks different, and on another shard too.
            index, shards = self.shard
            batch = self.augment(batch, epoch, positions * shards + index)
            self._check_augmented(batch, chosen)
        batch["image"] = batch["image"].astype("float32") / np.float32(255)
        if not self.supervised:
            return batch
        targets = keras.tree.map_structure(batch.__getitem__, self.targets)
        unknown = "has_mask" in batch and self.masked
        if "weight" not in batch and not unknown:
            return batch["image"], targets
        weights = keras.tree.map_structure(
            lambda name: _weights(batch, name), self.targets
        )
        return batch["image"], targets, weights


class _Boxes:
    """Boxes of each image, padded to the most in one when asked for."""

    def __init__(self, boxes):
        self.boxes = boxes
        self.most = max(boxes, key=len)

    def __getitem__(self, chosen):
        return stack([self.most, *(self.boxes[index] for index in chosen)])[1:]


def _weights(batch, target):
    """How much each example counts in the loss of a target."""
    ones = np.ones(len(batch["image"]), "float32")
    weights = batch.get("weight", ones)
    if target == "mask" and "has_mask" in batch:
        weights = weights * batch["has_mask"]
    return weights
