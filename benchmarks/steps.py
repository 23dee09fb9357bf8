"""Forward passes and training steps of Keras layers and of torch modules.

Each function returns a function without arguments that does the work once and
waits for the result, compiled the way the backend compiles in `fit`.
"""

import keras
import numpy as np
import torch

BACKEND = keras.backend.backend()


def keras_steps(layer, *arrays):
    """`(forward, training step)` of a built Keras layer or model.

    The training step is the gradient of `sum(outputs * cotangent)` by the
    first input and by all weights.
    """
    inputs = [keras.ops.convert_to_tensor(array) for array in arrays]
    shape = layer(*inputs).shape
    rng = np.random.default_rng(1)
    cotangent = keras.ops.convert_to_tensor(
        rng.normal(size=tuple(shape)).astype("float32")
    )
    return _STEPS[BACKEND](layer, inputs, cotangent)


def torch_steps(module, *arrays):
    """The same of a torch module, eager as PyTorch runs by default."""
    inputs = [torch.from_numpy(array) for array in arrays]
    with torch.no_grad():
        shape = _first(module(*inputs)).shape
    cotangent = torch.randn(shape)

    def forward():
        with torch.no_grad():
            _first(module(*inputs))

    def step():
        leaves = [inputs[0].detach().requires_grad_(), *inputs[1:]]
        outputs = _first(module(*leaves))
        wanted = [leaves[0], *module.parameters()]
        torch.autograd.grad(outputs, wanted, cotangent, allow_unused=True)

    return forward, step


def _tensorflow_steps(layer, inputs, cotangent):
    import tensorflow as tf

    @tf.function
    def forward():
        return layer(*inputs, training=False)

    @tf.function
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(inputs[0])
            loss = tf.reduce_sum(layer(*inputs, training=True) * cotangent)
        variables = [weight.value for weight in layer.trainable_weights]
        return tape.gradient(loss, [inputs[0], *variables])

    def waiting(function):
        def run():
            function()
            tf.test.experimental.sync_devices()

        return run

    return waiting(forward), waiting(gradients)


def _jax_steps(layer, inputs, cotangent):
    import jax

    trainable = [weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]

    @jax.jit
    def forward(features):
        outputs, _ = layer.stateless_call(
            trainable, others, features, *inputs[1:], training=False
        )
        return outputs

    def loss(weights, features):
        outputs, _ = layer.stateless_call(
            weights, others, features, *inputs[1:], training=True
        )
        return (outputs * cotangent).sum()

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))
    return (
        lambda: jax.block_until_ready(forward(inputs[0])),
        lambda: jax.block_until_ready(gradients(trainable, inputs[0])),
    )


def _torch_backend_steps(layer, inputs, cotangent):
    def forward():
        with torch.no_grad():
            layer(*inputs, training=False)

    def step():
        leaves = [inputs[0].detach().requires_grad_(), *inputs[1:]]
        outputs = layer(*leaves, training=True)
        wanted = [weight.value for weight in layer.trainable_weights]
        torch.autograd.grad(
            outputs, [leaves[0], *wanted], cotangent, allow_unused=True
        )

    return forward, step


_STEPS = {
    "tensorflow": _tensorflow_steps,
    "jax": _jax_steps,
    "torch": _torch_backend_steps,
}


def _first(outputs):
    return outputs[0] if isinstance(outputs, tuple) else outputs
