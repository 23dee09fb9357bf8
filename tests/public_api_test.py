"""The public names and their arguments are those of `public_api.txt`.

A change to them is a decision: `python tests/public_api_test.py` writes the
file anew, and the difference is read in review.
"""

import difflib
import importlib
import inspect
import pathlib
import pkgutil

import keras_attention

SNAPSHOT = pathlib.Path(__file__).with_name("public_api.txt")
# Shared by the rooms, and called by nobody outside.
INTERNAL = {"internals", "ops"}


def packages():
    yield keras_attention
    for info in pkgutil.iter_modules(keras_attention.__path__):
        if info.ispkg and info.name not in INTERNAL:
            yield importlib.import_module(f"keras_attention.{info.name}")
    for task in keras_attention.tasks.__all__:
        yield getattr(keras_attention.tasks, task)


def lines():
    for package in packages():
        for name in package.__all__:
            if name != "__version__":
                yield f"{package.__name__}.{name}{_shown(package, name)}"


def _shown(package, name):
    thing = getattr(package, name)
    if inspect.ismodule(thing):
        return ""
    if not callable(thing):
        return f": {type(thing).__name__}"
    if isinstance(thing, type) and issubclass(thing, Exception):
        return ": exception"
    # Annotations differ between versions of Python.
    signature = inspect.signature(thing)
    return str(
        signature.replace(
            parameters=[
                parameter.replace(annotation=inspect.Parameter.empty)
                for parameter in signature.parameters.values()
            ],
            return_annotation=inspect.Signature.empty,
        )
    )


def test_the_public_api_is_the_committed_one():
    changes = list(
        difflib.unified_diff(
            SNAPSHOT.read_text().splitlines(), list(lines()), lineterm="", n=0
        )
    )
    assert not changes, "\n".join(changes)


if __name__ == "__main__":
    SNAPSHOT.write_text("\n".join(lines()) + "\n")
