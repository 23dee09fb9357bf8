"""The winner again, on fresh seeds and on data the search never saw."""

import contextlib
import copy
import gc
import numbers
import pathlib
import shutil
import statistics
import tempfile
import time
from collections.abc import Iterable

import keras

from keras_attention.internals import arguments
from keras_attention.internals.files import save_model
from keras_attention.tuning.result.retraining_report import Retraining
from keras_attention.tuning.result.trial import active
from keras_attention.tuning.trial.supervised import supervised


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
        path: str or path, a new `.keras` file for the model of the median seed.
            Defaults to `None`.
        metric: str, a name in `evaluate`'s results; `None` for the search's
            objective without its `val_`. Defaults to `None`.
        **fit_options: for `fit`, for instance `callbacks`.

    Returns:
        A `Retraining`.

    Raises:
        ValueError: Without a winner, for seeds that are none or not distinct,
            for a path that exists, for a hypermodel that asks for other
            hyperparameters than were searched or does not train the model it
            is given, for a metric that `evaluate` does not give.

    Example:

    >>> import numpy as np
    >>> from keras_attention.tuning.result.example_search import example_search
    >>> from keras_attention.tuning import SearchResult
    >>> def build(hp):
    ...     layer = keras.layers.Dense(2, activation="softmax")
    ...     model = keras.Sequential([keras.Input((3,)), layer])
    ...     model.compile(
    ...         keras.optimizers.SGD(hp.get("learning_rate")),
    ...         loss="sparse_categorical_crossentropy",
    ...         metrics=["accuracy"],
    ...     )
    ...     return model
    >>> data = np.ones((8, 3)), np.array([0, 1] * 4)
    >>> fresh = retrain(
    ...     SearchResult(example_search(trials=3)),
    ...     hypermodel=build,
    ...     train=data,
    ...     test=data,
    ...     seeds=(1, 2),
    ... )
    >>> fresh.mean, fresh.spread
    (0.5, 0.0)

    Cost:
        One training a seed.
    """
    trial = result.winner()
    seeds, path = _checked(seeds, path)
    metric = metric or result.objective.removeprefix("val_")
    if epochs is None:
        epochs = trial.values.get("tuner/epochs")
    options = dict(fit_options)
    if epochs is not None:
        options["epochs"] = epochs
    config = _config(trial, values)
    _check_space(hypermodel, config, values)
    rows = []
    # Beside the target, so that the last step is a rename.
    parent = path.parent if path else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for seed in seeds:
            keras.utils.set_random_seed(seed)
            start = time.perf_counter()
            with _seeded(hypermodel, seed):
                model = _trained(hypermodel, config, train, validation, options)
            row = {"seed": seed, "seconds": time.perf_counter() - start}
            row |= _evaluated(model, test, "", metric)
            if validation is not None:
                row |= _evaluated(model, validation, "val_", metric)
            rows.append(row)
            if path:
                save_model(model, f"{folder}/{seed}.keras")
            # Before the next model is built: two may not fit in memory.
            del model
            gc.collect()
        scores = [row[metric] for row in rows]
        kept = seeds[scores.index(statistics.median_low(scores))]
        if path:
            shutil.move(f"{folder}/{kept}.keras", path)
    if metric == result.objective.removeprefix("val_"):
        searched, direction = result.objective, result.direction
    else:
        searched, direction = f"val_{metric}", None
    score = trial.metrics.get(searched) if values is None else None
    return Retraining(rows, metric, searched, direction, score, path, kept)


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


def _checked(seeds, path):
    given = seeds
    if isinstance(seeds, numbers.Integral) and not isinstance(seeds, bool):
        seeds = range(seeds)
    seeds = list(seeds) if isinstance(seeds, Iterable) else []
    if not seeds or len({*seeds}) < len(seeds):
        expected = "at least one seed, each once, or how many"
        seeds = given
        raise ValueError(arguments.invalid("seeds", seeds, expected))
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


def _config(trial, values):
    """The hyperparameters' configuration, without the tuner's own values.

    A Hyperband trial went on with another's weights, from an epoch that its
    values tell; a fresh network starts with the first.
    """
    values = trial.config["values"] if values is None else values
    own = {n: v for n, v in values.items() if not n.startswith("tuner/")}
    return {**trial.config, "values": own}


def _check_space(hypermodel, config, values):
    """Asks a hypermodel that can tell whether it draws these values.

    KerasTuner hands out what was stored, among a hypermodel's choices or not.
    """
    if not hasattr(hypermodel, "check_values"):
        return
    try:
        hypermodel.check_values(active(config))
    except ValueError as error:
        if values is not None:
            raise
        raise ValueError(
            "Invalid value for argument hypermodel: expected the one of the "
            "search, with the same mechanisms, places and choices. Received: "
            "one that cannot draw the winner's hyperparameters: "
            f"{str(error).partition('Received: ')[2]}"
        ) from error


def _trained(hypermodel, config, train, validation, options):
    import keras_tuner

    # It changes the dictionary that it is given.
    hp = keras_tuner.HyperParameters.from_config(copy.deepcopy(config))
    known = {*hp.values}
    model = getattr(hypermodel, "build", hypermodel)(hp)
    new = sorted({*hp.values} - known)
    if new:
        raise ValueError(
            "Invalid value for argument hypermodel: expected the one of the "
            f"search, which had the hyperparameters {sorted(known)}. "
            f"Received: one that also asks for {new}"
        )
    if validation is not None:
        options = {**options, "validation_data": _data(validation)}
    options.setdefault("verbose", 0)
    positional = _positional(_data(train))
    if hasattr(hypermodel, "fit"):
        hypermodel.fit(hp, model, *positional, **options)
    else:
        model.fit(*positional, **options)
    optimizer = getattr(model, "optimizer", None)
    if optimizer is not None and int(optimizer.iterations) == 0:
        raise ValueError(
            "Invalid value for argument hypermodel: expected a fit that "
            "trains the model it is given. Received: one that left it "
            "untrained, for instance because it trains copies of its own"
        )
    return model


def _evaluated(model, data, prefix, metric):
    data = _positional(supervised(_data(data)))
    found = model.evaluate(*data, verbose=0, return_dict=True)
    arguments.one_of("metric", metric, tuple(found))
    return {prefix + name: float(value) for name, value in found.items()}


def _data(data):
    return data() if callable(data) else data


def _positional(data):
    return data if isinstance(data, tuple) else (data,)
