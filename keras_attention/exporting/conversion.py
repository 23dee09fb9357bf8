"""From a served model to a file, through the public exports of Keras."""

import contextlib
import re

import keras

from keras_attention.exporting import onnx_files
from keras_attention.exporting import onnx_operations
from keras_attention.exporting import substitutes
from keras_attention.exporting.served_model import INPUT_NAME
from keras_attention.internals.recording import sublayers


def convert(served, path, format, shape, quantize=None, calibration=None):
    """Writes a served model.

    Args:
        served: `ServedModel` that has been called.
        path: str, where to.
        format: `Format`.
        shape: tuple `(height, width, channels)` of the images; sizes may be
            `None`.
        quantize: str or `None`, `"float16"` or `"int8"`. Defaults to `None`.
        calibration: array of images for `"int8"`, or `None`. Defaults to
            `None`.
    """
    signature = keras.InputSpec(
        shape=(None, *shape), dtype=served.pixels.dtype, name=INPUT_NAME
    )
    options = {}
    if format.name == "litert":
        options = _litert_options(quantize, calibration)
    with _readable(served, format) as held:
        served.export(
            path,
            format=format.keras_name,
            verbose=False,
            input_signature=[signature],
            **options,
        )
    if format.name == "onnx":
        if keras.backend.backend() == "torch":
            images = keras.ops.zeros((2, *shape), dtype=served.pixels.dtype)
            onnx_files.rename_outputs(path, list(served(images)))
        onnx_files.fix_inputs(path, held)
        onnx_files.keep_zeros_around_maxima(path)
        onnx_files.reach_whole_sizes(path)
        if quantize == "float16":
            onnx_files.store_float16(path)
        elif quantize == "int8":
            onnx_files.quantize_int8(path, INPUT_NAME, calibration)


@contextlib.contextmanager
def _readable(model, format):
    """The context in which the converter of a format can read a model.

    Yields:
        A dictionary of the inputs that are tensors which the model holds.
    """
    if format.name != "onnx" or keras.backend.backend() != "tensorflow":
        yield {}
        return
    onnx_operations.register_operations()
    with (
        substitutes.ungrouped_convolutions(model),
        substitutes.held_tensors() as held,
    ):
        yield held


def explain(error, model, format):
    """The message for a model that could not be converted or run.

    Args:
        error: exception, what was raised.
        model: `keras.Model`.
        format: `Format`.

    Returns:
        A string that names the layers which the error speaks of, if it speaks
        of any.
    """
    layers = _layers_in(str(error), model)
    named = (
        f" because of its layer {' and '.join(map(repr, layers))}"
        if layers
        else ""
    )
    summary = " ".join(str(error).split())
    if len(summary) > 400:
        summary = summary[:400] + " ..."
    return (
        f"The model {model.name!r} cannot be exported to {format.name!r}"
        f"{named}. {type(error).__name__}: {summary}"
    )


def _layers_in(text, model):
    """The paths of the layers whose scopes a converter's message names.

    A scope is `served/vgg/block3_pool_se/Erfc`, with a number behind any
    part that TensorFlow has seen before.
    """
    found = []
    for path, _ in sublayers(model):
        parts = [rf"{re.escape(part)}(?:_\d+)?" for part in path.split("/")]
        if re.search(rf"(?<![\w.]){'/'.join(parts)}/", text):
            found.append(path)
    # The deepest say most, and `conv_1` is not `conv` with a number.
    return [
        path
        for path in found
        if not any(
            other != path
            and (other.startswith(f"{path}/") or _is_numbered(other, path))
            for other in found
        )
    ]


def _is_numbered(other, path):
    return re.fullmatch(rf"{re.escape(path)}_\d+", other) is not None


def _litert_options(quantize, calibration):
    import tensorflow as tf

    # Without TensorFlow's own kernels: the small runtime does not have them.
    target = {"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS]}
    options = {"target_spec": target}
    if quantize is not None:
        options["optimizations"] = [tf.lite.Optimize.DEFAULT]
    if quantize == "float16":
        target["supported_types"] = [tf.float16]
    if calibration is not None:
        target["supported_ops"] = [
            tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
            tf.lite.OpsSet.TFLITE_BUILTINS,
        ]
        options["representative_dataset"] = lambda: (
            [calibration[n : n + 1]] for n in range(len(calibration))
        )
    return options
