"""The search: trials in this process, in several, or on many machines."""

import pathlib
import time
import warnings

import keras_tuner

from keras_attention.internals.arguments import boolean
from keras_attention.internals.arguments import positive_float
from keras_attention.tuning.result.search_result import SearchResult
from keras_attention.tuning.service.algorithms import hyperband_trials
from keras_attention.tuning.service.cluster import find_role
from keras_attention.tuning.service.exploration import explore
from keras_attention.tuning.service.lock import locked
from keras_attention.tuning.service.oracle import Status
from keras_attention.tuning.service.oracle import reasons
from keras_attention.tuning.service.processes import follow
from keras_attention.tuning.service.processes import lead
from keras_attention.tuning.service.progress import Progress
from keras_attention.tuning.service.request import make_job
from keras_attention.tuning.service.request import space_size
from keras_attention.tuning.service.settings import changes
from keras_attention.tuning.service.settings import clear
from keras_attention.tuning.service.settings import describe_option
from keras_attention.tuning.service.settings import has_results
from keras_attention.tuning.service.settings import read_settings
from keras_attention.tuning.service.settings import space_config
from keras_attention.tuning.service.settings import space_of
from keras_attention.tuning.service.settings import write_settings
from keras_attention.tuning.trial.objective import check_metrics
from keras_attention.tuning.trial.objective import describe_objective

_FEW = 5  # So many changes of the settings are told one by one.


def search(
    hypermodel,
    train,
    validation=None,
    *,
    tuner="random",
    objective="val_accuracy",
    max_trials=20,
    time_limit=None,
    workers=1,
    directory="runs/search",
    seed=0,
    epochs=None,
    overwrite=False,
    callbacks=(),
    **tuner_options,
):
    """Searches hyperparameters with KerasTuner, and survives what goes wrong.

    The same call resumes a search that was stopped, killed or cut by its time
    limit: finished trials are kept and count towards `max_trials`,
    interrupted ones run again with the same values. A trial that fails (out
    of memory, an impossible model, an objective that is no number) is kept
    with its reason and the search goes on; only when the first three fail
    unexpectedly for one reason does it stop.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or callable of hyperparameters
            that returns a compiled model.
        train: tuple, data set or callable, what `fit` takes: `(x, y)`,
            `(x, y, sample_weight)`, a dataset; or a function without arguments
            that returns it, which several workers need for what cannot be
            pickled, such as a `tf.data` pipeline.
        validation: tuple, data set or callable, what `fit` takes as
            `validation_data`, the same way; `None` for a hypermodel that needs
            none. Defaults to `None`.
        tuner: str or class, `"random"`, `"grid"`, `"hyperband"`, `"bayesian"`,
            or a subclass of `keras_tuner.Tuner`. Defaults to `"random"`.
        objective: str, `keras_tuner.Objective` or list: a metric's name, whose
            direction is inferred; an objective; or a list of them. Defaults to
            `"val_accuracy"`.
        max_trials: int, the trials of all calls together; `None` for as many as
            a grid or Hyperband's schedule has. Defaults to `20`.
        time_limit: float or `None`, seconds after which no trial starts; those
            that run then are finished. Defaults to `None`.
        workers: int or str, number of processes; 1 is this process. `"auto"` is
            one a GPU, and within a SLURM job started by `srun` all of its tasks
            share the search. See `find_role`. Defaults to `1`.
        directory: str or path, folder of the search. All machines must see it.
            Defaults to `"runs/search"`.
        seed: int of at least 0. The same seed proposes the same trials to one
            worker, and a trial's random numbers depend on its number and the
            seed alone. The global seeds are set. Defaults to `0`.
        epochs: int, epochs of a trial; with Hyperband, of a trial that is
            trained to the end (`max_epochs`). `None` leaves it to the
            hypermodel. Defaults to `None`.
        overwrite: bool, whether a search in `directory` is deleted first.
            Defaults to `False`.
        callbacks: list or tuple of Keras callbacks of every trial, each of
            which gets a copy. Defaults to `()`.
        **tuner_options: arguments of the tuner, such as `factor` or `beta`.

    Returns:
        A `SearchResult` of `directory`.

    Raises:
        ValueError: An argument is invalid; the search in `directory` was
            started with other arguments or another space; a finite space has
            fewer than `max_trials` combinations; the objective is not among
            the metrics.
        RuntimeError: Another process searches in `directory`; no trial
            succeeded; the workers died.
        TimeoutError: No trial ended before `time_limit`.
        keras_tuner.errors.FatalError: The hypermodel raised one.

    Example:

    >>> import keras, numpy, tempfile
    >>> from keras_attention.tuning import search
    >>> def build(hp):
    ...     units = hp.Choice("units", [1, 2])
    ...     model = keras.Sequential([keras.layers.Dense(units)])
    ...     model.compile("sgd", "mse")
    ...     return model
    >>> x, y = numpy.ones((4, 2)), numpy.ones((4, 1))
    >>> result = search(build, (x, y), (x, y), objective="val_loss",
    ...     max_trials=1, directory=tempfile.mkdtemp())
    1/1  val_loss ...  best ...: units=...
    >>> result.best["status"]
    'COMPLETED'

    Cost:
        A process of `workers` loads the backend, 5 to 10 seconds, and a copy
        of the data.

    See also:
        `SearchResult`, what to do with the outcome.
    """
    job, objective = make_job(
        hypermodel=hypermodel,
        train=train,
        validation=validation,
        tuner=tuner,
        objective=objective,
        max_trials=max_trials,
        directory=directory,
        seed=seed,
        epochs=epochs,
        callbacks=callbacks,
        options=tuner_options,
    )
    tells = getattr(hypermodel, "metric_names", None)
    available = tells() if callable(tells) else None
    if available is not None:
        check_metrics(objective, available)
    deadline = float("inf")
    if time_limit is not None:
        deadline = time.monotonic() + positive_float("time_limit", time_limit)
    boolean("overwrite", overwrite)
    role = find_role(workers)
    if role.chief:
        settings = {
            "tuner": job.tuner_class.__qualname__,
            "objective": describe_objective(objective),
            "seed": job.seed,
            "epochs": epochs,
            "options": {
                name: describe_option(value)
                for name, value in tuner_options.items()
            },
            "max_trials": max_trials,
        }
        with locked(job.directory):
            _run(job, role, settings, deadline, overwrite)
    else:
        follow(job, role)
    return SearchResult(job.directory)


def _run(job, role, settings, deadline, overwrite):
    """Runs the search from the process that decides."""
    directory = pathlib.Path(job.directory)
    if overwrite:
        clear(directory)
    before = read_settings(directory)
    if before is not None and not has_results(directory):
        clear(directory)
    tuner = job.make_tuner()
    oracle = tuner.oracle
    oracle.deadline = deadline
    oracle.max_trials = settings["max_trials"]
    progress = Progress(
        oracle, _total(tuner, settings["max_trials"]), max(1, role.workers)
    )
    oracle.on_end = progress

    def open_search(space, failures):
        _open(oracle, directory, settings, space, failures)
        ended, total = len(oracle.end_order), progress.total
        if total and ended >= total:
            progress.note(
                f"Nothing left to do: {ended} of {total} trials are from "
                "before."
            )
        elif ended:
            progress.note(
                f"The search goes on: {ended} of {total or '?'} trials are "
                "from before."
            )

    try:
        if role.alone:
            failures = explore(tuner.hypermodel, oracle)
            open_search(space_config(oracle.get_space()), failures)
            args, kwargs = job.fit_arguments()
            tuner.search(*args, **kwargs)
        else:
            lead(job, role, oracle, open_search)
    finally:
        progress.close()
    _conclude(oracle, settings["max_trials"], progress)


def _open(oracle, directory, settings, space, failures):
    """Starts a new search, or resumes the one that is there."""
    settings = {**settings, "space": space, "complete": not failures}
    before = read_settings(directory)
    if before is not None:
        lines = changes(before, settings)
        if len(lines) > _FEW:
            lines[_FEW:] = [f"... and {len(lines) - _FEW} more"]
        if lines:
            raise ValueError(
                f"The search in {directory} was started otherwise:\n  "
                + "\n  ".join(lines)
                + "\nCall it as before to resume it, choose another "
                "directory, or pass overwrite=True to delete its trials."
            )
        oracle.reload()
    write_settings(directory, settings)
    oracle.update_space(space_of(space))
    oracle.save()
    if failures:
        warnings.warn(
            f"{len(failures)} models could not be built while the space was "
            f"explored; trials may find more of it. The first: {failures[0]}"
        )


def _conclude(oracle, max_trials, progress):
    """Raises what ended the search early; leaves every file readable."""
    if oracle.error:
        raise oracle.error
    oracle.check_files()
    oracle.save()
    trials = list(oracle.trials.values())
    if any(trial.status == Status.COMPLETED for trial in trials):
        if max_trials and len(trials) < max_trials and not oracle.late():
            progress.note(
                f"The tuner has no more to propose after {len(trials)} trials."
            )
        return
    failed = reasons(trials)
    if oracle.late():
        raise TimeoutError(
            "No trial succeeded before the time limit. "
            + ("Failed: " + "; ".join(failed) if failed else "None ended.")
        )
    raise RuntimeError("No trial succeeded. Failed: " + "; ".join(failed))


def _total(tuner, max_trials):
    """How many trials there will be; `None` if nobody knows."""
    if isinstance(tuner, keras_tuner.Hyperband):
        schedule = hyperband_trials(tuner.oracle)
        if max_trials and max_trials < schedule:
            warnings.warn(
                f"Hyperband's schedule has {schedule} trials, and "
                f"max_trials={max_trials} cuts it. Pass max_trials=None for "
                "all of it, or fewer epochs for a shorter one."
            )
            return max_trials
        return schedule
    return max_trials or space_size(tuner.hypermodel)
