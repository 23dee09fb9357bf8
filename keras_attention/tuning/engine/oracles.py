"""What proposes the next trial: KerasTuner's four, by key."""

import math
import zlib

import keras_tuner

ATTEMPTS = 1000  # Random draws that repeat a trial, until a space is empty.


class RandomSearch(keras_tuner.oracles.RandomSearchOracle):
    """Random values, none of them twice.

    KerasTuner gives up after 20 repetitions, which leaves a small space
    before all of it was drawn; and its draws depend on those before them,
    where these depend on the seed and the trial's number alone.
    """

    def populate_space(self, trial_id):
        """Values for a trial; `"STOPPED"` when nothing new is left."""
        return _draw(self, trial_id)


class BayesianOptimization(keras_tuner.oracles.BayesianOptimizationOracle):
    """A Gaussian process's proposals, none of them twice.

    In a space of few values the best guess is soon one of the trials there
    are; a trial repeated tells nothing, and the search would never end.
    """

    def populate_space(self, trial_id):
        """The Gaussian process's proposal, or a random one if that is old."""
        proposal = super().populate_space(trial_id)
        values = proposal.get("values")
        if values is None or _is_old(self, values):
            return _draw(self, trial_id)
        return proposal


ORACLES = {
    "random": RandomSearch,
    "grid": keras_tuner.oracles.GridSearchOracle,
    "hyperband": keras_tuner.oracles.HyperbandOracle,
    "bayesian": BayesianOptimization,
}


def hyperband_trials(oracle):
    """How many trials the whole schedule of a Hyperband oracle has.

    Bracket `s` of `S + 1` begins with `ceil((1 + log_f R) / (s + 1) * f^s)`
    trials and divides by `f` in each of its `s` rounds.

    >>> hyperband_trials(keras_tuner.oracles.HyperbandOracle(
    ...     keras_tuner.Objective("loss", "min"), max_epochs=4, factor=2))
    15
    """
    factor, epochs = oracle.factor, oracle.max_epochs
    most = 0
    while epochs / factor ** (most + 1) >= oracle.min_epochs:
        most += 1
    last = math.ceil(1 + math.log(oracle.max_epochs, factor))
    once = sum(
        math.ceil(last / (bracket + 1) * factor ** (bracket - number))
        for bracket in range(most + 1)
        for number in range(bracket + 1)
    )
    return once * oracle.hyperband_iterations


def _draw(oracle, trial_id):
    for attempt in range(ATTEMPTS):
        drawn = keras_tuner.HyperParameters()
        for parameter in oracle.get_space().space:
            drawn.merge([parameter])
            if drawn.is_active(parameter):
                key = f"{oracle.seed}/{trial_id}/{attempt}/{parameter.name}"
                number = zlib.crc32(key.encode())
                drawn.values[parameter.name] = parameter.random_sample(number)
        if not _is_old(oracle, drawn.values):
            return {"status": "RUNNING", "values": drawn.values}
    return {"status": "STOPPED", "values": None}


def _is_old(oracle, values):
    # A trial may have asked for more than is searched.
    searched = {entry.name for entry in oracle.hyperparameters.space}
    return any(
        values == {n: v for n, v in known.items() if n in searched}
        for known in (t.hyperparameters.values for t in oracle.trials.values())
    )
