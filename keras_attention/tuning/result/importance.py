"""Which hyperparameters explain the scores: a forest, asked many times."""

import dataclasses

import numpy as np

from keras_attention.internals.requirements import explained
from keras_attention.tuning.result.hyperparameters import OFF

_BOOTSTRAPS, _TREES, _SHUFFLES = 40, 40, 5
_FEWEST = 12
_INTERVAL = (5, 95)


@dataclasses.dataclass(frozen=True, eq=False)
class Importance:
    """How much of the scores' variance each hyperparameter explains.

    Attributes:
        rows: list of one dict a hyperparameter, the largest first: `name`,
            `mean`, `low` and `high`, shares of the variance; the last two hold
            90 % of the bootstraps.
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


def importance(positions, names, scores, seed=0):
    """Permutation importance of hyperparameters, with intervals.

    A random forest learns the scores of a bootstrap of the trials. On the
    trials it has not seen, one hyperparameter after the other is shuffled:
    the importance is by how much the squared error grows, as a share of the
    variance of the scores. Bootstraps give the interval.

    Args:
        positions: array `(trials, hyperparameters)`, as
            `Hyperparameter.position` gives them.
        names: list of str, of the hyperparameters.
        scores: array `(trials,)`.
        seed: int, of bootstraps, forests and shuffles. Defaults to `0`.

    Returns:
        An `Importance`, without rows if there are too few trials: fewer than
        12, or than twice the hyperparameters.

    Example:

    >>> x = np.random.default_rng(0).random((40, 2))
    >>> importance(x, ["ratio", "width"], x[:, 0]).mattered
    ['ratio']

    Reference:
        Breiman: Random Forests. Machine Learning 45, 2001.

    Cost:
        40 forests of 40 trees, about 3 s.
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
    losses, errors = _bootstraps(positions, scores, np.random.default_rng(seed))
    losses, explained = losses / variance, float(1 - errors.mean() / variance)
    low, high = np.percentile(losses, _INTERVAL, axis=0)
    rows = [
        {
            "name": name,
            "mean": float(losses[:, i].mean()),
            "low": float(low[i]),
            "high": float(high[i]),
        }
        for i, name in enumerate(names)
    ]
    rows.sort(key=lambda row: -row["mean"])
    note = ""
    if explained <= 0:
        note = (
            "the hyperparameters do not predict the score of unseen trials; "
            "the order below is noise"
        )
    return Importance(rows, explained, note)


def _bootstraps(positions, scores, generator):
    """Growth of the error `(bootstraps, hyperparameters)`, and the error."""
    with explained("keras_attention.tuning"):
        from sklearn.ensemble import RandomForestRegressor

    losses, errors = [], []
    count, columns = positions.shape
    # Trees split between values; off is a value of its own.
    positions = np.where(positions == OFF, -1.0, positions)
    while len(losses) < _BOOTSTRAPS:
        drawn = generator.integers(count, size=count)
        unseen = np.setdiff1d(np.arange(count), drawn)
        if len(unseen) < 2:
            continue
        forest = RandomForestRegressor(
            _TREES,
            min_samples_leaf=2,
            random_state=int(generator.integers(2**31)),
        ).fit(positions[drawn], scores[drawn])
        x, y = positions[unseen], scores[unseen]
        # (hyperparameters, shuffles, unseen trials, hyperparameters): one
        # call of the forest for all of them.
        shuffled = np.tile(x, (columns, _SHUFFLES, 1, 1))
        for column in range(columns):
            for turn in range(_SHUFFLES):
                shuffled[column, turn, :, column] = generator.permutation(
                    x[:, column]
                )
        batch = np.concatenate([x, shuffled.reshape(-1, columns)])
        predicted = forest.predict(batch)
        error = ((predicted[: len(y)] - y) ** 2).mean()
        wrong = predicted[len(y) :].reshape(columns, -1, len(y)) - y
        losses.append((wrong**2).mean((1, 2)) - error)
        errors.append(error)
    return np.array(losses), np.array(errors)
