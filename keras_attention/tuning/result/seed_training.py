"""One seed of a retraining: a function that other processes can be sent."""

import contextlib
import dataclasses
import gc
import time

import keras

from keras_attention.internals import arguments
from keras_attention.internals.files import save_model
from keras_attention.tuning.result.rebuilding import build
from keras_attention.tuning.trial.supervised import loaded
from keras_attention.tuning.trial.supervised import supervised


@dataclasses.dataclass
class SeedJob:
    """What the trainings of all seeds have in common, arguments of `retrain`.

    `config` is that of the hyperparameters, `options` are for `fit`.
    """

    hypermodel: object
    config: dict
    train: object
    validation: object
    test: object
    options: dict
    metric: str


def train_seed(job, item):
    """Builds, trains and tests the network of a configuration.

    `item` is a seed and a path for the model, or `None`. Returns a row of
    `Retraining`.
    """
    seed, path = item
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    with _seeded(job.hypermodel, seed):
        model, hp = build(job.hypermodel, job.config)
        _fit(job, hp, model)
    row = {"seed": seed, "seconds": time.perf_counter() - start}
    row |= _evaluated(model, job.test, "", job.metric)
    if job.validation is not None:
        row |= _evaluated(model, job.validation, "val_", job.metric)
    if path:
        save_model(model, path)
    # Before the next model is built: two may not fit in memory.
    del model
    gc.collect()
    return row


@contextlib.contextmanager
def _seeded(hypermodel, seed):
    """Sets the hypermodel's own seed: it would undo the global one.

    Not on a copy: KerasTuner binds `build` to the original.
    """
    fresh = {"seed": seed, "seeds": 1, "folds": None}
    before = {
        n: getattr(hypermodel, n) for n in fresh if hasattr(hypermodel, n)
    }
    for name in before:
        setattr(hypermodel, name, fresh[name])
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(hypermodel, name, value)


def _fit(job, hp, model):
    options = {"verbose": 0, **job.options}
    if job.validation is not None:
        options["validation_data"] = loaded(job.validation)
    positional = _positional(loaded(job.train))
    if hasattr(job.hypermodel, "fit"):
        job.hypermodel.fit(hp, model, *positional, **options)
    else:
        model.fit(*positional, **options)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and int(optimizer.iterations) == 0:
        raise ValueError(
            "Invalid value for argument hypermodel: expected a fit that "
            "trains the model it is given. Received: one that left it "
            "untrained, for instance because it trains copies of its own"
        )


def _evaluated(model, data, prefix, metric):
    data = _positional(supervised(loaded(data)))
    found = model.evaluate(*data, verbose=0, return_dict=True)
    arguments.one_of("metric", metric, tuple(found))
    return {prefix + name: float(value) for name, value in found.items()}


def _positional(data):
    return data if isinstance(data, tuple) else (data,)
