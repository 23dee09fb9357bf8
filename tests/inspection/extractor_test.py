"""Recording changes nothing and finds every layer."""

import keras
import numpy as np
import pytest

from keras_attention import AttentionExtractor
from keras_attention.layers import AttentionPooling2D
from keras_attention.layers import SqueezeAndExcite2D

pytestmark = pytest.mark.computing


@pytest.fixture
def x():
    return np.random.default_rng(0).uniform(size=(3, 6, 6, 4)).astype("float32")


def functional(name="se"):
    inputs = keras.Input((6, 6, 4))
    outputs = SqueezeAndExcite2D(reduction_ratio=2, name=name)(inputs)
    return keras.Model(inputs, outputs)


def test_outputs_are_the_models_own(x):
    model = functional()
    expected = model.predict(x, verbose=0)
    extractor = AttentionExtractor(model)
    outputs, weights = extractor.predict(x, batch_size=2, verbose=0)
    np.testing.assert_array_equal(outputs, expected)
    assert list(weights) == ["se"] and weights["se"].shape == (3, 1, 1, 4)
    np.testing.assert_allclose(outputs, x * weights["se"], atol=1e-6)
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)


def test_nested_models_keep_their_paths(x):
    inputs = keras.Input((6, 6, 4))
    left, right = functional("cbam"), functional("cbam")
    left.name, right.name = "left", "right"
    model = keras.Model(inputs, left(inputs) + right(inputs))
    _, weights = AttentionExtractor(model).predict(x, verbose=0)
    assert sorted(weights) == ["left/cbam", "right/cbam"]


def test_second_call_of_a_shared_layer(x):
    layer = SqueezeAndExcite2D(name="shared")
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, layer(layer(inputs)))
    _, weights = AttentionExtractor(model).predict(x, verbose=0)
    assert sorted(weights) == ["shared", "shared#2"]


def test_sequential_and_subclassed(x):
    class Subclassed(keras.Model):
        def __init__(self):
            super().__init__()
            self.pool = AttentionPooling2D(name="pool")

        def call(self, x):
            return self.pool(x)

    sequential = keras.Sequential([SqueezeAndExcite2D(name="se")])
    _, weights = AttentionExtractor(sequential).predict(x, verbose=0)
    assert list(weights) == ["se"]
    _, weights = AttentionExtractor(Subclassed()).predict(x, verbose=0)
    assert {name: w.shape for name, w in weights.items()} == {
        "pool": (3, 1, 6, 6)
    }


def test_keras_own_attention(x):
    inputs = keras.Input((6, 4))
    attention = keras.layers.MultiHeadAttention(2, 3, name="mha")
    outputs = attention(inputs, inputs)
    outputs = keras.layers.Attention(name="dot")([outputs, outputs])
    model = keras.Model(inputs, outputs)
    tokens = x[:, 0]
    expected = model.predict(tokens, verbose=0)
    outputs, weights = AttentionExtractor(model).predict(tokens, verbose=0)
    np.testing.assert_array_equal(outputs, expected)
    assert weights["mha"].shape == (3, 2, 6, 6)
    assert weights["dot"].shape == (3, 6, 6)
    np.testing.assert_allclose(weights["mha"].sum(-1), 1, atol=1e-5)
    assert "call" not in attention.__dict__


def test_rematerialized_layers(x):
    with keras.RematScope(mode="full"):
        layer = SqueezeAndExcite2D(name="se")
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, layer(inputs))
    outputs, weights = AttentionExtractor(model).predict(x, verbose=0)
    np.testing.assert_allclose(outputs, x * weights["se"], atol=1e-6)
    # Eagerly: Keras' rematerialization cannot be traced under TensorFlow.
    expected = keras.ops.convert_to_numpy(model(x))
    np.testing.assert_allclose(outputs, expected, atol=1e-6)
    assert layer._remat_mode is not None


def test_replaced_weights_are_used(x):
    inputs = keras.Input((6, 6, 4))
    model = keras.Model(inputs, AttentionPooling2D(name="pool")(inputs))

    def uniform(name, weights):
        assert name == "pool"
        return keras.ops.ones_like(weights) / 36

    extractor = AttentionExtractor(model, replace=uniform)
    outputs, weights = extractor.predict(x, verbose=0)
    np.testing.assert_allclose(outputs, x.mean((1, 2)), atol=1e-5)
    np.testing.assert_allclose(weights["pool"], 1 / 36, atol=1e-6)


def test_weights_of_keras_own_attention_cannot_be_replaced(x):
    inputs = keras.Input((6, 4))
    attention = keras.layers.MultiHeadAttention(2, 3, name="mha")
    model = keras.Model(inputs, attention(inputs, inputs))
    extractor = AttentionExtractor(model, replace=lambda name, w: w)
    with pytest.raises(ValueError, match="cannot reach.*'mha'"):
        extractor(x[:, 0])


def test_siblings_of_one_name_are_numbered(x):
    class Twins(keras.Model):
        def __init__(self):
            super().__init__()
            self.first = SqueezeAndExcite2D(name="se")
            self.second = SqueezeAndExcite2D(name="se")

        def call(self, x):
            return self.second(self.first(x))

    _, weights = AttentionExtractor(Twins()).predict(x, verbose=0)
    assert sorted(weights) == ["se", "se_2"]


def test_a_failing_model_leaves_nothing_open(x):
    class Failing(keras.layers.Layer):
        def call(self, x):
            raise RuntimeError("stopped")

        def compute_output_shape(self, shape):
            return shape

    inputs = keras.Input((6, 4))
    attention = keras.layers.MultiHeadAttention(1, 2, name="mha")
    model = keras.Model(inputs, Failing()(attention(inputs, inputs)))
    with pytest.raises(RuntimeError, match="stopped"):
        AttentionExtractor(model)(x[:, 0])
    assert "call" not in attention.__dict__


def test_only_models():
    with pytest.raises(ValueError, match="wraps a keras.Model"):
        AttentionExtractor("vgg16")
