"""Which hyperparameters explain the scores: forests, asked about others."""

import dataclasses

import numpy as np

from keras_attention.internals.requirements import explained
from keras_attention.metrics import bootstrap_interval
from keras_attention.tuning.result.hyperparameters import OFF

_FOLDS, _TREES, _DRAWS = 10, 100, 20
_FEWEST = 12
_LEVEL = 0.9


@dataclasses.dataclass(frozen=True, eq=False)
class Importance:
    """How much of the scores' variance each hyperparameter explains.

    Attributes:
        rows: list of one dict a hyperparameter, the largest first: `name`,
            `mean`, `low` and `high`, shares of the variance; the last two hold
            90 % of the draws of a bootstrap over trials.
        explained: float, the share of the variance that the forest predicts of
            trials it has not seen, all hyperparameters together; `None` where
            `rows` is empty.
        note: str, why there are no rows, or why not to trust them; else `""`.
    """

    rows: list
    explained: float | None
    note: str = ""

    @property
    def mattered(self):
        """Names whose interval lies above 0."""
        return [row["name"] for row in self.rows if row["low"] > 0]


def importance(positions, names, scores):
    """Permutation importance of hyperparameters (Breiman 2001), with intervals.

    A random forest learns the scores of nine tenths of the trials. On the
    others one hyperparameter after the other is exchanged for that of random
    trials: the importance is by how much the squared error grows, as a share
    of the variance of the scores. A bootstrap over trials gives the interval.
    There are no rows for fewer than 12 trials, or than twice the
    hyperparameters. Positions are those of `Hyperparameter.position`.

    >>> x = np.random.default_rng(0).random((40, 2))
    >>> importance(x, ["ratio", "width"], x[:, 0]).mattered
    ['ratio']
    """
    if not names:
        return Importance([], None, "no hyperparameter differs between trials")
    positions = np.asarray(positions, "float64").reshape(-1, len(names))
    scores = np.asarray(scores, "float64")
    needed = max(_FEWEST, 2 * len(names))
    if len(scores) < needed:
        note = (
            f"{len(scores)} finished trials are too few to tell what "
            f"mattered among {len(names)} hyperparameters; it takes {needed}"
        )
        return Importance([], None, note)
    variance = scores.var()
    if variance == 0:
        return Importance([], None, "all trials have the same score")
    errors, growths = _errors(positions, scores)
    explained = float(1 - errors.mean() / variance)
    rows = []
    for name, growth in zip(names, growths.T / variance, strict=True):
        low, high = bootstrap_interval(np.mean, growth, level=_LEVEL)
        mean = float(growth.mean())
        rows.append({"name": name, "mean": mean, "low": low, "high": high})
    rows.sort(key=lambda row: -row["mean"])
    note = ""
    if explained <= 0:
        note = (
            "the hyperparameters do not predict the score of unseen trials, "
            "so their order is noise"
        )
    return Importance(rows, explained, note)


def _errors(positions, scores, seed=0):
    """Squared errors `(trials,)`, and their growth a hyperparameter."""
    with explained("keras_attention.tuning"):
        from sklearn.ensemble import RandomForestRegressor
        from sklearn.model_selection import KFold

    # Trees split between values; off is a value of its own.
    positions = np.where(positions == OFF, -1.0, positions)
    count, columns = positions.shape
    generator = np.random.default_rng(seed)
    errors, growths = np.empty(count), np.empty((count, columns))
    folds = KFold(_FOLDS, shuffle=True, random_state=seed)
    for seen, unseen in folds.split(positions):
        forest = RandomForestRegressor(
            _TREES, min_samples_leaf=2, random_state=seed
        ).fit(positions[seen], scores[seen])
        x, y = positions[unseen], scores[unseen]
        # (hyperparameters, draws, unseen trials, hyperparameters): one call
        # of the forest for all of them.
        exchanged = np.tile(x, (columns, _DRAWS, 1, 1))
        for column in range(columns):
            exchanged[column, :, :, column] = generator.choice(
                positions[:, column], (_DRAWS, len(y))
            )
        batch = np.concatenate([x, exchanged.reshape(-1, columns)])
        predicted = forest.predict(batch)
        errors[unseen] = (predicted[: len(y)] - y) ** 2
        wrong = predicted[len(y) :].reshape(columns, _DRAWS, len(y)) - y
        growths[unseen] = (wrong**2).mean(1).T - errors[unseen, None]
    return errors, growths
