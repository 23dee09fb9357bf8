"""What the files of a search hold, checked before any of it is used.

A file may be cut short, edited by hand or written by another program, and
what is not as it should be shows far from there. KerasTuner has no schema of
its files, and Keras none for JSON.
"""

import json
import math
import re

_STATUSES = ["RUNNING", "IDLE", "STOPPED", "COMPLETED", "INVALID", "FAILED"]


def read_record(path):
    """The dictionary that a file of JSON holds, or a `ValueError`."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"it cannot be read as JSON ({error})") from error
    if not isinstance(value, dict):
        raise ValueError(f"it holds no dictionary, but {type(value).__name__}")
    return value


def misfits(value, schema):
    """Names of the entries of a dictionary that are not as they should be.

    Names of `schema` stand for a function that says whether the entry, or
    `None` for a missing one, is right; for a dictionary of the same kind; or
    for a list of one of these, of any length. Every one of them for what is no
    dictionary.

    >>> schema = {"score": number, "order": [text], "note": optional(text)}
    >>> misfits({"score": 0.5, "order": ["0", 1]}, schema)
    ['order']
    """
    if not isinstance(value, dict):
        return list(schema)
    return [n for n, part in schema.items() if not _fits(value.get(n), part)]


def _fits(value, schema):
    if isinstance(schema, dict):
        return not misfits(value, schema)
    if isinstance(schema, list):
        return isinstance(value, list) and all(
            _fits(item, schema[0]) for item in value
        )
    return schema(value)


def optional(schema):
    """`None`, or what fits."""
    return lambda value: value is None or _fits(value, schema)


def filled(schema):
    """A list of at least one that fits."""
    return lambda value: bool(value) and _fits(value, [schema])


def named(schema):
    """A dictionary of any names, of which each entry fits."""
    return lambda value: (
        isinstance(value, dict)
        and all(text(n) and _fits(item, schema) for n, item in value.items())
    )


def text(value):
    """A string, without the halves of characters that JSON can spell."""
    return isinstance(value, str) and not re.search(r"[\ud800-\udfff]", value)


def number(value):
    """A number, also one that is not finite, but none too long for a float."""
    return isinstance(value, float) or (
        type(value) is int and abs(value) < 2**1023
    )


def finite(value):
    """A finite number."""
    return number(value) and math.isfinite(value)


def direction(value):
    """Which way is better."""
    return value in ("min", "max")


def identifier(value):
    """What a trial may be called: it becomes part of paths."""
    return text(value) and re.fullmatch(r"[A-Za-z0-9_-]+", value) is not None


def _value(value):
    return (
        value is None or isinstance(value, bool) or text(value) or finite(value)
    )


def _status(value):
    return value in _STATUSES


def _pair(value):
    """`[metric, direction]`."""
    return (
        isinstance(value, list)
        and len(value) == 2
        and text(value[0])
        and direction(value[1])
    )


_PARENT = {"config": {"name": text, "values": [_value]}}
_SPACE = [
    {
        "class_name": text,
        "config": {
            "name": text,
            "conditions": optional([_PARENT]),
            "values": optional([_value]),
        },
    }
]
_OBSERVATION = {"value": filled(number), "step": optional(number)}
_HISTORY = {"direction": direction, "observations": [_OBSERVATION]}
TRIAL = {
    "trial_id": identifier,
    "status": _status,
    "hyperparameters": {"values": named(_value), "space": optional(_SPACE)},
    "metrics": optional({"metrics": optional(named(_HISTORY))}),
    "score": optional(number),
    "seconds": optional(finite),
    "message": optional(text),
}
ORACLE = {
    "hyperparameters": optional({"space": optional(_SPACE)}),
    "start_order": optional([text]),
    "end_order": optional([text]),
}
SETTINGS = {
    "objective": optional(filled(_pair)),
    "majority": optional(lambda value: finite(value) and 0 <= value <= 1),
}
