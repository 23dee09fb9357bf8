"""What the blocks of transformers on maps are put together from.

All take `(batch, height, width, channels)` and name their layers.
"""

import keras


def feed_forward(x, name, hidden_dim, dropout):
    """`W_2 gelu(W_1 x + b_1) + b_2` at every position."""
    y = dense(x, hidden_dim, f"{name}_dense1")
    # The exact one has an operation that ONNX has not.
    y = keras.ops.gelu(y, approximate=True)
    y = dropped(y, dropout, f"{name}_dropout2")
    y = dense(y, x.shape[-1], f"{name}_dense2")
    return dropped(y, dropout, f"{name}_dropout3")


def dense(x, units, name, **kwargs):
    """One for all positions: a convolution keeps the size of the map known."""
    return keras.layers.Conv2D(
        units, 1, data_format="channels_last", name=name, **kwargs
    )(x)


def normalized(x, name):
    """Layer normalization, as timm and torchvision have it."""
    return keras.layers.LayerNormalization(epsilon=1e-6, name=name)(x)


def dropped(x, rate, name):
    """Dropout, if there is any."""
    return keras.layers.Dropout(rate, name=name)(x) if rate else x
