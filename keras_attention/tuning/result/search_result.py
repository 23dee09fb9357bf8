"""The result of a search: read from its folder, to decide from."""

import functools
import json
import pathlib

from keras_attention.internals import arguments
from keras_attention.internals.files import write_text
from keras_attention.tuning.result import leaderboard
from keras_attention.tuning.result.baselines import plain_network
from keras_attention.tuning.result.hyperparameters import fixed
from keras_attention.tuning.result.hyperparameters import hyperparameters
from keras_attention.tuning.result.importance import importance
from keras_attention.tuning.result.rebuilding import best_model
from keras_attention.tuning.result.records import read_search
from keras_attention.tuning.result.retraining import retrain
from keras_attention.tuning.result.tensorboard_log import to_tensorboard


class SearchResult:
    """What a hyperparameter search found, ready to print, show and save.

    Reads the files of any KerasTuner search, finished or not, also those of
    other programs. Printing gives the leaderboard,
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
        majority: float, the share of the most frequent class among the
            validation labels; `None` where `search.json` does not tell it.
        trials: list of every `trial.Trial`, in the order they ended.
        finished: list of those with a score, the best first.
        unfinished: list of the others: running, failed, invalid or damaged.

    Raises:
        ValueError: For a folder without a search, for a damaged
            `oracle.json`, for an objective that is not known.

    Example:

    >>> import keras, keras_tuner, numpy, tempfile
    >>> def build(hp):
    ...     rate = hp.Choice("learning_rate", [1e-9, 0.1])
    ...     model = keras.Sequential([keras.Input((2,))])
    ...     model.add(keras.layers.Dense(1, kernel_initializer="zeros"))
    ...     model.compile(keras.optimizers.SGD(rate), "mse")
    ...     return model
    >>> data = numpy.ones((8, 2)), numpy.ones((8, 1))
    >>> tuner = keras_tuner.GridSearch(
    ...     build, objective="val_loss", directory=tempfile.mkdtemp())
    >>> tuner.search(*data, validation_data=data, verbose=0)
    >>> result = SearchResult(tuner.project_dir)
    >>> print(result)
    configuration       trial  val_loss  spread
    -------------...
    learning_rate=0.1    0001 ...
    >>> print(result.summary())
    The best of 2 finished trials is trial 0001 with val_loss ...
    >>> model = result.best_model(build)
    >>> fresh = result.retrain(
    ...     hypermodel=build, train=data, test=data, seeds=2)
    >>> [row["seed"] for row in fresh.rows]
    [0, 1]

    See also:
        `retrain`, for how good the winner is on fresh seeds and test data.
    """

    def __init__(self, directory, objective=None, direction=None):
        search = read_search(directory, objective, direction)
        self.directory = search.directory
        self.objective = search.objective
        self.direction = search.direction
        self.majority = search.majority
        self.space = search.space
        self.trials = search.trials
        sign = -1 if search.direction == "max" else 1
        self.finished = sorted(
            (trial for trial in search.trials if trial.score is not None),
            # Which of equal trials ended first is chance.
            key=lambda t: (sign * t.score, len(t.trial_id), t.trial_id),
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
                "trial": trial.trial_id,
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

    @functools.cached_property
    def plain(self):
        """The best `trial.Trial` without attention, `None` if there is none.

        Of searches with hyperparameters `<place>_attention`, in which it is
        what the winner has to be better than.
        """
        return plain_network(self)

    def winner(self):
        """The best `trial.Trial`; raises as `best` does."""
        if self.finished:
            return self.finished[0]
        reasons = "; ".join(
            f"{t.trial_id}: {t.reason}" for t in self.unfinished
        )
        raise ValueError(
            f"No trial in {self.directory} has finished with a score. "
            + (f"Trials: {reasons}." if reasons else "It has no trials yet.")
        )

    @functools.cached_property
    def importance(self):
        """Which hyperparameters explain the scores, an `Importance`."""
        parameters = self.hyperparameters
        positions = [
            [p.position(trial.values.get(p.name)) for p in parameters]
            for trial in self.finished
        ]
        scores = [trial.score for trial in self.finished]
        return importance(positions, [p.name for p in parameters], scores)

    def table(self, format=None):
        """All trials, for a reader or for another program.

        `pandas.json_normalize(result.rows)` is a data frame of them.

        Args:
            format: str or `None`, `None` for aligned text, `"csv"` with a
                column a hyperparameter and a metric, or `"json"` (`rows` and
                what was optimised). Defaults to `None`.

        Returns:
            str.

        Raises:
            ValueError: For another format.
        """
        arguments.one_of("format", format, (None, "csv", "json"))
        if format is None:
            return leaderboard.text(self, most=None)
        if format == "csv":
            return leaderboard.csv_text(self.rows)
        content = {
            "objective": self.objective,
            "direction": self.direction,
            "majority": self.majority,
            "plain": self.plain and self.plain.trial_id,
            "rows": self.rows,
        }
        return json.dumps(content, indent=2, allow_nan=False)

    def summary(self):
        """What was found, how sure it is, and what mattered, in words."""
        from keras_attention.tuning.result.words import summary

        return summary(self)

    def __str__(self):
        return leaderboard.text(self)

    def _repr_html_(self):
        return leaderboard.html(self)

    def to_html(self, path):
        """Writes summary, figures and the whole table as one page.

        It needs no other file and no network.

        Args:
            path: str or path, of the file; its folder is made.

        Returns:
            The path.
        """
        from keras_attention.tuning.result.page import page

        path = pathlib.Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, page(self))
        return path

    def plot_progress(self):
        """Scores in the order in which trials ended, and the best so far.

        Returns:
            A `matplotlib.figure.Figure`, as of all plots unknown to pyplot;
            without a finished trial it says so.
        """
        from keras_attention.tuning.result import scores_plot

        return scores_plot.plot_progress(self)

    def plot_pareto(self, cost="flops"):
        """Score against a cost; the front is what nothing beats in both.

        Vertical lines join the lowest to the highest repeat. Numbers on the
        front are the trials, as in the table.

        Args:
            cost: str, a metric that is better when smaller: `"flops"`,
                `"parameters"`, `"seconds"` or any other that trials have.
                Defaults to `"flops"`.

        Raises:
            ValueError: If no finished trial tells of that cost.
        """
        from keras_attention.tuning.result import scores_plot

        return scores_plot.plot_pareto(self, cost)

    def plot_parallel(self, names=None):
        """One line a trial through its hyperparameters, the winner on top.

        Colours and the last column are the score, better ones higher. Lines
        through a category are spread out a little, so that they can be told
        apart; "off" is where a trial did not have the hyperparameter.

        Args:
            names: list of str, which hyperparameters, in this order; without
                them at most eight, those that explain most where that is
                known, and of more than five none that is off in most trials.
                A note tells of those left out. Defaults to `None`.

        Raises:
            ValueError: For hyperparameters that do not differ between trials.
        """
        from keras_attention.tuning.result import parallel_plot

        return parallel_plot.plot_parallel(self, names)

    def plot_importance(self):
        """How much of the scores' variance each hyperparameter explains.

        Lines hold 90 % of the draws of a bootstrap over trials; where a line
        reaches 0, no effect was seen. See `importance.importance`.
        """
        from keras_attention.tuning.result import effects_plot

        return effects_plot.plot_importance(self)

    def plot_effects(self, names=None):
        """Mean scores for every value of a hyperparameter, with intervals.

        Small points are trials; the large one is their mean, its line the
        95 % interval of the mean (Student's t), with an arrow where it leaves
        the figure. A value that was tried once has no interval.

        Args:
            names: list of str, which hyperparameters; without them mechanism
                and place, or the first categories. Defaults to `None`.

        Raises:
            ValueError: For hyperparameters that do not differ between trials.
        """
        from keras_attention.tuning.result import effects_plot

        return effects_plot.plot_effects(self, names)

    best_model = best_model
    retrain = retrain
    to_tensorboard = to_tensorboard
