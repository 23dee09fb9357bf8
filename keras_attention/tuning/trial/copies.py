"""Losses and metrics of a user: every model gets its own.

Not through Keras' registry, which knows neither a function nor a class that
nobody registered: an object is made again by its class and its configuration,
which can be pickled too.
"""

import copy
import dataclasses
import re

import keras
import numpy as np

from keras_attention.internals.arguments import invalid
from keras_attention.internals.words import did_you_mean

#: Keys of which Keras chooses the meaning by the shape of the labels.
BY_SHAPE = {"loss": ("crossentropy", "ce"), "metrics": ("accuracy", "acc")}
_BASES = {"loss": keras.losses.Loss, "metrics": keras.metrics.Metric}


@dataclasses.dataclass
class Recipe:
    """A loss or a metric to be made again.

    Without `config`, for `from_config`, the class is called.
    """

    kind: type
    config: dict | None

    def make(self):
        """A new object."""
        if self.config is not None:
            return self.kind.from_config(copy.deepcopy(self.config))
        new = self.kind()
        # Keras numbers what has no name of its own.
        new.name = re.sub(r"_\d+$", "", new.name)
        return new


def recipe_of(name, what):
    """What `made` makes a loss or metrics of, checked.

    Of what `compile` takes as `"loss"` or `"metrics"`: a key, a function, a
    class, an object, or a list or a dictionary of these. The same with a
    `Recipe` in place of objects and classes.
    """
    if isinstance(what, list | tuple | dict):
        return keras.tree.map_structure(
            lambda part: recipe_of(name, part), what
        )
    if isinstance(what, str):
        _check_key(name, what)
        return what
    kind = what if isinstance(what, type) else type(what)
    if not issubclass(kind, _BASES[name]):
        if what is None or (callable(what) and what is not kind):
            return what
        expected = (
            "a key of Keras, a function of (y_true, y_pred), or a "
            f"keras.{_BASES[name].__name__}"
        )
        raise ValueError(invalid(name, what, expected))
    recipe = Recipe(kind, None if what is kind else what.get_config())
    try:
        again = recipe.make()
    except Exception as error:
        raise ValueError(_message(name, what, str(error))) from error
    lost = what is not kind and _lost(what, again)
    if lost:
        problem = f"the copy has another {', '.join(lost)}"
        raise ValueError(_message(name, what, problem))
    return recipe


def made(recipes):
    """What `compile` takes, of what `recipe_of` returned."""
    return keras.tree.map_structure(
        lambda one: one.make() if isinstance(one, Recipe) else one, recipes
    )


def name_of(recipe):
    """What Keras calls a loss or a metric in its logs.

    >>> name_of(recipe_of("metrics", keras.metrics.AUC))
    'auc'
    """
    what = made(recipe)
    if isinstance(what, str):
        return what
    return getattr(what, "name", None) or getattr(what, "__name__", str(what))


def _check_key(name, key):
    module = keras.losses if name == "loss" else keras.metrics
    if key in BY_SHAPE[name]:
        return
    try:
        module.get(key)
    except ValueError as error:
        message = invalid(name, key, f"a key of {module.__name__}")
        hint = did_you_mean(key, [*BY_SHAPE[name], *dir(module)])
        raise ValueError(f"{message}. {hint}".rstrip()) from error


def _lost(what, again):
    """The arguments that a copy does not have from its original."""
    lost = []
    for attribute, value in vars(what).items():
        new = vars(again).get(attribute)
        # Of a metric in use, Keras knows more than of a new one.
        later = attribute[0] == "_" and (new is None or new is False)
        later |= attribute == "built"
        if _is_plain(value) and not later and not np.array_equal(value, new):
            lost.append(attribute)
    return lost


def _is_plain(value):
    """Whether it is no variable, no function and no object."""
    if isinstance(value, list | tuple):
        return bool(value) and all(map(_is_plain, value))
    return isinstance(value, bool | int | float | str | np.ndarray | None)


def _message(name, what, problem):
    expected = (
        "what can be made again for every model: a function, a class that is "
        "called without arguments, or an object whose get_config() has all "
        "arguments of its constructor"
    )
    return f"{invalid(name, what, expected)}, where {problem}"
