"""A NumPy function inside of a compiled step, on every backend.

keras.ops has no such thing. Under TensorFlow XLA cannot compile it.
"""

import keras


def host_call(function, shape, dtype, *tensors):
    """What a function of arrays returns, as a tensor without a gradient.

    Args:
        function: callable, of NumPy arrays, returns one array.
        shape: tuple, of what it returns; `None` where TensorFlow may not know.
        dtype: str, of what it returns.
        *tensors: Its arguments.
    """
    tensors = [keras.ops.stop_gradient(tensor) for tensor in tensors]
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        result = tf.numpy_function(function, tensors, dtype)
        result.set_shape(shape)
        return result
    if backend == "jax":
        import jax

        result = jax.ShapeDtypeStruct(shape, dtype)
        return jax.pure_callback(_of_arrays(function), result, *tensors)
    arrays = [keras.ops.convert_to_numpy(tensor) for tensor in tensors]
    return keras.ops.convert_to_tensor(function(*arrays), dtype)


def _of_arrays(function):
    def call(*tensors):
        return function(*map(keras.ops.convert_to_numpy, tensors))

    return call
