"""Linear maps divided by their largest singular value, on every backend."""

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_attention")
class SpectralNormalization(keras.layers.SpectralNormalization):
    """`W x / sigma(W) + b` of a layer `W x + b`, in training and after it.

    `sigma` is the largest singular value, followed by one power iteration a
    step, and the gradient goes through it, as in the paper.

    Against Keras' own, which writes `W / sigma` over the kernel: JAX's `fit`
    drops what is written to a weight that is trained, so that there the layer
    has another kernel after training, and for whoever asks it with
    `training=False`, than the one it was trained with.

    Args:
        layer: A dense layer or a convolution without an activation.
        power_iterations: int, a step. Defaults to `1`.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).

    Example:

    >>> import numpy as np
    >>> layer = SpectralNormalization(keras.layers.Dense(3, use_bias=False))
    >>> x = np.eye(4, dtype="float32")
    >>> for _ in range(50):
    ...     seen = layer(x, training=True)
    >>> seen = keras.ops.convert_to_numpy(layer(x))
    >>> float(np.linalg.svd(seen)[1][0].round(3))
    1.0

    Reference:
        Miyato, Kataoka, Koyama, Yoshida: Spectral Normalization for Generative
        Adversarial Networks. ICLR 2018.
    """

    def call(self, inputs, training=False):
        """Divides, and follows the singular vector while training."""
        kernel = ops.reshape(self.kernel, (-1, self.kernel_shape[-1]))
        u = ops.convert_to_tensor(self.vector_u)  # (1, channels)
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(kernel)), axis=-1)
            u = ops.normalize(ops.matmul(v, kernel), axis=-1)
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        if training:
            self.vector_u.assign(u)
        sigma = ops.sum(ops.matmul(v, kernel) * u)
        # A kernel of zeros has nothing to be divided.
        divided = self.kernel / ops.where(sigma > 0, sigma, 1.0)
        # The layer's own call, with this kernel in place of its own: to divide
        # what comes out would be one more pass over every map.
        values = [(self.layer.kernel, divided)]
        if getattr(self.layer, "bias", None) is not None:
            # A scope within a scope knows nothing of the values outside.
            bias = ops.convert_to_tensor(self.layer.bias)
            values.append((self.layer.bias, bias))
        with keras.StatelessScope(values):
            return self.layer(inputs)
