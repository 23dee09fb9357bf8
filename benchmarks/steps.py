"""Forward passes and training steps of Keras layers and of torch modules.

Each function returns a function without arguments that does the work once and
waits for the result, compiled the way the backend compiles in `fit`. All runs
on the card, if there is one, in the compute dtype of the layers.
"""

import keras
import numpy as np
import torch

BACKEND = keras.backend.backend()
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def keras_steps(layer, *arrays):
    """`(forward, training step)` of a built Keras layer or model.

    The training step is the gradient of `sum(outputs * cotangent)` by the
    first input and by all weights.
    """
    return _STEPS[BACKEND](layer, *_tensors(layer, arrays))


def jax_functions(layer, *arrays):
    """The two as compiled functions with their arguments, on JAX."""
    return _jax_functions(layer, *_tensors(layer, arrays))


def _tensors(layer, arrays):
    """The inputs, and a random array in the shape of the outputs."""
    inputs = [
        keras.ops.convert_to_tensor(array, layer.compute_dtype)
        for array in arrays
    ]
    # On shapes alone: some outputs fit into memory once, but not twice.
    outputs = layer(*(keras.KerasTensor(x.shape, x.dtype) for x in inputs))
    rng = np.random.default_rng(1)
    cotangent = rng.normal(size=tuple(outputs.shape)).astype("float32")
    return inputs, keras.ops.convert_to_tensor(cotangent, outputs.dtype)


def torch_steps(module, *arrays):
    """The same of a torch module, eager as PyTorch runs by default."""
    dtype = getattr(torch, keras.config.dtype_policy().compute_dtype)
    module.to(DEVICE, dtype)
    inputs = [torch.from_numpy(array).to(DEVICE, dtype) for array in arrays]
    with torch.no_grad():
        cotangent = torch.randn_like(_first(module(*inputs)))

    def forward():
        with torch.no_grad():
            _first(module(*inputs))
        wait()

    def step():
        leaves = [inputs[0].detach().requires_grad_(), *inputs[1:]]
        outputs = _first(module(*leaves))
        wanted = [leaves[0], *module.parameters()]
        torch.autograd.grad(outputs, wanted, cotangent, allow_unused=True)
        wait()

    return forward, step


def wait():
    """Until the card has done what PyTorch asked of it."""
    if DEVICE == "cuda":
        torch.cuda.synchronize()


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

    forward, step = (
        lambda function=function, arguments=arguments: jax.block_until_ready(
            function(*arguments)
        )
        for function, arguments in _jax_functions(layer, inputs, cotangent)
    )
    return forward, step


def _jax_functions(layer, inputs, cotangent):
    import jax

    trainable = [weight.value for weight in layer.trainable_variables]
    others = [weight.value for weight in layer.non_trainable_variables]

    @jax.jit
    def forward(weights, features):
        outputs, _ = layer.stateless_call(
            weights, others, features, *inputs[1:], training=False
        )
        return outputs

    def loss(weights, features):
        outputs, _ = layer.stateless_call(
            weights, others, features, *inputs[1:], training=True
        )
        return (outputs * cotangent).sum()

    gradients = jax.jit(jax.grad(loss, argnums=(0, 1)))
    arguments = (trainable, inputs[0])
    return (forward, arguments), (gradients, arguments)


def _torch_backend_steps(layer, inputs, cotangent):
    def forward():
        with torch.no_grad():
            layer(*inputs, training=False)
        wait()

    def step():
        leaves = [inputs[0].detach().requires_grad_(), *inputs[1:]]
        outputs = layer(*leaves, training=True)
        wanted = [weight.value for weight in layer.trainable_weights]
        torch.autograd.grad(
            outputs, [leaves[0], *wanted], cotangent, allow_unused=True
        )
        wait()

    return forward, step


_STEPS = {
    "tensorflow": _tensorflow_steps,
    "jax": _jax_steps,
    "torch": _torch_backend_steps,
}


def _first(outputs):
    return outputs[0] if isinstance(outputs, tuple) else outputs
