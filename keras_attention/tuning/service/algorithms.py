"""What KerasTuner's own algorithms need to be stopped, resumed and shared."""

import functools

import keras_tuner


class GridSearch:
    """Mixed into the grid's oracle: it finds its place again.

    `GridSearchOracle` keeps the order of its combinations, and the trials
    whose successor is still to be made, in memory alone. Resumed, it would
    have no successor to make and stop at once.
    """

    def restore_place(self):
        """Rebuilds the order of the combinations from the trials."""
        known = [i for i, t in self.trials.items() if t.hyperparameters.values]
        order = sorted(
            known,
            key=functools.cmp_to_key(
                lambda a, b: self._compare(
                    self.trials[a].hyperparameters.values,
                    self.trials[b].hyperparameters.values,
                )
            ),
        )
        self._ordered_ids = type(self._ordered_ids)()
        for trial_id in order:
            self._ordered_ids.insert(trial_id)
        # A successor that was tried is skipped when it is made again.
        self._populate_next = list(order)


class BayesianOptimization:
    """Mixed into the Bayesian oracle: nothing is proposed twice.

    In a space of few values the best guess is soon one of the trials there
    are; a trial repeated tells nothing, and the search would never end.
    """

    def populate_space(self, trial_id):
        """The Gaussian process's proposal, or a random one if that is old."""
        proposal = super().populate_space(trial_id)
        values = proposal.get("values")
        if values is not None and self._duplicate(values):
            return self._random_populate_space()
        return proposal


def repairs(oracle_class):
    """The classes to mix into an oracle's class."""
    mixins = {
        keras_tuner.oracles.GridSearchOracle: GridSearch,
        keras_tuner.oracles.BayesianOptimizationOracle: BayesianOptimization,
    }
    return tuple(
        mixin
        for algorithm, mixin in mixins.items()
        if issubclass(oracle_class, algorithm)
    )


def hyperband_trials(oracle):
    """How many trials the whole schedule of a Hyperband oracle has."""
    brackets = range(oracle._get_num_brackets())
    once = sum(
        oracle._get_size(bracket, number)
        for bracket in brackets
        for number in range(oracle._get_num_rounds(bracket))
    )
    return int(once * oracle.hyperband_iterations)
