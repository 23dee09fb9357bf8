"""The files that KerasTuner leaves in a folder, as plain records."""

import dataclasses
import json
import pathlib

from keras_attention.internals import arguments
from keras_attention.tuning.result.ranking import objective_of
from keras_attention.tuning.result.ranking import stored_objective
from keras_attention.tuning.result.trial import trial_of


@dataclasses.dataclass(frozen=True, eq=False)
class Search:
    """What a folder holds: `trials` are in the order in which they ended."""

    directory: pathlib.Path
    objective: str | None
    direction: str | None
    space: list
    trials: list


def read_search(directory, objective=None, direction=None):
    """Reads `oracle.json` and every `trial_*/trial.json`.

    KerasTuner does not store which metric was the objective; it is the one
    whose best value is the score of every trial, and its direction stands
    beside its values. `search` of this package stores it in `search.json`.

    Args:
        directory: str or path, a folder with an `oracle.json`.
        objective: str, a metric to rank by instead, with its `direction`.
            Defaults to `None`.
        direction: str, `"max"` or `"min"`. Defaults to `None`.

    Returns:
        A `Search`.

    Raises:
        ValueError: For a folder that holds no search, for an `oracle.json`
            that cannot be read, for an objective that cannot be told.

    Example:

    >>> import tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "oracle.json").write_text("{}")
    >>> read_search(folder).trials
    []
    """
    directory = pathlib.Path(directory)
    oracle = _oracle(directory)
    states = _trial_states(directory, oracle)
    if objective is None and direction is None:
        objective, direction = stored_objective(directory)
    objective, direction = objective_of(states, objective, direction)
    return Search(
        directory,
        objective,
        direction,
        oracle.get("hyperparameters", {}).get("space", []),
        [trial_of(name, s, objective, direction) for name, s in states.items()],
    )


def _oracle(directory):
    path = directory / "oracle.json"
    if not path.is_file():
        found = sorted(str(p.parent) for p in directory.glob("*/oracle.json"))
        hint = f" There is one in {', '.join(found)}." if found else ""
        expected = "a KerasTuner search, a folder with an oracle.json"
        raise ValueError(
            arguments.invalid("directory", str(directory), expected) + hint
        )
    try:
        state = json.loads(path.read_text())
    except ValueError as error:
        raise ValueError(
            f"{path} is damaged and cannot be read as JSON ({error}). The "
            "trials beside it may be whole: restore it from a copy, or move "
            "it away and resume the search."
        ) from error
    return state


def _trial_states(directory, oracle):
    """Trial id to its file's content, `None` for a damaged one."""
    paths = {
        path.parent.name.removeprefix("trial_"): path
        # Trial 10 after trial 9.
        for path in sorted(
            directory.glob("trial_*/trial.json"),
            key=lambda path: (len(path.parent.name), path.parent.name),
        )
    }
    order = [*oracle.get("end_order", ()), *oracle.get("start_order", ())]
    names = [name for name in dict.fromkeys(order) if name in paths]
    return {
        name: _state(paths[name]) for name in dict.fromkeys(names + list(paths))
    }


def _state(path):
    try:
        state = json.loads(path.read_text())
    except ValueError:
        return None
    whole = isinstance(state, dict) and {"hyperparameters", "status"} <= {
        *state
    }
    return state if whole else None
