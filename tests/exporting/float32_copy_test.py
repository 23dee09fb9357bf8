import keras
import numpy as np
import pytest
from keras import ops

from keras_attention.exporting.float32_copy import float32_copy
from keras_attention.internals.recording import sublayers


@pytest.fixture
def nested(small_network):
    def make(policy, inner_policy):
        inputs = keras.Input((16, 16, 3), dtype="float32")
        inner = small_network(activation=None, dtype=inner_policy)
        x = keras.layers.Lambda(lambda x: 2 * x, dtype=policy)(inputs)
        x = keras.layers.Dense(4, dtype=policy)(inner(x))
        x = keras.layers.Activation("softmax", dtype="float32")(x)
        return keras.Model(inputs, x)

    return make


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("inner", ["float32", "mixed_float16", "bfloat16"])
def test_every_part_computes_in_float32(policy, inner, nested):
    model = nested(policy, inner)
    copy = float32_copy(model)
    assert copy is not model
    for place, layer in sublayers(copy):
        assert layer.compute_dtype == layer.variable_dtype == "float32", place
    images = np.random.default_rng(0).random((2, 16, 16, 3), "float32")
    expected = nested("float32", "float32")
    for new, old in zip(expected.weights, model.weights, strict=True):
        new.assign(ops.cast(old, "float32"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(copy(images)),
        ops.convert_to_numpy(expected(images)),
        atol=1e-6,
    )
    assert model.layers[-2].dtype_policy.name == policy


def test_a_half_precision_input_takes_float32():
    inputs = keras.Input((4,), dtype="bfloat16")
    model = keras.Model(inputs, keras.layers.Dense(2, dtype="bfloat16")(inputs))
    assert float32_copy(model).inputs[0].dtype == "float32"


def test_subclassed_models_and_classes_that_nobody_registered():
    class Double(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    class Subclassed(keras.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.twice = Double(dtype=self.dtype_policy)
            self.dense = keras.layers.Dense(units, dtype=self.dtype_policy)

        def build(self, shape):
            self.dense.build(shape)

        def call(self, x):
            return self.dense(self.twice(x))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    model = Subclassed(3, dtype="mixed_bfloat16")
    x = np.ones((2, 4), "float32")
    model(x)
    copy = float32_copy(model)
    assert copy(x).dtype != model(x).dtype
    np.testing.assert_allclose(
        ops.convert_to_numpy(copy(x)),
        ops.convert_to_numpy(ops.cast(model(x), "float32")),
        atol=0.05,
    )


def test_float32_models_are_not_copied(small_network):
    model = small_network()
    assert float32_copy(model) is model


def test_what_cannot_be_rebuilt_says_so():
    class NoConfig(keras.layers.Layer):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.inner = keras.layers.Dense(units, dtype=self.dtype_policy)

        def build(self, shape):
            self.inner.build(shape)

        def call(self, x):
            return self.inner(x)

        def get_config(self):
            raise NotImplementedError

    inputs = keras.Input((4,))
    model = keras.Model(inputs, NoConfig(2, dtype="mixed_float16")(inputs))
    with pytest.raises(ValueError, match="get_config") as raised:
        float32_copy(model)
    assert isinstance(raised.value.__cause__, NotImplementedError)
