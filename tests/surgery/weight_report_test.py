"""Which weights two models have in common."""

import keras
import numpy as np
import pytest

from keras_attention import compare_weights
from keras_attention.surgery import WeightReport


class Pair(keras.layers.Layer):
    """Parts and weights whose names Keras numbers anew."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.parts = [keras.layers.Dense(2), keras.layers.Dense(2)]

    def build(self, shape):
        """Two weights without a name."""
        self.offsets = [self.add_weight(shape=(2,)) for _ in range(2)]
        for part in self.parts:
            part.build(shape)

    def call(self, inputs):
        """Both."""
        x = sum(part(inputs) for part in self.parts)
        return x + self.offsets[0] - self.offsets[1]


def model_of(*parts):
    inputs = keras.Input((2,))
    x = inputs
    for part in parts:
        x = part(x)
    return keras.Model(inputs, x)


def test_a_copy_keeps_everything_whatever_its_parts_are_called():
    first, second = (
        model_of(Pair(name="pair"), keras.layers.Dense(2, name="dense"))
        for _ in range(2)
    )
    second.set_weights(first.get_weights())
    report = compare_weights(first, second)
    assert len(report.kept) == 8
    assert report.changed == report.new == report.missing == []


def test_every_list_and_what_is_printed():
    shared = keras.layers.Dense(2, name="same")
    before = model_of(
        shared,
        keras.layers.Dense(2, name="old"),
        keras.layers.Dense(2, name="dense", use_bias=False),
    )
    after = model_of(
        keras.layers.Dense(2, name="new"),
        shared,
        keras.layers.Dense(2, name="dense", use_bias=False),
    )
    report = compare_weights(before, after)
    assert report == WeightReport(
        kept=["same/kernel", "same/bias"],
        changed=["dense/kernel"],
        new=["new/kernel", "new/bias"],
        missing=["old/kernel", "old/bias"],
        sizes=report.sizes,
    )
    assert str(report).splitlines()[-3:] == [
        "missing     2 weights            6 parameters",
        "  old/kernel (4)",
        "  old/bias (2)",
    ]


def test_nan_equals_itself_and_another_shape_is_a_change():
    first = model_of(keras.layers.Dense(2, name="dense"))
    second = model_of(keras.layers.Dense(2, name="dense"))
    for model in (first, second):
        model.layers[1].kernel.assign(np.full((2, 2), np.nan))
    assert compare_weights(first, second).changed == []
    wide = model_of(keras.layers.Dense(3, name="dense"))
    assert len(compare_weights(first, wide).changed) == 2


def test_only_models():
    with pytest.raises(ValueError, match="after=3"):
        compare_weights(model_of(keras.layers.Dense(2)), 3)
