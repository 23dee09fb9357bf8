"""Constructors of every layer, score, alignment and aggregation there is."""

import inspect
import json
import math

import keras
import numpy as np
import pytest

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import layers
from keras_attention import scores

AXES = {
    "layer": layers,
    "score": scores,
    "alignment": alignments,
    "aggregation": aggregations,
}
each_class = pytest.mark.parametrize(
    ("axis", "key"),
    [(axis, key) for axis in AXES for key in AXES[axis].available()],
)
# What they say of themselves is tested here, not what is refused with them.
LIMITS = {"max_positions", "chunk_size"}
NO_SIZE = [0, -1, 2.5, True, "8", math.nan]
NO_NUMBER = [-0.1, math.nan, math.inf, "a", None, True, 1e-45, 1e39]
NO_WORD = ["sofmax", 3, np.array(["a", "b"])]
# Instead of what the kind of the default says.
OTHERS = {
    "seed": [-1, 2.5, True, "8", 2**31],
    "bandwidth": [0, *set(NO_NUMBER) - {None}],
    "scale": [0, *set(NO_NUMBER) - {None}],
    "dimensions": [0, 3, True, "1"],
    "iterations": [-1, 2.5, True, "8", math.nan, None, 10**9],
    "normalization": ["sofmax", 3],
    "scaled_by": ["sofmax", 3],
    "output_activation": ["sofmax", 3],
    "data_format": ["channels", 3],
}


def arguments_of(axis, key):
    """Name to default, of a class and of its bases."""
    found = {}
    cls = type(AXES[axis].get(key))
    for base in cls.__mro__:
        if base is keras.layers.Layer:
            # A class may settle an argument of its base.
            config = AXES[axis].get(key).get_config()
            return {n: d for n, d in found.items() if n in config}
        if "__init__" in vars(base):
            parameters = inspect.signature(base.__init__).parameters.values()
            for parameter in list(parameters)[1:]:
                if parameter.kind is not parameter.VAR_KEYWORD:
                    found.setdefault(parameter.name, parameter.default)


def bad_values(name, default):
    if name in OTHERS:
        return OTHERS[name]
    if isinstance(default, bool):
        return ["yes", 1, None]
    if name == "dropout":
        return [1.5, *NO_NUMBER[:-2]]
    if isinstance(default, float) or name in ("gamma", "beta"):
        return [0, *NO_NUMBER]
    if isinstance(default, str):
        return NO_WORD[: 2 if "init" in name or name == "activation" else 3]
    # All that is left counts something.
    optional = default is None or name == "max_positions"
    return NO_SIZE + [None] * (not optional) + [10**9] * (name not in LIMITS)


def said(value, message):
    return repr(value) in message or str(value) in message


@each_class
def test_bad_values_are_named(axis, key):
    for name, default in arguments_of(axis, key).items():
        for value in bad_values(name, default):
            with pytest.raises(ValueError) as caught:
                AXES[axis].get(key, **{name: value})
            message = str(caught.value)
            assert name in message and said(value, message), (name, value)


@each_class
def test_unknown_arguments_are_named_beside_those_there_are(axis, key):
    known = arguments_of(axis, key)
    cls = type(AXES[axis].get(key))
    with pytest.raises(ValueError) as caught:
        cls(**{"tempratur": 3})
    message = str(caught.value)
    assert "tempratur=3" in message
    assert all(name in message for name in (*known, "dtype"))
    assert ("Did you mean 'temperature'" in message) == ("temperature" in known)


def test_misspelt_functions_of_keras_are_corrected():
    with pytest.raises(ValueError, match="Did you mean 'sigmoid'"):
        layers.get("se", activation="sigmiod")
    with pytest.raises(ValueError, match="Did you mean 'he_normal'"):
        layers.get("se", kernel_initializer="he_norml")


@each_class
def test_configurations_of_other_versions(axis, key):
    layer = AXES[axis].get(key)
    config = layer.get_config()
    for name in arguments_of(axis, key):
        older = {k: v for k, v in config.items() if k != name}
        again = type(layer).from_config(older).get_config()
        # Parts have names of their own.
        assert json.dumps(again[name]) == json.dumps(config[name])
    with pytest.raises((TypeError, ValueError), match="from_the_future"):
        type(layer).from_config({**config, "from_the_future": 1})
