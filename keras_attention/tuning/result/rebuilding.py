"""The winner as a network, with its weights or trained on a fresh seed."""

import contextlib
import copy
import dataclasses
import gc
import time
import warnings

import keras
import keras_tuner

from keras_attention.internals import arguments
from keras_attention.internals.files import save_model
from keras_attention.tuning.engine.job import Job
from keras_attention.tuning.engine.job import as_hypermodel
from keras_attention.tuning.result.records import read_record
from keras_attention.tuning.result.trial import active
from keras_attention.tuning.trial.given_values import own_values
from keras_attention.tuning.trial.supervised import as_arguments
from keras_attention.tuning.trial.supervised import loaded
from keras_attention.tuning.trial.supervised import supervised


def best_model(result, hypermodel):
    """The winner's network, with the weights that its score belongs to.

    Args:
        result: `SearchResult`.
        hypermodel: `keras_tuner.HyperModel` of the search, or its function of
            `hp`.

    Returns:
        The compiled `keras.Model`.

    Raises:
        ValueError: Without a winner, for a damaged file, and for a hypermodel
            that asks for other hyperparameters than were searched or builds
            another network.
        FileNotFoundError: If the search has kept no weights of the winner.

    See also:
        `retrain`, for the winner on fresh seeds: the weights kept here are
        those that did best on the validation data.
    """
    trial = result.winner()
    folder = result.directory / f"trial_{trial.trial_id}"
    weights = folder / "checkpoint.weights.h5"
    if not weights.is_file():
        raise FileNotFoundError(
            f"There is no {weights}, the weights of the winner: its folder "
            "was moved, or the hypermodel's fit has not saved any. retrain() "
            "trains it again."
        )
    check_space(hypermodel, trial.config)
    model, _ = build(as_hypermodel(hypermodel), trial.config)
    shapes = folder / "build_config.json"
    if not model.built and shapes.is_file():
        model.build_from_config(read_record(shapes))
    try:
        with warnings.catch_warnings():
            # Of its state no more is needed: the training is over.
            warnings.filterwarnings("ignore", "Skipping .* for optimizer")
            model.load_weights(weights)
    except OSError as error:
        raise ValueError(f"{weights} is damaged: {error}") from error
    except ValueError as error:
        raise ValueError(
            "Invalid value for argument hypermodel: expected the one of the "
            f"search, whose network has the weights of {weights}. Received: "
            f"one with another network ({error})"
        ) from error
    return model


def fresh_config(trial, values=None):
    """The configuration of a trial's, or other, hyperparameters for a training.

    A Hyperband trial went on with another's weights, from an epoch that its
    values tell; a fresh network starts with the first.
    """
    values = trial.config["values"] if values is None else values
    return {**trial.config, "values": own_values(values)}


def check_space(hypermodel, config, given=False):
    """Asks a hypermodel that can tell whether it draws these values.

    KerasTuner hands out what was stored, among a hypermodel's choices or not.
    Values that the caller has given are no fault of the hypermodel.
    """
    if not hasattr(hypermodel, "check_values"):
        return
    try:
        hypermodel.check_values(active(_hyperparameters(config)))
    except ValueError as error:
        if given:
            raise
        raise ValueError(
            "Invalid value for argument hypermodel: expected the one of the "
            "search, with the same mechanisms, places and choices. Received: "
            "one that cannot draw the winner's hyperparameters: "
            f"{str(error).partition('Received: ')[2]}"
        ) from error


def build(hypermodel, config):
    """The network of a configuration, and the hyperparameters it has used."""
    hp = _hyperparameters(config)
    known = {*hp.values}
    model = hypermodel.build(hp)
    new = sorted({*hp.values} - known)
    if new:
        raise ValueError(
            "Invalid value for argument hypermodel: expected the one of the "
            f"search, which had the hyperparameters {sorted(known)}. "
            f"Received: one that also asks for {new}"
        )
    return model, hp


def _hyperparameters(config):
    # It changes the dictionary that it is given.
    return keras_tuner.HyperParameters.from_config(copy.deepcopy(config))


@dataclasses.dataclass(kw_only=True)
class SeedJob(Job):
    """What the trainings of all seeds have in common, arguments of `retrain`.

    `config` is that of the hyperparameters.
    """

    config: dict
    test: object
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
    args, kwargs = job.fit_arguments()
    job.hypermodel.fit(hp, model, *args, **kwargs)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and int(optimizer.iterations) == 0:
        raise ValueError(
            "Invalid value for argument hypermodel: expected a fit that "
            "trains the model it is given. Received: one that left it "
            "untrained, for instance because it trains copies of its own"
        )


def _evaluated(model, data, prefix, metric):
    data = as_arguments(supervised(loaded(data)))
    found = model.evaluate(**data, verbose=0, return_dict=True)
    arguments.one_of("metric", metric, tuple(found))
    return {prefix + name: float(value) for name, value in found.items()}
