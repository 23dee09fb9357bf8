"""Values and gradients of a function, by each backend's own means."""

import keras
import numpy as np
import pytest

#: Ways to run a function. JAX always compiles, PyTorch never.
MODES = ["eager"]
if keras.backend.backend() == "tensorflow":
    MODES += ["graph", pytest.param("jit", marks=pytest.mark.jit)]


#: What TensorFlow and PyTorch say for JAX too, which would compile for minutes:
#: many shapes, large models, and what keras.ops alone decides.
not_on_jax = (
    pytest.mark.slow
    if keras.backend.backend() == "jax"
    else pytest.mark.computing
)


def gradients(function, arrays, direction=1.0, mode="eager"):
    """The function's value, and the direction times its Jacobian by each array.

    In the mode `"graph"`, TensorFlow knows no sizes but those of heads and
    channels: of an array of rank 3 the last, of rank 4 the second too.
    """
    arrays = [keras.ops.convert_to_tensor(x) for x in arrays]
    run = globals()[f"_{keras.backend.backend()}"]
    value, pulled = run(function, arrays, direction, mode)
    numpy = keras.ops.convert_to_numpy
    return numpy(value), [numpy(x) for x in pulled]


def at_once(function):
    """The function; JAX compiles it whole, and not operation by operation."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)


def _tensorflow(function, arrays, direction, mode):
    import tensorflow as tf

    def run(*arrays):
        with tf.GradientTape() as tape:
            tape.watch(arrays)
            value = function(*arrays)
            # A scalar takes part in broadcasting.
            upstream = tf.broadcast_to(
                tf.cast(direction, value.dtype), tf.shape(value)
            )
        return value, tape.gradient(value, arrays, upstream)

    if mode == "graph":
        signature = [tf.TensorSpec(_open(x), x.dtype) for x in arrays]
        run = tf.function(run, input_signature=signature)
    elif mode == "jit":
        run = tf.function(run, jit_compile=True)
    return run(*arrays)


def _jax(function, arrays, direction, mode):
    import jax

    def run(*arrays):
        value, pull_back = jax.vjp(function, *arrays)
        upstream = jax.numpy.broadcast_to(
            jax.numpy.asarray(direction, value.dtype), value.shape
        )
        return value, pull_back(upstream)

    return at_once(run)(*arrays)


def _torch(function, arrays, direction, mode):
    import torch

    for x in arrays:
        x.requires_grad_()
    value = function(*arrays)
    upstream = torch.as_tensor(np.asarray(direction)).to(value)
    return value, torch.autograd.grad(value, arrays, upstream.expand_as(value))


def _open(x):
    shape = x.shape.as_list()
    kept = {3: [2], 4: [1, 3]}.get(len(shape), range(len(shape)))
    return [size if i in kept else None for i, size in enumerate(shape)]


def layer_gradients(layer, arrays, direction):
    """What a layer returns, and the gradients of all that it learns from.

    Args:
        layer: `keras.layers.Layer`, built.
        arrays: list, its inputs.
        direction: array in the shape of its outputs.

    Returns:
        The outputs and `{path or number of an input: gradient}`, all float32;
        `None` for what has no influence.
    """
    ops = keras.ops
    arrays = [ops.convert_to_tensor(x) for x in arrays]
    direction = ops.convert_to_tensor(direction, "float32")
    weights = layer.trainable_variables
    values = [weight.value for weight in weights]

    def loss(y):
        return ops.sum(ops.cast(y, "float32") * direction)

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(arrays)
            y = layer(*arrays)
            total = loss(y)
        found = tape.gradient(total, [*arrays, *values])
    elif backend == "torch":
        import torch

        for x in arrays:
            x.requires_grad_()
        y = layer(*arrays)
        found = torch.autograd.grad(
            loss(y), [*arrays, *values], allow_unused=True
        )
    else:
        import jax

        state = [v.value for v in layer.non_trainable_variables]

        def run(arrays, values):
            y, _ = layer.stateless_call(values, state, *arrays)
            return loss(y), y

        run = jax.jit(jax.grad(run, argnums=(0, 1), has_aux=True))
        (of_arrays, of_weights), y = run(arrays, values)
        found = [*of_arrays, *of_weights]
    names = [*range(len(arrays)), *(weight.path for weight in weights)]

    def numpy(x):
        if x is None:
            return None
        x = x.detach() if backend == "torch" else x
        return np.array(ops.convert_to_numpy(ops.cast(x, "float32")))

    return numpy(y), dict(zip(names, map(numpy, found), strict=True))
