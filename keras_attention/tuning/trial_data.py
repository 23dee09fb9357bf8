"""What a trial trains on and is judged by, in whatever form it comes."""

from typing import Any
from typing import NamedTuple

import keras
import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.datasets import batches
from keras_attention.datasets import folds

_KINDS = (
    "arrays (x, y), Examples, or batches of pairs or of dictionaries with "
    '"image" and "label"'
)


class Run(NamedTuple):
    """One training of a trial.

    Attributes:
        name: `"seed0"`, `"fold2"`; of the numbers that it gives.
        seed: For its weights and the order of its images.
        train: What `fit` takes as `x`, or a pair `(x, y)`.
        validation: The same, to be judged by.
        masked: Validation batches with masks, or `None`.
    """

    name: str
    seed: int
    train: Any
    validation: Any
    masked: Any


def read_arguments(args, kwargs):
    """Splits the arguments of `fit` into training data, validation and rest.

    Returns:
        `(train, validation, kwargs)`, the first two as they were given:
        separate `x` and `y` are put into a pair.
    """
    kwargs = dict(kwargs)
    names = ("x", "y")
    if len(args) > 2:
        raise keras_tuner.errors.FatalValueError(
            "Only the training data may be given by position. Received: "
            f"{len(args)} positional arguments"
        )
    for name, value in zip(names, args, strict=False):
        kwargs[name] = value
    x, y = (kwargs.pop(name, None) for name in names)
    validation = kwargs.pop("validation_data", None)
    if kwargs.pop("validation_split", 0):
        raise keras_tuner.errors.FatalValueError(
            "validation_split takes the last images, whatever they are: pass "
            "validation_data, or make the hypermodel with folds=k."
        )
    if x is None:
        raise keras_tuner.errors.FatalValueError(
            "There is nothing to train on: pass the training data first. "
            "Received: x=None"
        )
    return (x if y is None else (x, y)), validation, kwargs


def runs_of(train, validation, *, fold_count, seeds, seed, batch_size):
    """The trainings that make up a trial.

    Args:
        train: As `read_arguments` returns it.
        validation: The same; `None` with folds.
        fold_count: Number of folds, or `None`.
        seeds: Number of seeds.
        seed: The first one; it also decides the folds.
        batch_size: For `Examples`.

    Yields:
        `Run`, each made when it is asked for.

    Raises:
        ValueError: One that ends a search, for missing or superfluous
            validation data and for data that cannot be divided.
    """
    if fold_count is None:
        if validation is None:
            raise keras_tuner.errors.FatalValueError(
                "Trials are compared on validation data, which is missing. "
                "Pass validation_data=..., or make the hypermodel with "
                "folds=k to validate on parts of the training data. "
                "Received: validation_data=None"
            )
        for number in range(seeds):
            yield _run(
                f"seed{number}", seed + number, train, validation, batch_size
            )
        return
    if validation is not None:
        raise keras_tuner.errors.FatalValueError(
            "folds=k takes its validation data from the training data, so "
            "pass none. Received: validation_data beside "
            f"folds={fold_count}"
        )
    for number, pair in enumerate(_divided(train, fold_count, seed)):
        yield _run(f"fold{number}", seed, *pair, batch_size)


def steps_of(data, batch_size, steps_per_epoch=None):
    """Batches an epoch of what `_supervised` returns."""
    if steps_per_epoch is not None:
        return steps_per_epoch
    if isinstance(data, tuple):
        return -(-len(data[0]) // batch_size)
    try:
        return len(data)
    except TypeError as error:
        # A tf.data.Dataset of unknown or no length, or a generator.
        raise keras_tuner.errors.FatalValueError(
            "The schedule of the learning rate needs the number of batches "
            "an epoch, which the training data does not tell. Pass "
            f"steps_per_epoch. Received: {type(data).__name__}"
        ) from error


def rewind(data, epoch):
    """Lets a dataset that counts its epochs begin at one of them."""
    source = data.source if isinstance(data, _Pairs) else data
    if hasattr(source, "epoch"):
        source.epoch = epoch


def _run(name, seed, train, validation, batch_size):
    if isinstance(train, Examples):
        train = batches(train, batch_size, seed=seed)
    if isinstance(validation, Examples):
        validation = batches(validation, batch_size, supervised=False)
    masked = validation if _is_masked(validation) else None
    return Run(name, seed, _supervised(train), _supervised(validation), masked)


def _divided(train, count, seed):
    if isinstance(train, Examples):
        stratify = not train.multi_label
        yield from folds(train, count, stratify=stratify, seed=seed)
        return
    if isinstance(train, dict) and {"image", "label"} <= set(train):
        columns, kind = list(train.values()), list(train)
        labels = np.asarray(train["label"])
    elif isinstance(train, (tuple, list)) and len(train) in (2, 3):
        columns, kind = list(train), None
        labels = np.asarray(train[1])
    else:
        raise keras_tuner.errors.FatalValueError(
            "folds=k divides arrays (x, y), a dictionary of arrays or "
            f"Examples. Received: {type(train).__name__}"
        )
    from sklearn import model_selection

    columns = [np.asarray(column) for column in columns]
    classes = labels.reshape(len(labels), -1)
    is_classes = classes.shape[1] == 1 and labels.dtype.kind in "iub"
    name = "StratifiedKFold" if is_classes else "KFold"
    splitter = getattr(model_selection, name)(
        count, shuffle=True, random_state=seed
    )
    target = classes[:, 0] if is_classes else None
    try:
        pairs = list(splitter.split(np.zeros(len(labels)), target))
    except ValueError as error:
        raise keras_tuner.errors.FatalValueError(
            f"folds={count} cannot divide the training data: {error}"
        ) from error
    for pair in pairs:
        parts = [[column[part] for column in columns] for part in pair]
        if kind is None:
            yield tuple(map(tuple, parts))
        else:
            yield tuple(dict(zip(kind, p, strict=True)) for p in parts)


def _supervised(data):
    """A tuple of arrays, or batches of pairs."""
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
        return _Pairs(data) if isinstance(data[0], dict) else data
    # tf.data, without importing TensorFlow.
    if isinstance(getattr(data, "element_spec", None), dict):
        return data.map(lambda batch: (batch["image"], batch["label"]))
    return data


def _is_masked(data):
    if isinstance(data, dict):
        return "mask" in data
    if isinstance(data, keras.utils.PyDataset):
        return isinstance(data[0], dict) and "mask" in data[0]
    spec = getattr(data, "element_spec", None)
    return isinstance(spec, dict) and "mask" in spec


class _Pairs(keras.utils.PyDataset):
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
        self.source.on_epoch_begin()

    def on_epoch_end(self):
        self.source.on_epoch_end()
