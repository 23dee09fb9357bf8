"""How many combinations a search space has, which, and what they cost."""

import math

import keras_tuner
from keras_tuner.engine import hyperparameters

# What many people run.
_FEW = 20


def size_of(space):
    """The number of different combinations in a search space.

    Args:
        space: callable of `keras_tuner.HyperParameters`, such as
            `HyperModel.build`; it has to enter all of its conditional scopes.

    Returns:
        An integer, or `None` for a space with a continuous hyperparameter.

    Example:

    >>> def space(hp):
    ...     kind = hp.Choice("kind", ["none", "se", "eca"])
    ...     with hp.conditional_scope("kind", ["se"]):
    ...         hp.Choice("se_ratio", [4, 8])
    >>> size_of(space)
    4
    """
    declared = _declared(space)
    if any(_is_continuous(parameter) for parameter in declared):
        return None

    def ways(parameter):
        children = [
            child
            for child in declared
            if child.conditions
            and child.conditions[-1].name == parameter.name
            and child.conditions[:-1] == parameter.conditions
        ]
        return sum(
            math.prod(
                ways(child)
                for child in children
                if child.conditions[-1].is_active({parameter.name: value})
            )
            for value in parameter.values
        )

    return math.prod(ways(p) for p in declared if not p.conditions)


def describe_space(space):
    """What a search space, as for `size_of`, costs, in words.

    How many hyperparameters and combinations there are, what a few random
    trials are good for, and how many it takes until every value of every
    choice was tried three times on average.

    >>> def space(hp):
    ...     hp.Choice("mechanism", ["none", "se", "eca", "gate"])
    ...     hp.Float("rate", 0.1, 1.0)
    >>> print(describe_space(space))
    Hyperparameters: 2; combinations: infinitely many. Among 20 random trials
    is one of the best 14 % in 19 of 20 searches; to compare the 4 values of
    mechanism, three trials of each, takes 12.
    """
    declared, size = _declared(space), size_of(space)
    many = "infinitely many" if size is None else f"{size:,}"
    words = f"Hyperparameters: {len(declared)}; combinations: {many}. "
    kinds = hyperparameters.Choice, hyperparameters.Boolean
    choices = [p for p in declared if isinstance(p, kinds)]
    counts = {p.name: _trials_for(p, declared) for p in choices}
    largest = max(choices, key=lambda p: counts[p.name], default=None)
    if size is not None and size <= max([_FEW, *counts.values()]):
        return words + "A grid search goes through all of them."
    best = 100 * (1 - 0.05 ** (1 / _FEW))
    words += (
        f"Among {_FEW} random trials is one of the best {best:.0f} % in 19 of "
        "20 searches"
    )
    if largest is None:
        return f"{words}."
    return (
        f"{words}; to compare the {len(largest.values)} values of "
        f"{largest.name}, three trials of each, takes {counts[largest.name]:,}."
    )


def _trials_for(parameter, declared):
    """Random trials until each of its values was drawn three times."""
    parents = {other.name: other.values for other in declared}
    trials = 3.0 * len(parameter.values)
    for condition in parameter.conditions:
        above = parents[condition.name]
        active = [condition.is_active({condition.name: v}) for v in above]
        trials *= len(above) / sum(active)
    return math.ceil(round(trials, 6))


def enumerate_space(space):
    """Goes through every combination of a finite search space.

    Args:
        space: callable, as for `size_of`.

    Yields:
        Dictionaries of name to value, of what is active.

    Raises:
        ValueError: For a continuous hyperparameter.

    Example:

    >>> def space(hp):
    ...     if hp.Boolean("attention"):
    ...         pass
    ...     with hp.conditional_scope("attention", [True]):
    ...         hp.Choice("heads", [1, 2])
    >>> sorted(map(len, enumerate_space(space)))
    [1, 2, 2]
    """
    declared = _declared(space)
    for parameter in declared:
        if _is_continuous(parameter):
            raise ValueError(
                f"The hyperparameter {parameter.name!r} is continuous, so its "
                "values cannot be enumerated. Give it a list of values."
            )
    return _combinations(declared, {})


def _combinations(declared, values):
    if not declared:
        yield dict(values)
        return
    first, *rest = declared
    if not all(condition.is_active(values) for condition in first.conditions):
        yield from _combinations(rest, values)
        return
    for value in first.values:
        yield from _combinations(rest, {**values, first.name: value})


def _declared(space):
    hp = keras_tuner.HyperParameters()
    space(hp)
    return hp.space


def _is_continuous(parameter):
    is_float = isinstance(parameter, hyperparameters.Float)
    return is_float and parameter.step is None
