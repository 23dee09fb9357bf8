"""The result of a search: read from its folder, to decide from."""

import functools
import json
import pathlib

from keras_attention.internals import arguments
from keras_attention.internals.files import write_text
from keras_attention.tuning.result import leaderboard
from keras_attention.tuning.result.hyperparameters import fixed
from keras_attention.tuning.result.hyperparameters import hyperparameters
from keras_attention.tuning.result.importance import importance
from keras_attention.tuning.result.records import read_search


class SearchResult:
    """What a hyperparameter search found, ready to print, show and save.

    Reads the files of any KerasTuner search, finished or not, also those of
    other programs, and trains nothing. Printing gives the leaderboard,
    `summary()` says in words what it means. Extra metrics that a trial's
    `fit` returned are shown where they are there: `parameters`, `flops`,
    `seconds`, `attention_energy`, and `<objective>_spread` with the values of
    the repeats.

    Args:
        directory: str or path, the folder with `oracle.json`; of a `Tuner`, its
            `directory` and `project_name` together.
        objective: str, a metric to rank by; `None` for the search's own.
            Defaults to `None`.
        direction: str, `"max"` or `"min"` for another metric than the search's.
            Defaults to `None`.

    Attributes:
        objective: str, the metric that ranks the trials, `None` before the
            first one has finished.
        direction: str, `"max"` or `"min"`, `None` before the first one has
            finished.
        trials: list of every `trial.Trial`, in the order they ended.
        finished: list of those with a score, the best first.
        unfinished: list of the others: running, failed, invalid or damaged.

    Raises:
        ValueError: For a folder without a search, for a damaged
            `oracle.json`, for an objective that is not known.

    Example:

    >>> from keras_attention.tuning.result.example_search import example_search
    >>> result = SearchResult(example_search(trials=3))
    >>> print(result)
    configuration                       trial  val_accuracy  spread ...
    ---...
    >>> result.best["hyperparameters"]["mechanism"]
    'mhsa'

    See also:
        `retrain`, for how good the winner is on fresh seeds and test data.
    """

    def __init__(self, directory, objective=None, direction=None):
        search = read_search(directory, objective, direction)
        self.directory = search.directory
        self.objective = search.objective
        self.direction = search.direction
        self.space = search.space
        self.trials = search.trials
        sign = -1 if search.direction == "max" else 1
        self.finished = sorted(
            (trial for trial in search.trials if trial.score is not None),
            key=lambda trial: sign * trial.score,
        )
        self.unfinished = [t for t in search.trials if t.score is None]
        self.hyperparameters = hyperparameters(self.finished, self.space)
        self.fixed = fixed(self.finished)

    @property
    def rows(self):
        """One dictionary of plain values a trial, the best first.

        `rank` (from 1, `None` without a score), `trial`, `status`, `score`,
        `spread`, `repeats`, `hyperparameters`, `metrics`, `reason` (why there
        is no score).
        """
        ranks = [*range(1, len(self.finished) + 1)]
        ranks += [None] * len(self.unfinished)
        return [
            {
                "rank": rank,
                "trial": trial.name,
                "status": trial.status,
                "score": trial.score,
                "spread": trial.spread,
                "repeats": list(trial.repeats),
                "hyperparameters": dict(trial.values),
                "metrics": dict(trial.metrics),
                "reason": trial.reason,
            }
            for rank, trial in zip(
                ranks, self.finished + self.unfinished, strict=True
            )
        ]

    @property
    def best(self):
        """The row of the best trial.

        Raises:
            ValueError: If no trial has a score; says why each has none.
        """
        self.winner()
        return self.rows[0]

    def winner(self):
        """The best `trial.Trial`; raises as `best` does."""
        if self.finished:
            return self.finished[0]
        reasons = "; ".join(f"{t.name}: {t.reason}" for t in self.unfinished)
        raise ValueError(
            f"No trial in {self.directory} has finished with a score. "
            + (f"Trials: {reasons}." if reasons else "It has no trials yet.")
        )

    @functools.cached_property
    def importance(self):
        """Which hyperparameters explain the scores, an `Importance`."""
        return importance(
            [
                [
                    parameter.position(trial.values.get(parameter.name))
                    for parameter in self.hyperparameters
                ]
                for trial in self.finished
            ],
            [parameter.name for parameter in self.hyperparameters],
            [trial.score for trial in self.finished],
        )

    def table(self, format=None):
        """All trials, for a reader or for another program.

        Args:
            format: str or `None`, `None` for aligned text, `"csv"` with a
                column a hyperparameter and a metric, `"json"` (`rows` and what
                was optimised), or `"dataframe"` for a `pandas.DataFrame` with
                the columns of the CSV. Defaults to `None`.

        Returns:
            A string, or the data frame.

        Raises:
            ValueError: For another format.
            ImportError: For `"dataframe"` without pandas.
        """
        arguments.one_of("format", format, (None, "csv", "json", "dataframe"))
        if format is None:
            return leaderboard.text(self, most=None)
        if format == "json":
            content = {
                "objective": self.objective,
                "direction": self.direction,
                "rows": self.rows,
            }
            return json.dumps(content, indent=2, allow_nan=False)
        records = leaderboard.flat(self.rows)
        if format == "csv":
            return leaderboard.csv_text(records)
        return leaderboard.data_frame(records)

    def summary(self):
        """What was found, how sure it is, and what mattered, in words."""
        from keras_attention.tuning.result.words import summary

        return summary(self)

    def __str__(self):
        return leaderboard.text(self)

    def _repr_html_(self):
        return leaderboard.html(self)

    def to_html(self, path):
        """Writes one page that needs no other file, and returns its path."""
        from keras_attention.tuning.result.page import page

        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page(self))
        return path

    def plot_progress(self):
        """Scores in the order in which trials ended, and the best so far."""
        from keras_attention.tuning.result import progress_plot

        return progress_plot.plot_progress(self)

    def plot_pareto(self, cost="flops"):
        """Score against a cost, with the trials that nothing dominates.

        Args:
            cost: str, a metric that is better when smaller: `"flops"`,
                `"parameters"`, `"seconds"` or any other that trials have.
                Defaults to `"flops"`.
        """
        from keras_attention.tuning.result import pareto_plot

        return pareto_plot.plot_pareto(self, cost)

    def plot_parallel(self, names=None):
        """One line a trial over the axes of its hyperparameters.

        Args:
            names: list of str, which hyperparameters; at most eight without
                them, those that explain most where that is known. Defaults to
                `None`.
        """
        from keras_attention.tuning.result import parallel_plot

        return parallel_plot.plot_parallel(self, names)

    def plot_importance(self):
        """How much of the scores' variance each hyperparameter explains."""
        from keras_attention.tuning.result import importance_plot

        return importance_plot.plot_importance(self)

    def plot_effects(self, names=None):
        """Mean scores for every value of a hyperparameter, with intervals.

        Args:
            names: list of str, which hyperparameters; without them those about
                mechanism and place. Defaults to `None`.
        """
        from keras_attention.tuning.result import effects_plot

        return effects_plot.plot_effects(self, names)

    def to_tensorboard(self, folder):
        """Writes every trial for TensorBoard's HParams page.

        TensorFlow is not needed. See `tensorboard_log.to_tensorboard`.
        """
        from keras_attention.tuning.result import tensorboard_log

        return tensorboard_log.to_tensorboard(self, folder)

    def to_mlflow(self, client=None, experiment=None):
        """Logs every trial that ended to MLflow; see `trackers.to_mlflow`."""
        from keras_attention.tuning.result import trackers

        return trackers.to_mlflow(self, client, experiment)

    def to_wandb(self, project=None, **options):
        """Logs every trial that ended to W&B; see `trackers.to_wandb`."""
        from keras_attention.tuning.result import trackers

        return trackers.to_wandb(self, project, **options)

    def retrain(
        self,
        *unnamed,
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
        """Trains the winner on fresh seeds, and tests it on unseen data.

        In full at `retraining.retrain`.

        Args:
            *unnamed: none; everything is given by name.
            hypermodel: `keras_tuner.HyperModel` of the search, or its function
                of `hp`.
            train: data set, tuple or callable, as for `search`.
            test: data set, tuple or callable, which the search has not seen.
            validation: data set, tuple or callable, that of the search.
                Defaults to `None`.
            values: dict, hyperparameters in place of the winner's. Defaults to
                `None`.
            seeds: tuple of int, one training each, or an int, how many.
                Defaults to `(0, 1, 2)`.
            epochs: int; `None` takes the default of `fit`. Defaults to `None`.
            path: str or path, a new `.keras` file for the median model.
                Defaults to `None`.
            metric: str, of `evaluate`; `None` takes the objective. Defaults to
                `None`.
            **fit_options: for `fit`, for instance `callbacks`.

        Returns:
            A `Retraining`.
        """
        from keras_attention.tuning.result import retraining

        if unnamed:
            raise TypeError(
                "retrain takes its arguments by name: hypermodel=..., "
                "train=..., test=..., validation=... Received: "
                f"{len(unnamed)} by position"
            )
        return retraining.retrain(
            self,
            hypermodel=hypermodel,
            train=train,
            test=test,
            validation=validation,
            values=values,
            seeds=seeds,
            epochs=epochs,
            path=path,
            metric=metric,
            **fit_options,
        )
