"""What attention is for, beyond classes: each task with its models.

| task | in | out |
|---|---|---|
| `captioning` | image | a sentence, and where each word looked |
| `detection` | image | boxes and their classes |
| `generation` | noise | images |
| `glimpses` | large image | its class, from the few patches that matter |
| `segmentation` | image | a class for every pixel |
"""

import importlib

_ROOMS = (
    "captioning",
    "detection",
    "generation",
    "glimpses",
    "segmentation",
)
__all__ = [*_ROOMS]


def __getattr__(name):
    if name not in _ROOMS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return importlib.import_module(f"{__name__}.{name}")
