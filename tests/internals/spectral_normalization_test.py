"""What a layer is asked with is what it was trained with."""

import keras
import numpy as np
import pytest

from keras_attention.internals.spectral_normalization import (
    SpectralNormalization,
)

pytestmark = pytest.mark.computing


def numpy(x):
    return keras.ops.convert_to_numpy(x)


def test_after_fit_the_map_has_norm_one_and_the_bias_is_its_own():
    """Keras' own has 3 under JAX, whose `fit` loses what is written."""
    layer = SpectralNormalization(keras.layers.Dense(4), power_iterations=9)
    model = keras.Sequential([keras.Input((5,)), layer])
    kernel = np.zeros((5, 4), "float32")
    kernel[:4] = np.diag([3, 1, 0.5, 0.2])
    bias = np.arange(4, dtype="float32")
    layer.layer.set_weights([kernel, bias])
    model.compile(keras.optimizers.SGD(0.0), "mse")
    model.fit(np.ones((2, 5)), np.ones((2, 4)), verbose=0)
    x = np.concatenate([np.zeros((1, 5)), np.eye(5)])
    seen = numpy(model(x, training=False))
    np.testing.assert_allclose(seen[0], bias, atol=1e-6)
    np.testing.assert_allclose(seen[1:] - bias, kernel / 3, atol=1e-5)
    np.testing.assert_allclose(numpy(model(x, training=True)), seen, atol=1e-5)


def test_a_kernel_of_zeros_stays():
    layer = SpectralNormalization(
        keras.layers.Conv2D(2, 3, kernel_initializer="zeros")
    )
    seen = numpy(layer(np.ones((1, 3, 3, 2)), training=True))
    np.testing.assert_array_equal(seen, np.zeros((1, 1, 1, 2)))


def test_the_bias_of_a_convolution_with_channels_first_is_its_channels_own():
    layer = SpectralNormalization(
        keras.layers.Conv2D(2, 1, data_format="channels_first")
    )
    layer.build((1, 2, 3, 3))
    kernel = 4 * np.eye(2, dtype="float32")[None, None]
    layer.layer.set_weights([kernel, np.array([1, 2], "float32")])
    seen = numpy(layer(np.ones((1, 2, 3, 3)), training=True))
    np.testing.assert_allclose(seen[0, :, 0, 0], [2, 3], atol=1e-5)
