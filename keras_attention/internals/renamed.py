"""Configurations with former names of arguments, in files saved long ago.

A class lists in `renamed_arguments` what an argument is called today, and its
`from_config` reads a configuration through `with_current_names`, once.
"""

from typing import Any
from typing import NamedTuple


class Renamed(NamedTuple):
    """Today's name of an argument, and of its values.

    Args:
        name: str, the name.
        values: dict, a former value to today's; others stay. Defaults to `{}`.
    """

    name: str
    values: dict[Any, Any] = {}  # noqa: RUF012


def with_current_names(cls, config):
    """A configuration in which no argument has a former name.

    Args:
        cls: class, with `renamed_arguments`, a dictionary of former names to
            today's, or to a `Renamed` where values are called otherwise too.
        config: dict, what its `get_config` returned, then or now.

    Raises:
        ValueError: For an argument under both of its names.

    Example:

    >>> class Layer:
    ...     renamed_arguments = {"filters": "key_dim"}
    >>> with_current_names(Layer, {"filters": 8, "name": "gate"})
    {'key_dim': 8, 'name': 'gate'}
    """
    current = {}
    for former, value in config.items():
        renamed = cls.renamed_arguments.get(former, former)
        if isinstance(renamed, Renamed):
            if isinstance(value, str | bool | None):
                value = renamed.values.get(value, value)
            renamed = renamed.name
        if renamed in current or (renamed != former and renamed in config):
            raise ValueError(
                f"{cls.__name__} has one argument {renamed}, formerly called "
                f"{former}. Received both: {config}"
            )
        current[renamed] = value
    return current
