"""Networks of plain arrays, in float64: what Keras should compute.

`steps(model)` gives functions of the weights of a model's layers, by the
layers' names; a test writes the paper's equations with them.
"""

import keras
import numpy as np


def randomized(model):
    """The model, with no weight at its initial value, and activations of 1."""
    rng = np.random.default_rng(0)
    for weight in model.weights:
        name, shape = weight.path.rsplit("/", 1)[-1], tuple(weight.shape)
        values = rng.normal(size=shape)
        if name == "kernel":
            values *= np.sqrt(2 / np.prod(shape[:-1]))
        elif name == "vector":
            values /= np.sqrt(shape[-1])
        elif name in ("gamma", "moving_variance"):
            values = rng.uniform(0.5, 1.5, size=shape)
        elif len(shape) < 2:
            values *= 0.2
        weight.assign(values)
    return model


def array(weight):
    return keras.ops.convert_to_numpy(weight).astype("float64")


def expect_answers(model, x, wanted):
    """A model's outputs are these arrays, which differ inside themselves."""
    outputs = model.predict(x, verbose=0)
    for seen, array in zip(outputs, wanted, strict=True):
        highest = array.max()
        assert np.ptp(array) > 0.1 * highest
        np.testing.assert_allclose(seen, array, rtol=1e-4, atol=1e-5 * highest)


class Steps:
    """The layers of a model, as functions of arrays."""

    def __init__(self, model):
        self.model = model

    def weights(self, name):
        return [array(weight) for weight in self.model.get_layer(name).weights]

    def convolution(self, x, name):
        """Of stride 1, `padding="same"`, an odd kernel."""
        kernel, *bias = self.weights(name)
        rows, columns = kernel.shape[0] // 2, kernel.shape[1] // 2
        x = np.pad(x, ((0, 0), (rows, rows), (columns, columns), (0, 0)))
        windows = np.lib.stride_tricks.sliding_window_view(
            x, kernel.shape[:2], axis=(1, 2)
        )
        return np.einsum(
            "bhwcij,ijcd->bhwd", windows, kernel, optimize=True
        ) + (bias[0] if bias else 0.0)

    def normalization(self, x, name):
        """Of batches, by the moving statistics."""
        gamma, beta, mean, variance = self.weights(name)
        return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta

    def layer_normalization(self, x, name):
        gamma, beta = self.weights(name)
        mean, variance = x.mean(-1, keepdims=True), x.var(-1, keepdims=True)
        return (x - mean) / np.sqrt(variance + 1e-6) * gamma + beta

    def dense(self, x, name):
        kernel, bias = self.weights(name)
        return x @ kernel + bias

    def block(self, x, name, convolutions):
        """Convolution, normalization and ReLU, so many times."""
        for number in range(1, convolutions + 1):
            x = self.convolution(x, f"{name}_conv{number}")
            x = self.normalization(x, f"{name}_bn{number}")
            x = np.maximum(x, 0)
        return x


def pool(x):
    """The maximum of 2 x 2, without what is left over."""
    batch, height, width, channels = x.shape
    x = x[:, : height // 2 * 2, : width // 2 * 2]
    x = x.reshape(batch, height // 2, 2, width // 2, 2, channels)
    return x.max((2, 4))


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def enlarged(x, size):
    """Bilinear by pixel centres, with borders repeated."""
    for axis, new in zip((1, 2), size, strict=True):
        old = x.shape[axis]
        centres = np.clip((np.arange(new) + 0.5) * old / new - 0.5, 0, old - 1)
        low = np.floor(centres).astype(int)
        high = np.minimum(low + 1, old - 1)
        share = centres - low
        shape = [1] * x.ndim
        shape[axis] = new
        share = share.reshape(shape)
        x = x.take(low, axis) * (1 - share) + x.take(high, axis) * share
    return x
