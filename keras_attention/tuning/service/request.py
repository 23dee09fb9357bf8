"""The arguments of a search, checked before anything runs."""

import copy
import inspect
import os

import keras_tuner

from keras_attention.internals.arguments import invalid
from keras_attention.internals.arguments import non_negative_int
from keras_attention.internals.arguments import positive_int
from keras_attention.tuning.service.job import Job
from keras_attention.tuning.service.runner import fits_by_itself
from keras_attention.tuning.trial.objective import describe_objective
from keras_attention.tuning.trial.objective import get_objective

TUNERS = {
    "random": keras_tuner.RandomSearch,
    "grid": keras_tuner.GridSearch,
    "hyperband": keras_tuner.Hyperband,
    "bayesian": keras_tuner.BayesianOptimization,
}
# Options of a tuner that `search` sets, and what to use in their place.
_TAKEN = {
    "directory": "directory",
    "hypermodel": "hypermodel",
    "objective": "objective",
    "overwrite": "overwrite",
    "project_name": "directory",
    "tuner_id": "workers",
    "max_consecutive_failed_trials": "nothing: failed trials end no search",
}


def make_job(
    *,
    hypermodel,
    train,
    validation,
    tuner,
    objective,
    max_trials,
    directory,
    seed,
    epochs,
    callbacks,
    options,
):
    """Checks the arguments; returns the job and the objective."""
    if not callable(getattr(hypermodel, "build", hypermodel)):
        expected = "a keras_tuner.HyperModel or a function of hyperparameters"
        raise ValueError(invalid("hypermodel", hypermodel, expected))
    tuner_class = _tuner_class(tuner)
    objective = get_objective(objective)
    positive_int("max_trials", max_trials, optional=True)
    positive_int("epochs", epochs, optional=True)
    non_negative_int("seed", seed)
    for name in sorted(_TAKEN.keys() & options.keys()):
        raise ValueError(
            f"{name} is no option of the tuner here: use {_TAKEN[name]}. "
            f"Received: {name}={options[name]!r}"
        )
    _check_validation(hypermodel, validation, objective)
    _check_size(hypermodel, max_trials)
    try:
        callbacks = copy.deepcopy(tuple(callbacks))
    except Exception as error:
        raise ValueError(
            "Every trial gets a copy of the callbacks, and one of them "
            f"cannot be copied: {error}. Received: callbacks={callbacks!r}"
        ) from error
    own = {
        "objective": objective,
        "max_trials": max_trials,
        # KerasTuner takes 0 for none and draws a seed.
        "seed": seed + 1,
        "max_epochs": epochs,
    }
    accepted = _accepted(tuner_class)
    own = {
        name: value
        for name, value in own.items()
        if name in accepted and value is not None
    }
    job = Job(
        hypermodel=hypermodel,
        train=train,
        validation=validation,
        tuner_class=tuner_class,
        options={**own, **options},
        directory=os.path.abspath(directory),
        seed=seed,
        epochs=None if "max_epochs" in accepted else epochs,
        callbacks=callbacks,
    )
    return job, objective


def _tuner_class(tuner):
    base = keras_tuner.engine.base_tuner.BaseTuner
    if isinstance(tuner, type) and issubclass(tuner, base):
        return tuner
    if isinstance(tuner, str) and tuner in TUNERS:
        return TUNERS[tuner]
    names = ", ".join(map(repr, TUNERS))
    expected = f"one of {names} or a subclass of keras_tuner.Tuner"
    raise ValueError(invalid("tuner", tuner, expected))


def _accepted(tuner_class):
    """Names of the arguments of a tuner, its base classes' included."""
    return {
        name
        for kind in tuner_class.__mro__
        if "__init__" in vars(kind) and kind is not object
        for name in inspect.signature(kind.__init__).parameters
    }


def _check_validation(hypermodel, validation, objective):
    own_fit = isinstance(hypermodel, keras_tuner.HyperModel)
    own_fit = own_fit and not fits_by_itself(hypermodel)
    for name, _ in describe_objective(objective):
        if validation is None and name.startswith("val_") and not own_fit:
            raise ValueError(
                f"The objective {name!r} needs validation data. Received: "
                "validation=None"
            )


def _check_size(hypermodel, max_trials):
    size = space_size(hypermodel)
    if size is not None and max_trials is not None and max_trials > size:
        expected = f"at most {size}, the number of different combinations"
        raise ValueError(invalid("max_trials", max_trials, expected))


def space_size(hypermodel):
    """What a hypermodel tells of its space; `None` if nothing or infinite."""
    size = getattr(hypermodel, "space_size", None)
    return size() if callable(size) else None
