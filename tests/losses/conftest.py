import keras
import numpy as np
import pytest


class Free(keras.layers.Layer):
    """Gives back a weight, so that a step of SGD is its gradient."""

    def __init__(self, value):
        super().__init__()
        self.value = self.add_weight(
            shape=value.shape,
            initializer=keras.initializers.Constant(value),
        )

    def call(self, x):
        return self.value + 0.0 * keras.ops.sum(x)


def loss_and_gradient(loss, y_true, y_pred, sample_weight=None):
    """The value and the gradient in `y_pred`, from one step of training."""
    y_pred = np.asarray(y_pred, "float32")
    layer = Free(y_pred)
    model = keras.Sequential([layer])
    # Op by op is quicker for one step, but JAX compiles each op.
    eager = keras.backend.backend() != "jax"
    model.compile(keras.optimizers.SGD(1.0), loss, run_eagerly=eager)
    count = len(y_pred)
    value = model.train_on_batch(
        np.zeros((count, 1), "float32"), y_true, sample_weight
    )
    moved = keras.ops.convert_to_numpy(layer.value)
    return float(value), y_pred - moved


@pytest.fixture
def gradient_of():
    return loss_and_gradient


@pytest.fixture
def restored():
    def restore(loss):
        config = keras.saving.serialize_keras_object(loss)
        return keras.saving.deserialize_keras_object(config)

    return restore
