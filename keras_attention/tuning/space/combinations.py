"""How many combinations a search space has, and which."""

import math

import keras_tuner


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
    is_float = isinstance(parameter, keras_tuner.engine.hyperparameters.Float)
    return is_float and parameter.step is None
