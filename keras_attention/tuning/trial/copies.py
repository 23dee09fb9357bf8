"""Losses and metrics of a user: every model gets its own.

Not through Keras' registry, which knows neither a function nor a class that
nobody registered: an object is made again by its class and its configuration,
which can be pickled too.
"""

import copy
import re
from typing import Any
from typing import NamedTuple

import keras

from keras_attention.internals.arguments import invalid
from keras_attention.internals.words import did_you_mean

# Keras chooses one by the shape of the labels.
BY_SHAPE = {"loss": ("crossentropy", "ce"), "metrics": ("accuracy", "acc")}
_SIMPLE = (bool, int, float, str, type(None))


class Recipe(NamedTuple):
    """An object to be made again.

    Attributes:
        kind: class, of the object.
        config: dict, what its `from_config` takes; `None` calls the class.
        name: str, of what the class was called for, which Keras numbers.
    """

    kind: Any
    config: dict | None
    name: str | None = None

    def make(self):
        """A new object."""
        if self.config is not None:
            return self.kind.from_config(copy.deepcopy(self.config))
        new = self.kind()
        new.name = self.name or re.sub(r"_\d+$", "", new.name)
        return new


def recipe_of(module, name, what):
    """What `made` makes a loss or metrics of, checked.

    Args:
        module: module, `keras.losses` or `keras.metrics`.
        name: str, the argument, for the message.
        what: str, callable, class, object, `None`, or a list or a dict of
            these, as `compile` takes it.

    Returns:
        The same with a `Recipe` in place of objects and classes.

    Raises:
        ValueError: For an unknown key, for what is no loss or no metric, and
            for an object that its configuration does not make again.
    """
    if isinstance(what, dict) and "class_name" in what:
        what = module.deserialize(what)
    if isinstance(what, list | tuple):
        return [recipe_of(module, name, part) for part in what]
    if isinstance(what, dict):
        return {
            key: recipe_of(module, name, part) for key, part in what.items()
        }
    if what is None:
        return None
    if isinstance(what, str):
        return _known(module, name, what)
    base = keras.losses.Loss if name == "loss" else keras.metrics.Metric
    if isinstance(what, type) and issubclass(what, base):
        recipe = Recipe(what, None)
        recipe = recipe._replace(name=_tried(recipe, name, what).name)
    elif isinstance(what, base):
        recipe = Recipe(type(what), what.get_config())
        _compare(what, _tried(recipe, name, what), name)
    elif callable(what) and not isinstance(what, type):
        return what
    else:
        expected = (
            "a key of Keras, a function of (y_true, y_pred), or a "
            f"keras.{base.__name__}"
        )
        raise ValueError(invalid(name, what, expected))
    return recipe


def made(recipe):
    """What `compile` takes, of what `recipe_of` returned."""
    if isinstance(recipe, Recipe):
        return recipe.make()
    if isinstance(recipe, list):
        return [made(part) for part in recipe]
    if isinstance(recipe, dict):
        return {key: made(part) for key, part in recipe.items()}
    return recipe


def name_of(recipe):
    """What Keras calls a loss or a metric in its logs.

    >>> name_of(recipe_of(keras.metrics, "metrics", keras.metrics.AUC))
    'auc'
    """
    what = made(recipe)
    if isinstance(what, str):
        return what
    return getattr(what, "name", None) or getattr(what, "__name__", str(what))


def _known(module, name, key):
    if key in BY_SHAPE[name]:
        return key
    try:
        module.get(key)
    except ValueError as error:
        known = [*BY_SHAPE[name], *dir(module)]
        message = invalid(name, key, f"a key of {module.__name__}")
        hint = did_you_mean(key, known)
        raise ValueError(f"{message}. {hint}".rstrip()) from error
    return key


def _tried(recipe, name, what):
    try:
        return recipe.make()
    except Exception as error:
        raise ValueError(_message(name, what, f"there is {error}")) from error


def _compare(what, again, name):
    """Raises if a copy has lost an argument on its way."""
    lost = [
        attribute
        for attribute, value in vars(what).items()
        if isinstance(value, _SIMPLE)
        and attribute.lstrip("_") != "built"
        and vars(again).get(attribute) != value
    ]
    if lost:
        told = f"the copy has another {', '.join(lost)}"
        raise ValueError(_message(name, what, told))


def _message(name, what, problem):
    expected = (
        "what can be made again for every model: a function, a class that is "
        "called without arguments, or an object whose get_config() has all "
        "arguments of its constructor"
    )
    return f"{invalid(name, what, expected)}, where {problem}"
