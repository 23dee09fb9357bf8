"""What a converter cannot read, said in other words while it reads."""

import contextlib
import functools

import keras
from keras import ops

from keras_attention.internals import keras_private
from keras_attention.internals.recording import sublayers


@contextlib.contextmanager
def held_tensors():
    """Collects the tensors that a model holds while tf2onnx reads it.

    The mean of a `Normalization`, an argument of an operation, an attribute
    of a layer: TensorFlow lists what is no variable among the inputs of a
    function, beside the images, and so does tf2onnx.

    Yields:
        A dictionary of names of inputs to arrays, which the conversion fills.
    """
    import tf2onnx

    found = {}
    convert = tf2onnx.convert.from_function

    def from_function(function, input_signature, **options):
        graph = function.get_concrete_function(*input_signature).graph
        found.update(
            (inside.name, outside.numpy())
            for outside, inside in graph.captures
            if outside.dtype != "resource"
        )
        return convert(function, input_signature, **options)

    with keras_private.replaced(
        lambda: [(tf2onnx.convert, "from_function", from_function)]
    ):
        yield found


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
