import keras
import numpy as np
import pytest

from keras_attention import layers


def _small_network(shape=(16, 16, 3), activation="softmax", dtype=None):
    """A convolution, channel attention, spatial attention, three classes."""
    inputs = keras.Input(shape)
    x = keras.layers.Conv2D(8, 3, padding="same", dtype=dtype)(inputs)
    x = keras.layers.BatchNormalization(dtype=dtype)(x)
    x = keras.layers.Activation("relu", dtype=dtype)(x)
    x = layers.get("se", reduction_ratio=2, name="channels", dtype=dtype)(x)
    x = layers.get("cbam_spatial", name="places", dtype=dtype)(x)
    x = keras.layers.GlobalAveragePooling2D(dtype=dtype)(x)
    outputs = keras.layers.Dense(3, activation, dtype=dtype)(x)
    return _randomised(keras.Model(inputs, outputs, name="small"))


def _randomised(model):
    """Biases and statistics that are not at their first values."""
    rng = np.random.default_rng(3)
    for weight in model.weights:
        if len(weight.shape) == 1:
            noise = 0.1 * np.abs(rng.normal(size=tuple(weight.shape)))
            weight.assign(keras.ops.convert_to_numpy(weight) + noise)
    return model


@pytest.fixture
def small_network():
    return _small_network


@pytest.fixture
def randomised():
    return _randomised


@pytest.fixture
def images():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (5, 16, 16, 3), dtype="uint8")
