"""What attention is for, beyond classes: each task with its models.

| task | in | out |
|---|---|---|
| `detection` | image | boxes of objects, and their classes |
"""

import importlib

_ROOMS = ("detection",)
__all__ = [*_ROOMS]


def __getattr__(name):
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
