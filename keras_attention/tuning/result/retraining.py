"""The winner again, on fresh seeds and on data the search never saw."""

import math
import numbers
import os
import pathlib
import tempfile
from collections.abc import Iterable

from keras_attention.internals import arguments
from keras_attention.tuning.engine.folder import Folder
from keras_attention.tuning.engine.job import as_hypermodel
from keras_attention.tuning.engine.pools import map_over
from keras_attention.tuning.engine.request import check_workers
from keras_attention.tuning.result.rebuilding import SeedJob
from keras_attention.tuning.result.rebuilding import check_space
from keras_attention.tuning.result.rebuilding import fresh_config
from keras_attention.tuning.result.rebuilding import train_seed
from keras_attention.tuning.result.retraining_report import Retraining
from keras_attention.tuning.trial.objective import get_objective


def retrain(
    result,
    *,
    hypermodel,
    train,
    test,
    validation=None,
    values=None,
    seeds=(0, 1, 2),
    epochs=None,
    path=None,
    metric=None,
    workers=None,
    client=None,
    **fit_options,
):
    """Trains the winner of a search on fresh seeds and tests it.

    The best of many trials is partly the luckiest: its score is too good. The
    model is built from the stored hyperparameters, trained by the
    hypermodel's own `fit`, and evaluated on data the search has not seen. A
    hypermodel with an attribute `seed`, such as `AttentionHyperModel`, has
    the fresh one in it meanwhile, and trains once a seed whatever its `seeds`
    and `folds`.

    Args:
        result: `SearchResult`.
        hypermodel: `keras_tuner.HyperModel` of the search, or its function of
            `hp`.
        train: data set, tuple or callable, what `fit` takes: a data set,
            `(x, y)`, or a function without arguments that returns either.
        test: data set, tuple or callable, what `evaluate` takes, in the same
            forms.
        validation: data set, tuple or callable, the search's validation data:
            given to `fit`, which may demand it, and evaluated too, which tells
            luck from a change of images. Defaults to `None`.
        values: dict, hyperparameters to train in place of the winner's, to
            compare it with: such as `hypermodel.baselines` gives. Defaults to
            `None`.
        seeds: tuple of int, each of which is one training; or an int, how
            many, from 0 on. Defaults to `(0, 1, 2)`.
        epochs: int, for `fit`. With `None` the winner's budget of a Hyperband
            search, else what `fit` does without it. Defaults to `None`.
        path: str or path, a new `.keras` file for the model of the median
            seed, of two in the middle that of the better one. Defaults to
            `None`.
        metric: str, a name in `evaluate`'s results; `None` for the search's
            objective without its `val_`. Defaults to `None`.
        workers: int, str or `None`, how many seeds train at a time, as in
            `search`. Defaults to `None`.
        client: `distributed.Client` or `None`, as in `search`. Defaults to
            `None`.
        **fit_options: for `fit`, for instance `callbacks`.

    Returns:
        A `Retraining`.

    Raises:
        ValueError: Without a winner, for seeds that are none or not distinct,
            for a path that exists, for a hypermodel that asks for other
            hyperparameters than were searched or does not train the model it
            is given, for a metric that `evaluate` does not give.

    Cost:
        One training a seed.

    See also:
        `best_model`, for the network that the search itself has trained;
        `SearchResult`, whose example retrains.
    """
    trial = result.winner()
    seeds, path = _checked(seeds, path)
    objective = result.objective.removeprefix("val_")
    metric = metric or objective
    searched, direction = f"val_{metric}", None
    if metric == objective:
        searched, direction = result.objective, result.direction
    better = _better(metric, direction, len(seeds)) if path else None
    config = fresh_config(trial, values)
    check_space(hypermodel, config, given=values is not None)
    if epochs is None:
        epochs = trial.values.get("tuner/epochs")
    job = SeedJob(
        hypermodel=as_hypermodel(hypermodel),
        train=train,
        validation=validation,
        objective=None,
        directory=result.directory,
        seed=None,
        epochs=epochs,
        fit_options=fit_options,
        config=config,
        test=test,
        metric=metric,
    )
    # Beside the target, so that the last step is a rename.
    parent, kept = path.parent if path else None, None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        files = {seed: pathlib.Path(folder, f"{seed}.keras") for seed in seeds}
        items = [(seed, files[seed] if path else None) for seed in seeds]
        rows = map_over(
            train_seed,
            items,
            job=job,
            folder=Folder(result.directory).retraining,
            workers=check_workers(workers, client),
            client=client,
        )
        if path:
            kept = _median_seed(rows, metric, better)
            os.replace(files[kept], path)
    score = trial.metrics.get(searched) if values is None else None
    return Retraining(rows, metric, searched, direction, score, path, kept)


def _better(metric, direction, count):
    """Which way a metric is better, if the median needs to know."""
    if direction is not None or count % 2:
        return direction
    try:
        return get_objective(metric).direction
    except ValueError as error:
        raise ValueError(
            f"Whether {metric!r} is better when it is larger is not known, so "
            "neither is which of the two seeds in the middle is kept in path. "
            f"Pass an odd number of seeds. Received: {count}"
        ) from error


def _median_seed(rows, metric, direction):
    """The seed in the middle; of two in the middle the better one."""
    sign = -1 if direction == "max" else 1
    best_first = sorted(
        rows, key=lambda row: (math.isnan(row[metric]), sign * row[metric])
    )
    return best_first[(len(rows) - 1) // 2]["seed"]


def _checked(seeds, path):
    given = seeds
    if isinstance(seeds, numbers.Integral) and not isinstance(seeds, bool):
        seeds = range(seeds)
    seeds = list(seeds) if isinstance(seeds, Iterable) else []
    if not seeds or len({*seeds}) < len(seeds):
        expected = "at least one seed, each once, or how many"
        raise ValueError(arguments.invalid("seeds", given, expected))
    for seed in seeds:
        arguments.non_negative_int("seeds", seed)
    if path is None:
        return seeds, None
    path = pathlib.Path(path)
    if path.suffix != ".keras" or path.exists():
        expected = "a new file that ends in .keras"
        raise ValueError(arguments.invalid("path", str(path), expected))
    path.parent.mkdir(parents=True, exist_ok=True)
    return seeds, path
