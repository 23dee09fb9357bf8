"""The winner again, on fresh seeds and on data the search never saw."""

import contextlib
import copy
import dataclasses
import gc
import inspect
import pathlib
import shutil
import statistics
import tempfile
import time

import keras

from keras_attention import arguments
from keras_attention.metrics.table import html_table
from keras_attention.metrics.table import text_table


@dataclasses.dataclass(frozen=True, eq=False)
class Retraining:
    """The winner's search score beside what it does on fresh seeds.

    Attributes:
        rows: One dictionary a seed: `seed`, `seconds`, and the metrics of
            `model.evaluate`: those of the test set, and with `val_` those of
            the validation set if it was given.
        metric: The metric on the test set, by default what the search's
            objective names.
        searched: Name of the same metric in the search.
        direction: `"max"` or `"min"`, `None` if it was not the objective.
        search_score: Its value for the winner in the search, or `None`.
        path: Where the model of the median seed is, or `None`.
        kept_seed: That seed.
    """

    rows: list
    metric: str
    searched: str
    direction: str | None
    search_score: float | None
    path: pathlib.Path | None
    kept_seed: int

    @property
    def values(self):
        """The metric on the test set, one a seed."""
        return [row[self.metric] for row in self.rows]

    @property
    def mean(self):
        """The mean over seeds."""
        return statistics.fmean(self.values)

    @property
    def spread(self):
        """The largest less the smallest; 0 for one seed."""
        return max(self.values) - min(self.values)

    @property
    def optimism(self):
        """By how much the search's score was better than the fresh mean.

        `None` for another metric than the objective. Against the validation
        set if it was given, which leaves the choice of the luckiest trial as
        the only cause; else against the test set, which is also other images.
        """
        if self.direction is None or self.search_score is None:
            return None
        fresh = f"val_{self.metric}"
        told = [row.get(fresh, row[self.metric]) for row in self.rows]
        gap = self.search_score - statistics.fmean(told)
        return gap if self.direction == "max" else -gap

    def __str__(self):
        return "\n".join([text_table(*self._table()), *self._notes()])

    def _repr_html_(self):
        notes = [[note] for note in self._notes()]
        return html_table(*self._table()) + html_table(["note"], notes)

    def _table(self):
        fresh = [self.metric]
        if self._is_validated():
            fresh.insert(0, f"val_{self.metric}")
        names = {f"val_{self.metric}": self.searched, self.metric: self._test()}
        header = ["seed", *(names[name] for name in fresh), "seconds"]
        rows = [
            [
                str(row["seed"]),
                *(f"{row[name]:.4g}" for name in fresh),
                f"{row['seconds']:.0f}",
            ]
            for row in self.rows
        ]
        means = [
            f"{statistics.fmean(row[name] for row in self.rows):.4g}"
            for name in fresh
        ]
        rows.append(["mean", *means, "-"])
        if self.search_score is not None:
            score = f"{self.search_score:.4g}"
            if self._is_validated():
                rows.append(["search", score, "-", "-"])
            else:
                # Other images: not in the column of the test set.
                header.insert(1, self.searched)
                rows = [[row[0], "-", *row[1:]] for row in rows]
                rows.append(["search", score, "-", "-"])
        return header, rows

    def _notes(self):
        notes = [
            f"{len(self.rows)} fresh seeds, {self._test()}: mean "
            f"{self.mean:.4g}, largest less smallest {self.spread:.2g}"
        ]
        if self.optimism is not None:
            notes.append(
                f"the search's score is {abs(self.optimism):.2g} "
                f"{'better' if self.optimism >= 0 else 'worse'} than the "
                "fresh mean, "
                + (
                    "on the same validation images"
                    if self._is_validated()
                    else "but validation images are not test images: with "
                    "validation= luck and change of images come apart"
                )
            )
        numbers = [
            {name: row[name] for name in row if name not in ("seed", "seconds")}
            for row in self.rows
        ]
        if len(numbers) > 1 and all(n == numbers[0] for n in numbers):
            notes.append(
                "every seed gave exactly the same numbers: the hypermodel "
                "probably sets a seed of its own"
            )
        if self.path:
            notes.append(f"seed {self.kept_seed}, the median: {self.path}")
        return notes

    def _is_validated(self):
        return f"val_{self.metric}" in self.rows[0]

    def _test(self):
        return f"test {self.metric}"


def retrain(
    result,
    *,
    hypermodel,
    train,
    test,
    validation=None,
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
        result: A `SearchResult`.
        hypermodel: The `keras_tuner.HyperModel` of the search, or its
            function of `hp`.
        train: What `fit` takes: a data set, `(x, y)`, or a function without
            arguments that returns either.
        test: What `evaluate` takes, in the same forms.
        validation: The search's validation data: given to `fit`, which may
            demand it, and evaluated too, which tells luck from a change of
            images.
        seeds: Seeds, each of which is one training.
        epochs: For `fit`. With `None` the winner's budget of a Hyperband
            search, else what `fit` does without it.
        path: Optional new `.keras` file for the model of the median seed.
        metric: Name in `evaluate`'s results; `None` for the search's
            objective without its `val_`.
        **fit_options: For `fit`, for instance `callbacks`.

    Returns:
        A `Retraining`.

    Raises:
        ValueError: Without a winner, for seeds that are none or not distinct,
            for a path that exists, for a hypermodel that asks for other
            hyperparameters than were searched or does not train the model it
            is given, for a metric that `evaluate` does not give.

    Example:

    >>> import numpy as np
    >>> from keras_attention.tuning.example_search import example_search
    >>> from keras_attention.tuning.result import SearchResult
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
    path = _checked(seeds, path)
    metric = metric or result.objective.removeprefix("val_")
    if epochs is None:
        epochs = trial.values.get("tuner/epochs")
    options = dict(fit_options)
    if epochs is not None:
        options["epochs"] = epochs
    rows = []
    # Beside the target, so that the last step is a rename.
    parent = path.parent if path else None
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        for seed in seeds:
            keras.utils.set_random_seed(seed)
            start = time.perf_counter()
            with _seeded(hypermodel, seed):
                model = _trained(hypermodel, trial, train, validation, options)
            row = {"seed": seed, "seconds": time.perf_counter() - start}
            row |= _evaluated(model, test, "", metric)
            if validation is not None:
                row |= _evaluated(model, validation, "val_", metric)
            rows.append(row)
            if path:
                model.save(f"{folder}/{seed}.keras")
            # Before the next model is built: two may not fit in memory.
            del model
            gc.collect()
        values = [row[metric] for row in rows]
        kept = seeds[values.index(statistics.median_low(values))]
        if path:
            shutil.move(f"{folder}/{kept}.keras", path)
    if metric == result.objective.removeprefix("val_"):
        searched, direction = result.objective, result.direction
    else:
        searched, direction = f"val_{metric}", None
    score = trial.metrics.get(searched)
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
    seeds = list(seeds)
    if not seeds or len({*seeds}) < len(seeds):
        expected = "at least one seed, each once"
        raise ValueError(arguments.invalid("seeds", seeds, expected))
    for seed in seeds:
        arguments.non_negative_int("seeds", seed)
    if path is None:
        return None
    path = pathlib.Path(path)
    if path.suffix != ".keras" or path.exists():
        expected = "a new file that ends in .keras"
        raise ValueError(arguments.invalid("path", str(path), expected))
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _trained(hypermodel, trial, train, validation, options):
    import keras_tuner

    # It changes the dictionary that it is given.
    hp = keras_tuner.HyperParameters.from_config(copy.deepcopy(trial.config))
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
    found = model.evaluate(
        *_positional(_data(data)), verbose=0, return_dict=True
    )
    arguments.one_of("metric", metric, tuple(found))
    return {prefix + name: float(value) for name, value in found.items()}


def _data(data):
    return data() if inspect.isroutine(data) else data


def _positional(data):
    return data if isinstance(data, tuple) else (data,)
