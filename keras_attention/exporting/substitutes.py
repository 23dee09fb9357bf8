"""What a converter cannot read, said in other words while it reads."""

import functools

import keras
from keras import ops

from keras_attention.internals import keras_private
from keras_attention.internals.recording import sublayers


def constant_statistics(model):
    """Lets mean and variance of Keras' `Normalization` be constants.

    As eager tensors they become inputs of an ONNX file, beside the images.

    Args:
        model: `keras.Model`. It is as before when the context ends.
    """
    return keras_private.replaced(
        lambda: [
            (layer, name, ops.convert_to_numpy(getattr(layer, name)))
            for layer in _layers(model, keras.layers.Normalization)
            for name in ("mean", "variance")
        ]
    )


def ungrouped_convolutions(model):
    """Lets grouped convolutions be depthwise ones, or one a group.

    TensorFlow has them, tf2onnx does not. ConvNeXt is made of them.

    Args:
        model: `keras.Model`. It is as before when the context ends.
    """
    kinds = keras.layers.Conv1D, keras.layers.Conv2D, keras.layers.Conv3D
    return keras_private.replaced(
        lambda: [
            (
                layer,
                "convolution_op",
                functools.partial(_convolve_groups, layer),
            )
            for layer in _layers(model, kinds)
            if layer.groups > 1
        ]
    )


def _convolve_groups(layer, inputs, kernel):
    """A grouped convolution, its kernel `(..., channels a group, filters)`."""
    options = {
        "strides": layer.strides,
        "padding": layer.padding,
        "dilation_rate": layer.dilation_rate,
        "data_format": layer.data_format,
    }
    axis = -1 if layer.data_format == "channels_last" else 1
    if layer.groups == inputs.shape[axis] and layer.rank < 3:
        # (..., 1, channels * multiplier) -> (..., channels, multiplier)
        shape = (*kernel.shape[:-2], layer.groups, -1)
        return ops.depthwise_conv(inputs, ops.reshape(kernel, shape), **options)
    pairs = zip(
        ops.split(inputs, layer.groups, axis),
        ops.split(kernel, layer.groups, -1),
        strict=True,
    )
    return ops.concatenate([ops.conv(*pair, **options) for pair in pairs], axis)


def _layers(model, kinds):
    return [layer for _, layer in sublayers(model) if isinstance(layer, kinds)]
