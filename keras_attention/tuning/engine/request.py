"""The arguments of a search, checked before anything runs."""

import copy
import inspect
import pathlib

import keras_tuner

from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import non_negative_int
from keras_attention.internals.arguments import positive_int
from keras_attention.internals.words import did_you_mean
from keras_attention.tuning.engine.job import Job
from keras_attention.tuning.engine.job import as_hypermodel
from keras_attention.tuning.engine.local import visible_gpus
from keras_attention.tuning.engine.oracles import ORACLES
from keras_attention.tuning.engine.run import trains_by_fit
from keras_attention.tuning.trial.objective import describe_objective
from keras_attention.tuning.trial.objective import get_objective

# Options of an oracle that `search` sets, and what to use in their place.
_TAKEN = {
    "directory": "directory",
    "executions_per_trial": "the hypermodel: AttentionHyperModel(seeds=3)",
    "hypermodel": "hypermodel",
    "objective": "objective",
    "overwrite": "overwrite",
    "project_name": "directory",
    "tuner_id": "workers",
    "max_epochs": "epochs",
    "max_consecutive_failed_trials": "nothing: failed trials end no search",
}

# Arguments of `fit` that are arguments of `search` too.
_NAMED = {
    "callbacks": "callbacks",
    "epochs": "epochs",
    "validation_data": "validation",
}


def make_oracle(tuner, objective, max_trials, seed, epochs, options):
    """The oracle of a key, or the one that was given; arguments of `search`."""
    positive_int("max_trials", max_trials, optional=True)
    positive_int("epochs", epochs, optional=True)
    non_negative_int("seed", seed)
    if isinstance(tuner, keras_tuner.Oracle):
        if options:
            raise ValueError(
                "An oracle brings its own options. Received: "
                f"{', '.join(sorted(options))} beside tuner={tuner!r}"
            )
        if tuner.trials:
            expected = "an oracle that has not proposed anything yet"
            raise ValueError(invalid("tuner", tuner, expected))
        return tuner
    if not isinstance(tuner, str) or tuner not in ORACLES:
        names = ", ".join(map(repr, ORACLES))
        expected = f"one of {names} or a keras_tuner.Oracle"
        raise ValueError(invalid("tuner", tuner, expected))
    accepted = {*inspect.signature(ORACLES[tuner]).parameters}
    for name in sorted(options):
        if name in _TAKEN:
            raise ValueError(
                f"{name} is no option of the tuner here: use {_TAKEN[name]}. "
                f"Received: {name}={options[name]!r}"
            )
        if name not in accepted:
            names = sorted(accepted - {*_TAKEN, "seed", "max_trials"})
            raise TypeError(
                f"tuner={tuner!r} has no option {name!r}. "
                f"{did_you_mean(name, names)}It has: {', '.join(names)}"
            )
    own = {
        "objective": get_objective(objective),
        # Hyperband is told it later: its schedule has a number of its own.
        "max_trials": max_trials,
        # KerasTuner takes 0 for none and draws a seed.
        "seed": seed + 1,
        "max_epochs": epochs,
    }
    own = {
        name: value
        for name, value in own.items()
        if name in accepted and value is not None
    }
    return ORACLES[tuner](**own, **options)


def make_job(
    hypermodel,
    train,
    validation,
    oracle,
    *,
    max_trials,
    directory,
    seed,
    epochs,
    callbacks,
    fit_options,
):
    """The job of a search, its arguments checked."""
    hypermodel = as_hypermodel(hypermodel)
    for name in sorted(_NAMED.keys() & fit_options):
        raise ValueError(
            f"{name} is none of the fit_options: use {_NAMED[name]}=. "
            f"Received: fit_options={fit_options!r}"
        )
    if "validation_split" not in fit_options:
        _check_validation(hypermodel, validation, oracle.objective)
    _check_size(hypermodel, max_trials)
    if not isinstance(callbacks, list | tuple):
        expected = "a list or tuple of keras.callbacks.Callback"
        raise ValueError(invalid("callbacks", callbacks, expected))
    try:
        callbacks = copy.deepcopy(list(callbacks))
    except Exception as error:
        raise ValueError(
            "Every trial gets a copy of the callbacks, and one of them "
            f"cannot be copied: {error}. Received: callbacks={callbacks!r}"
        ) from error
    return Job(
        hypermodel=hypermodel,
        train=train,
        validation=validation,
        objective=oracle.objective,
        directory=pathlib.Path(directory).resolve(),
        seed=seed,
        # Hyperband says how many in each of its trials.
        epochs=None if hasattr(oracle, "max_epochs") else epochs,
        fit_options={**fit_options, "callbacks": callbacks},
    )


def check_workers(workers, client):
    """How many trials run at a time; `None` leaves it to the client."""
    if client is not None:
        _check_client(client)
    if workers == "auto":
        return None if client is not None else max(1, len(visible_gpus()))
    try:
        return positive_int("workers", workers, optional=True)
    except ValueError:
        expected = "a positive integer, 'auto' or None"
        raise ValueError(invalid("workers", workers, expected)) from None


def told(hypermodel, name):
    """What a method of a hypermodel returns, `None` if it has none."""
    method = getattr(hypermodel, name, None)
    return method() if callable(method) else None


def _check_validation(hypermodel, validation, objective):
    own_fit = not trains_by_fit(hypermodel)
    for name, _ in describe_objective(objective):
        if validation is None and name.startswith("val_") and not own_fit:
            raise ValueError(
                f"The objective {name!r} needs validation data. Received: "
                "validation=None"
            )


def _check_size(hypermodel, max_trials):
    size = told(hypermodel, "space_size")
    if size is not None and max_trials is not None and max_trials > size:
        expected = f"at most {size}, the number of different combinations"
        raise ValueError(invalid("max_trials", max_trials, expected))


def _check_client(client):
    threads = getattr(client, "nthreads", None)
    if not callable(threads):
        expected = "a distributed.Client, such as Client('tcp://host:8786')"
        raise ValueError(invalid("client", client, expected))
    threads = threads()
    several = next((n for n in threads if threads[n] > 1), None)
    if several:
        raise ValueError(
            "Trials of one process share Keras and its random numbers: the "
            "workers of client must have one thread each "
            "(threads_per_worker=1, dask worker --nthreads 1). Received: "
            f"{threads[several]} threads of {several}"
        )
