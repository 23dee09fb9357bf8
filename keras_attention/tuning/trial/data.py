"""What a trial trains on and is judged by, in whatever form it comes."""

import numbers
from typing import Any
from typing import NamedTuple

import keras
import keras_tuner
import numpy as np

from keras_attention.datasets import Examples
from keras_attention.datasets import batches
from keras_attention.datasets import folds
from keras_attention.internals.requirements import explained
from keras_attention.tuning.trial.supervised import Pairs
from keras_attention.tuning.trial.supervised import as_arrays
from keras_attention.tuning.trial.supervised import classes_of
from keras_attention.tuning.trial.supervised import is_masked
from keras_attention.tuning.trial.supervised import supervised


class Run(NamedTuple):
    """One training of a trial, on what `supervised` returns."""

    name: str  # "seed0", "fold2"
    seed: int
    train: Any
    validation: Any
    masked: Any  # validation batches with masks, or None


def read_arguments(args, kwargs):
    """Splits the arguments of `fit`: `(train, validation, kwargs)`.

    The first two as they were given; separate `x`, `y` and `sample_weight` are
    put into a tuple.
    """
    kwargs = dict(kwargs)
    names = ("x", "y", "sample_weight")
    if len(args) > 3 or any(isinstance(a, numbers.Number) for a in args):
        raise keras_tuner.errors.FatalValueError(
            "Only the training data (x, y, sample_weight) may be given by "
            f"position. Received: {len(args)} positional arguments"
        )
    kwargs |= dict(zip(names, args, strict=False))
    x, *more = (kwargs.pop(name, None) for name in names)
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
    while more and more[-1] is None:
        more.pop()
    return ((x, *more) if more else x), validation, kwargs


def runs_of(train, validation, *, fold_count, seeds, seed, batch_size):
    """The trainings that make up a trial, a `Run` each, made when asked for.

    Data are those of `read_arguments`; `seed` is the first of the seeds, and
    also decides the folds.
    """
    if fold_count is None:
        if validation is None:
            raise keras_tuner.errors.FatalValueError(
                "Trials are compared on validation data, which is missing. "
                "Pass validation=... to search (validation_data=... to a "
                "tuner of KerasTuner), or make the hypermodel with folds=k to "
                "validate on parts of the training data. Received: none"
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
    for number, pair in enumerate(divided(train, fold_count, seed)):
        yield _run(f"fold{number}", seed, *pair, batch_size)


def check_end(name, data, steps, argument):
    """Ends a search that would wait for the end of endless data.

    A generator has no end that anybody knows. That a pipeline of unknown
    length ends is taken on trust. `argument` is the name of `steps`.
    """
    if isinstance(data, keras.utils.PyDataset):
        endless = data.num_batches is None
    elif hasattr(data, "cardinality"):
        endless = int(data.cardinality()) == -1  # tf.data.INFINITE_CARDINALITY
    else:
        endless = hasattr(data, "__next__")
    if endless and steps is None:
        raise keras_tuner.errors.FatalValueError(
            f"The {name} data have no end: pass {argument}, the number of "
            f"batches that count. Received: {type(data).__name__} and "
            f"{argument}=None"
        )


def steps_of(data, batch_size, steps_per_epoch=None):
    """Batches an epoch of what `supervised` returns."""
    if steps_per_epoch is not None:
        return steps_per_epoch
    if isinstance(data, tuple):
        # Several inputs have as many images each.
        images = keras.tree.flatten(data[0])[0]
        return -(-len(images) // batch_size)
    if isinstance(data, keras.utils.PyDataset):
        return data.num_batches
    try:
        return len(data)
    except TypeError as error:
        # A tf.data.Dataset of unknown length, or a generator.
        raise keras_tuner.errors.FatalValueError(
            "The schedule of the learning rate needs the number of batches "
            "an epoch, which the training data does not tell. Pass "
            f"steps_per_epoch. Received: {type(data).__name__}"
        ) from error


def has_own_order(data):
    """Whether Keras cannot or should not mix the batches again.

    Arrays and a `PyDataset` of somebody else leave their order to `fit`.
    """
    if isinstance(data, tuple):
        return False
    source = _source(data)
    foreign = isinstance(source, keras.utils.PyDataset)
    return hasattr(source, "epoch") or not foreign


def rewind(data, epoch):
    """Lets a dataset that counts its epochs begin at one of them."""
    source = _source(data)
    if hasattr(source, "epoch"):
        source.epoch = epoch


def _source(data):
    return data.source if isinstance(data, Pairs) else data


def _run(name, seed, train, validation, batch_size):
    if isinstance(train, Examples):
        train = batches(train, batch_size, seed=seed)
    if isinstance(validation, Examples):
        validation = batches(validation, batch_size, supervised=False)
    masked = validation if is_masked(validation) else None
    return Run(name, seed, supervised(train), supervised(validation), masked)


def divided(train, count, seed):
    """Yields `(training, validation)` of every fold, classes in proportion."""
    if isinstance(train, Examples):
        stratify = not (train.multi_label or train.regression)
        yield from folds(train, count, stratify=stratify, seed=seed)
        return
    if isinstance(train, list):
        train = tuple(train)
    if isinstance(train, dict) and {"image", "label"} <= set(train):
        labels = train["label"]
    elif isinstance(train, tuple) and len(train) in (2, 3):
        labels = train[1]
    else:
        raise keras_tuner.errors.FatalValueError(
            "folds=k divides arrays (x, y), a dictionary of arrays or "
            f"Examples. Received: {type(train).__name__}"
        )
    with explained("keras_attention.tuning"):
        from sklearn import model_selection

    arrays, classes = as_arrays(train), classes_of(labels)
    images = np.zeros(len(keras.tree.flatten(arrays)[0]))
    name = "KFold" if classes is None else "StratifiedKFold"
    splitter = getattr(model_selection, name)(
        count, shuffle=True, random_state=seed
    )
    try:
        pairs = list(splitter.split(images, classes))
    except ValueError as error:
        raise keras_tuner.errors.FatalValueError(
            f"folds={count} cannot divide the training data: {error}"
        ) from error
    for pair in pairs:
        yield tuple(as_arrays(arrays, lambda v, p=part: v[p]) for part in pair)
