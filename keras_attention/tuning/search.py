"""The search: KerasTuner proposes, trials run here or on Dask, Keras trains."""

import contextlib
import time
import warnings

import keras_tuner

from keras_attention.internals.arguments import boolean
from keras_attention.internals.arguments import positive_float
from keras_attention.tuning.engine.exploration import explore
from keras_attention.tuning.engine.exploration import majority
from keras_attention.tuning.engine.failures import Lost
from keras_attention.tuning.engine.failures import reasons
from keras_attention.tuning.engine.failures import signature
from keras_attention.tuning.engine.folder import Folder
from keras_attention.tuning.engine.folder import write_json
from keras_attention.tuning.engine.oracles import hyperband_trials
from keras_attention.tuning.engine.pools import make_pool
from keras_attention.tuning.engine.progress import Progress
from keras_attention.tuning.engine.proposals import Proposals
from keras_attention.tuning.engine.request import check_workers
from keras_attention.tuning.engine.request import make_job
from keras_attention.tuning.engine.request import make_oracle
from keras_attention.tuning.engine.request import told
from keras_attention.tuning.engine.run import Outcome
from keras_attention.tuning.engine.run import run_trial
from keras_attention.tuning.engine.settings import describe_option
from keras_attention.tuning.engine.settings import plain
from keras_attention.tuning.engine.settings import read_settings
from keras_attention.tuning.engine.settings import refuse_changes
from keras_attention.tuning.engine.settings import space_of
from keras_attention.tuning.result.search_result import SearchResult
from keras_attention.tuning.trial.objective import check_metrics
from keras_attention.tuning.trial.objective import describe_objective

ALIKE = 3  # So many first trials that fail alike end the search.


def search(
    hypermodel,
    train,
    validation=None,
    *,
    tuner="random",
    objective="val_accuracy",
    max_trials=20,
    time_limit=None,
    workers=None,
    client=None,
    directory="runs/search",
    seed=0,
    epochs=None,
    overwrite=False,
    callbacks=(),
    fit_options=None,
    **tuner_options,
):
    """Searches hyperparameters with KerasTuner, and survives what goes wrong.

    The same call resumes a search that was stopped, killed or cut by its time
    limit: finished trials are kept and count towards `max_trials`,
    interrupted ones run again with the same values. A trial that fails (out
    of memory, an impossible model, an objective that is no number) is kept
    with its reason and the search goes on; so is one whose process died three
    times. Only when the first three fail unexpectedly for one reason does the
    search stop.

    Args:
        hypermodel: `keras_tuner.HyperModel`, or callable of hyperparameters
            that returns a compiled model. Of what `model.fit` returned the best
            epoch counts; a `fit` of its own may return a dictionary or a number
            too. The weights kept are those of the epoch with that objective,
            else the last.
        train: tuple, data set or callable, what `fit` takes: `(x, y)`,
            `(x, y, sample_weight)`, a dataset; or a function without arguments
            that returns it, which other processes need for what cannot be
            pickled, such as a `tf.data` pipeline.
        validation: tuple, data set or callable, what `fit` takes as
            `validation_data`, the same way; `None` for a hypermodel that needs
            none. Defaults to `None`.
        tuner: str or `keras_tuner.Oracle`, `"random"`, `"grid"`,
            `"hyperband"`, `"bayesian"`, or an oracle, which brings its own
            objective, number of trials and seed. Defaults to `"random"`.
        objective: str, `keras_tuner.Objective` or list: a metric's name, whose
            direction is inferred; an objective; or a list of them. Defaults to
            `"val_accuracy"`.
        max_trials: int, the trials of all calls together; `None` for as many as
            a grid or Hyperband's schedule has. Defaults to `20`.
        time_limit: float or `None`, seconds after which no trial starts; those
            that run then are finished. Defaults to `None`.
        workers: int, str or `None`, how many trials run at a time. 1 is this
            process, more are processes of this machine, with a GPU each where
            there are any; `"auto"` is one a GPU. `None` is 1, or with `client`
            as many as it has workers: one that comes later gets its first
            trial when another trial ends. A cluster that adapts grows with
            what waits, and needs the number. Defaults to `None`.
        client: `distributed.Client` or `None`, of a Dask cluster whose workers
            run the trials, each with one thread: over SSH, SLURM, Kubernetes, a
            cloud. Defaults to `None`.
        directory: str or path, folder of the search. All machines must see it.
            Defaults to `"runs/search"`.
        seed: int of at least 0. The same seed proposes the same trials to one
            worker, and a trial's random numbers depend on its number and the
            seed alone, where `max_trials` has as many digits. The global seeds
            are set. Defaults to `0`.
        epochs: int, epochs of a trial; with Hyperband, of a trial that is
            trained to the end (`max_epochs`). `None` leaves it to the
            hypermodel. Defaults to `None`.
        overwrite: bool, whether a search in `directory` is deleted first.
            Nothing else in that folder is. Defaults to `False`.
        callbacks: list or tuple of Keras callbacks of every trial, each of
            which gets a copy. Defaults to `()`.
        fit_options: dict, further arguments of `fit`, such as `class_weight`,
            by which a search is known as by its seed. Defaults to `None`.
        **tuner_options: arguments of the key's oracle, such as `factor`,
            `beta`, `hyperparameters` or `max_retries_per_trial`.

    Returns:
        A `SearchResult` of `directory`.

    Raises:
        ValueError: An argument is invalid; the search in `directory` was
            started with other arguments or another space; a finite space has
            fewer than `max_trials` combinations; the objective is not among
            the metrics; a worker of `client` has several threads.
        RuntimeError: Another process searches in `directory`; no trial
            succeeded; the Dask cluster was lost.
        TimeoutError: No trial ended before `time_limit`.
        ImportError: Several workers without the package `distributed`.
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
    1/1  val_loss ...  best ... (trial 0)
    >>> result.best["status"]
    'COMPLETED'

    Cost:
        A process of `workers` loads the backend, 5 to 10 seconds, and a copy
        of the data.

    See also:
        `SearchResult`, what to do with the outcome.
    """
    oracle = make_oracle(
        tuner, objective, max_trials, seed, epochs, tuner_options
    )
    if oracle is tuner:
        max_trials = oracle.max_trials
    job = make_job(
        hypermodel,
        train,
        validation,
        oracle,
        max_trials=max_trials,
        directory=directory,
        seed=seed,
        epochs=epochs,
        callbacks=callbacks,
        fit_options=fit_options or {},
    )
    available = told(job.hypermodel, "metric_names")
    if available is not None:
        check_metrics(oracle.objective, available)
    deadline = float("inf")
    if time_limit is not None:
        deadline = time.monotonic() + positive_float("time_limit", time_limit)
    boolean("overwrite", overwrite)
    workers = check_workers(workers, client)
    settings = {
        "tuner": type(oracle).__qualname__.removesuffix("Oracle"),
        "objective": describe_objective(oracle.objective),
        "seed": seed,
        "epochs": epochs,
        "options": describe_option(tuner_options),
        "max_trials": max_trials,
    }
    for name, value in (("fit_options", fit_options), ("callbacks", callbacks)):
        if value:
            settings[name] = describe_option(value)
    oracle.max_trials = max_trials
    folder = Folder(job.directory)
    with folder.locked():
        folder.sweep()
        if overwrite:
            folder.clear()
        if read_settings(folder) is not None and not folder.has_results():
            folder.clear()
        with (
            make_pool(job, folder.jobs, workers, client) as pool,
            contextlib.closing(Proposals(oracle, folder)) as proposals,
        ):
            _run(job, folder, proposals, pool, settings, deadline)
    return SearchResult(job.directory)


def _run(job, folder, proposals, pool, settings, deadline):
    """The search, from its space to its end."""
    oracle = proposals.oracle
    known = oracle.get_space().get_config()
    entries = oracle.allow_new_entries, oracle.tune_new_entries
    space, failures = _only(pool, explore, known, *entries)
    settings |= {"space": plain(space["space"]), "complete": not failures}
    before = read_settings(folder)
    if before is not None:
        refuse_changes(folder, before, settings)
        proposals.restore()
        settings["majority"] = before.get("majority")
    else:
        settings["majority"] = _only(pool, majority)
    write_json(folder.settings, settings)
    oracle.update_space(space_of(space["space"]))
    proposals.save()
    if failures:
        warnings.warn(
            f"{len(failures)} models could not be built while the space was "
            f"explored; trials may find more of it. The first: {failures[0]}"
        )
    total = _total(job, oracle, settings["max_trials"])
    progress = Progress(proposals, total, deadline)
    if before is None and hasattr(job.hypermodel, "describe_space"):
        progress.note(job.hypermodel.describe_space())
    _tell_what_is_there(proposals, progress)
    try:
        _work(pool, proposals, progress, deadline)
    except KeyboardInterrupt:
        progress.close()
        progress.note(
            f"Interrupted after {proposals.ended} trials. The same call goes "
            "on with the search."
        )
        raise
    progress.close()
    proposals.save()
    _conclude(proposals, settings["max_trials"], progress, deadline)


def _only(pool, function, *arguments):
    """The result of a single task."""
    pool.submit(function.__name__, function, *arguments)
    _, found = pool.next()
    if isinstance(found, Lost):
        raise RuntimeError(f"The search did not begin. {found.reason}")
    return found


def _work(pool, proposals, progress, deadline):
    """Asks, runs and tells, until nothing runs and nothing more will."""
    running, session = {}, []
    try:
        while True:
            while len(running) < pool.slots and time.monotonic() < deadline:
                trial = proposals.ask()
                if trial is None:
                    break
                running[trial.trial_id] = trial
                config = trial.hyperparameters.get_config()
                pool.submit(trial.trial_id, run_trial, trial.trial_id, config)
            if not running:
                return
            trial_id, outcome = pool.next()
            trial = running[trial_id]
            if isinstance(outcome, Lost):
                outcome = Outcome("FAILED", message=outcome.reason)
            if outcome.status == "FATAL":
                raise outcome.error
            ended = proposals.tell(trial, outcome)
            del running[trial_id]
            if ended:
                progress(trial, len(running), pool.slots)
                session.append(trial)
                _stop_if_all_fail(session, proposals)
    finally:
        # What ends the search did not end because of them.
        for trial_id in running:
            proposals.folder.end(trial_id)


def _stop_if_all_fail(session, proposals):
    first = session[:ALIKE]
    failures = {signature(trial.message) for trial in first}
    if len(first) < ALIKE or len(failures) > 1 or None in failures:
        return
    if not any(trial.status == "COMPLETED" for trial in proposals.trials):
        raise RuntimeError(
            f"The first {ALIKE} trials failed for one reason, so the search "
            f"stopped:\n{first[0].message}"
        )


def _tell_what_is_there(proposals, progress):
    ended, total = proposals.ended, progress.total
    if total and ended >= total:
        progress.note(
            f"Nothing left to do: {ended} trials are from before, {total} "
            "were asked for."
        )
    elif ended:
        progress.note(
            f"The search goes on: {ended} of {total or '?'} trials are from "
            "before."
        )


def _conclude(proposals, max_trials, progress, deadline):
    """Raises what a search without a result ended with."""
    trials, late = proposals.trials, time.monotonic() > deadline
    if any(trial.status == "COMPLETED" for trial in trials):
        if max_trials and len(trials) < max_trials and not late:
            progress.note(
                f"The tuner has no more to propose after {len(trials)} trials."
            )
        return
    failed = reasons(trials)
    if late:
        raise TimeoutError(
            "No trial succeeded before the time limit. "
            + ("Failed: " + "; ".join(failed) if failed else "None ended.")
        )
    raise RuntimeError("No trial succeeded. Failed: " + "; ".join(failed))


def _total(job, oracle, max_trials):
    """How many trials there will be; `None` if nobody knows."""
    if isinstance(oracle, keras_tuner.oracles.HyperbandOracle):
        schedule = hyperband_trials(oracle)
        if max_trials and max_trials < schedule:
            warnings.warn(
                f"Hyperband's schedule has {schedule} trials, and "
                f"max_trials={max_trials} cuts it. Pass max_trials=None for "
                "all of it, or fewer epochs for a shorter one."
            )
            return max_trials
        return schedule
    return max_trials or told(job.hypermodel, "space_size")
