"""One argument of a mechanism to draw, and the description they make."""

from typing import NamedTuple


class Argument(NamedTuple):
    """Something to draw: one argument of a mechanism.

    Attributes:
        name: str, of the hyperparameter, behind its place and its mechanism.
        path: tuple, where the value belongs: `("num_heads",)`,
            `("alignment", "key")`.
        values: list to choose from, or tuple `(low, high)` for a range.
        parent: str, `name` of the argument that it depends on, or `None`.
        parent_values: tuple, the parent's values with which it exists.
    """

    name: str
    path: tuple
    values: list | tuple
    parent: str | None = None
    parent_values: tuple = ()


def describe(mechanism, what, drawn):
    """The description of a mechanism with the drawn arguments.

    Args:
        mechanism: str, its key.
        what: list of its `Argument`s.
        drawn: dict of name to value; the others take their first.
    """
    description, taken = {"mechanism": mechanism}, {}
    for argument in what:
        above = argument.parent
        if above is not None and (
            above not in taken or taken[above] not in argument.parent_values
        ):
            continue
        value = drawn.get(argument.name, argument.values[0])
        taken[argument.name] = value
        node = description
        for step in argument.path[:-1]:
            node = node.setdefault(step, {})
        node[argument.path[-1]] = value
    return description


def check_values(axis, key, name, values):
    """Lets the class refuse a value now instead of in every trial."""
    for value in values:
        axis.get(key, **{name: value})
