"""Arguments of mechanisms, drawn from a `keras_tuner.HyperParameters`."""

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
    """A mechanism with what was drawn of its `Argument`s, else their first."""
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


def draw_mechanism(hp, parent, place, mechanisms, chosen):
    """Declares the arguments of every mechanism; describes the chosen one."""
    description = None
    for mechanism, what in mechanisms.items():
        with hp.conditional_scope(parent, [mechanism]):
            prefix = f"{place}_{mechanism}"
            drawn, searched, left_out = {}, set(), set()
            for argument in what:
                name = f"{prefix}_{argument.name}"
                above = argument.parent and f"{prefix}_{argument.parent}"
                if argument.parent in left_out:
                    left_out.add(argument.name)
                    continue
                if argument.parent in drawn and above not in searched:
                    # The parent has one value, and is no hyperparameter.
                    if drawn[argument.parent] not in argument.parent_values:
                        left_out.add(argument.name)
                        continue
                    above = None
                value = draw_if(
                    hp,
                    above,
                    list(argument.parent_values),
                    name,
                    argument.values,
                )
                if len(argument.values) > 1:
                    searched.add(name)
                if value is not None:
                    drawn[argument.name] = value
        if mechanism == chosen:
            description = describe(mechanism, what, drawn)
    return description


def draw_if(hp, parent, parent_values, name, values):
    """Draws inside a conditional scope, if there is a parent."""
    if parent is None:
        return draw(hp, name, values)
    with hp.conditional_scope(parent, parent_values):
        return draw(hp, name, values)


def draw(hp, name, values):
    """A value of a list or a range; `None` where it is inactive."""
    if isinstance(values, tuple):
        low, high = values
        sampling = "log" if low > 0 else "linear"
        return hp.Float(name, low, high, sampling=sampling)
    if len(values) == 1:
        return values[0]
    if isinstance(values[0], bool):
        return hp.Boolean(name, default=values[0])
    return choose(hp, name, values)


def choose(hp, name, values):
    """One of the values; `None` where it is inactive.

    KerasTuner hands out what it was given, among the values or not.
    """
    value = hp.Choice(name, values)
    if value is not None and value not in values:
        raise ValueError(
            "Invalid value for argument values: expected one of "
            f"{', '.join(map(repr, values))}. Received: out of range: "
            f"{name}={value!r}"
        )
    return value
