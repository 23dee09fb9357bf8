"""One form for all docstrings: each argument with its kind and its default.

    Args:
        num_heads: int, number of heads. Defaults to `1`.
        key_dim: int or `None`, size of a head; `None` compares the channels
            as they are. Defaults to `None`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

A class may document arguments of its bases behind its own. A record that
nobody makes by hand may have `Attributes:` in place of `Args:`, without
defaults.
"""

import ast
import dataclasses
import importlib
import inspect
import re

import keras_attention
from keras_attention import scores

# Where what is public is defined, whichever package it is imported from.
ROOMS = [
    "aggregations",
    "alignments",
    "datasets",
    "evaluation",
    "exporting",
    "features",
    "inspection",
    "internals",
    "layers",
    "losses",
    "metrics",
    "models",
    "scores",
    "surgery",
    "tasks",
    "testing",
    "training",
    "tuning",
    "visualization",
]
# Defaults that are no literals and may be told in words behind "Defaults to":
# `{"room.name.argument": reason}`.
DEFAULTS_IN_WORDS = {}
# What an argument may begin with, also in the plural or behind a dtype; else
# a class in backticks, such as `Score` or `keras.Model`.
KINDS = (
    "any|array|bool|bytes|callable|class|dict|float|int|iterable|layer|list|"
    "model|module|path|sequence|set|str|symbolic tensor|tensor|tuple"
)
# In front of `, number of`, ` or str`, ` of str`, ` from str to int` or
# `` `(batch, classes)` ``.
KIND = re.compile(
    rf"((bool|(u?int|float)\d*) )?(({KINDS})(e?s)?|u?int\d+|float\d+)"
    r"(,|;|\.| or | of | from | `)"
    r"|`(?!None`|True`|False`)(\w+\.)*[A-Z]\w*`"
)
ENTRY = re.compile(r"(\*{0,2})(\w+): (.*)")
DEFAULT = re.compile(r"Defaults to `([^`]+)`\.$")


def test_every_argument_has_its_kind_and_its_default():
    found = [
        f"{label}: {violation}"
        for label, value in sorted(public_objects().items())
        for violation in violations(label, value)
    ]
    assert not found, "\n" + "\n".join(found)


def test_rooms_have_public_names():
    assert {label.partition(".")[0] for label in public_objects()} == {*ROOMS}


def test_every_violation_is_found():
    def half(units, rate=0.5, mode="same", scale=None, axis=-1, *, seed=0):
        """The old form, and some half of the new one.

        Args:
            rate: float, share. Defaults to 0.5.
            units: int, size. Defaults to `8`.
            mode: str, `"same"` or `"valid"`. Defaults to `'same'`.
            scale: Factor; `None` is 1.
            axis: int, the axis. Defaults to `1`.
            shape: tuple, the shape.
        """

    class Cosine(scores.CosineScore):
        """Arguments of a base have its defaults.

        Args:
            heads, key_dim: int, as in `CosineScore`.
            scale: float, factor above 0. Defaults to `1`.
            num_heads: int, number of heads. Defaults to `1`.
        """

    assert violations("half", half) == [
        "seed is missing",
        "shape is no argument",
        "the order is units, rate, mode, scale, axis",
        "rate does not end with a default in backticks: 0.5",
        "units has no default",
        "mode has a default in single quotes: 'same'",
        "scale does not begin with its kind: Factor; `None` is 1.",
        "scale does not end with a default in backticks: None",
        "axis has a default of -1, not 1",
    ]
    assert violations("Cosine", Cosine) == [
        "no entry of an argument: heads, key_dim: int, as in `CosineScore`.",
        "key_dim is missing",
        "kwargs is missing",
        "the order is num_heads, scale",
        "scale has a default of 1.0, not 1",
    ]


def public_objects():
    """`room.name` to each public class and function of the rooms."""
    tasks = [f"tasks.{task}" for task in keras_attention.tasks.__all__]
    rooms = [f"keras_attention.{room}" for room in (*ROOMS, *tasks)]
    objects = {}
    for package in map(importlib.import_module, ["keras_attention", *rooms]):
        for name in getattr(package, "__all__", vars(package)):
            value = getattr(package, name)
            if room_of(value) in ROOMS and not name.startswith("_"):
                objects[f"{room_of(value)}.{name}"] = value
    return objects


def room_of(value):
    """The room that a class or function is defined in, or `None`."""
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return None
    package, *rooms = (value.__module__ or "").split(".")
    return rooms[0] if package == "keras_attention" and rooms else None


def violations(label, value):
    """What is wrong with the arguments of a docstring, in words."""
    required, known = arguments_of(value)
    entries, others = section(value, "Args")
    attributes, more = section(value, "Attributes")
    # Results of functions are no constructors to their readers.
    documented = entries or (attributes if is_record(value) else {})
    found = [f"no entry of an argument: {line}" for line in others + more]
    found += [f"{n} is missing" for n in required if n not in documented]
    # A function hands **kwargs on to whom it likes.
    if inspect.isclass(value) or "**" not in map(stars, known.values()):
        found += [f"{n} is no argument" for n in entries if n not in known]
    order = [name for name in known if name in entries]
    if order != [name for name in entries if name in known]:
        found.append(f"the order is {', '.join(order)}")
    for name, (written, text) in {**attributes, **entries}.items():
        parameter = known.get(name) if name in entries else None
        expected = stars(parameter) if parameter else written
        if written != expected:
            found.append(f"{name} is called {expected}{name}")
        if expected != "**" and not KIND.match(text):
            found.append(f"{name} does not begin with its kind: {text}")
        if parameter:
            wrong = wrong_default(f"{label}.{name}", text, parameter.default)
            found += [f"{name} {wrong}"] if wrong else []
    return found


def section(value, title):
    """`{name: (stars, text)}` of a section, and lines that are no entry."""
    entries, others, inside = {}, [], False
    for line in inspect.cleandoc(value.__doc__ or "").splitlines():
        if not line.startswith(" "):
            inside = line == f"{title}:" or (inside and not line)
        elif inside and line.startswith("     "):
            if entries and not others:
                name, (written, text) = entries.popitem()
                entries[name] = written, f"{text} {line.strip()}"
        elif inside:
            match = ENTRY.fullmatch(line.strip())
            if match:
                entries[match[2]] = match[1], match[3]
            else:
                others.append(line.strip())
    return entries, others


def arguments_of(value):
    """Parameters that must be documented, and those that may be, in order."""
    if not inspect.isclass(value):
        known = dict(inspect.signature(value).parameters)
        return known, known
    if is_record(value):
        known = dict(inspect.signature(value).parameters)
        own = inspect.get_annotations(value)
        return {name: known[name] for name in own if name in known}, known
    bases = [base for base in value.__mro__[:-1] if "__init__" in vars(base)]
    if not bases:
        return {}, {}
    own, *inherited = map(parameters_of, bases)
    rest = {name: p for name, p in own.items() if stars(p) == "**"}
    known = {name: p for name, p in own.items() if name not in rest}
    # The class hands its **kwargs on to its bases.
    for parameters in inherited:
        for name, parameter in parameters.items():
            if not stars(parameter):
                known.setdefault(name, parameter)
    return own if room_of(bases[0]) else {}, known | rest


def parameters_of(cls):
    """What its own constructor takes."""
    _, *parameters = inspect.signature(cls.__init__).parameters.values()
    return {parameter.name: parameter for parameter in parameters}


def is_record(value):
    """Whether a class is a dataclass or a named tuple."""
    return dataclasses.is_dataclass(value) or hasattr(value, "_fields")


def stars(parameter):
    """What stands in front of its name."""
    kinds = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}
    return kinds.get(parameter.kind, "")


def wrong_default(label, text, default):
    """What is wrong with the default at the end of a text, or `None`."""
    if default is inspect.Parameter.empty:
        return "has no default" if "Defaults to" in text else None
    if label in DEFAULTS_IN_WORDS:
        return None if "Defaults to" in text else "tells no default"
    match = DEFAULT.search(text)
    if not match:
        return f"does not end with a default in backticks: {default!r}"
    if "'" in match[1]:
        return f"has a default in single quotes: {match[1]}"
    try:
        # As literals, so that 1e-5 is 1e-05.
        written = repr(ast.literal_eval(match[1]))
    except (SyntaxError, ValueError):
        written = match[1]
    if written != repr(default):
        return f"has a default of {default!r}, not {match[1]}"
    return None
