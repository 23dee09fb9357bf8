"""Promise 12: exported, a layer gives Keras' numbers."""

import importlib.util
import pathlib
import tempfile

import keras
import numpy as np

from keras_attention.testing.promises import DoesNotApply
from keras_attention.testing.promises import expect_close
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import to_numpy


@promise(12)
def saved_model(subject):
    """A SavedModel gives Keras' numbers, at sizes unknown when exported."""
    _expect_same_numbers(subject, "tf_saved_model", _serve_saved_model)


@promise(12)
def onnx(subject):
    """An ONNX file gives Keras' numbers, at sizes unknown when exported."""
    _needs("tf2onnx", "onnxruntime")
    _expect_same_numbers(subject, "onnx", _serve_onnx)


@promise(12)
def litert(subject):
    """A LiteRT file gives Keras' numbers, at sizes unknown when exported."""
    _needs("ai_edge_litert")
    _expect_same_numbers(subject, "litert", _serve_litert)


def _expect_same_numbers(subject, file_format, serve):
    if keras.backend.backend() != "tensorflow":
        raise DoesNotApply("exports are checked on TensorFlow")
    layer = subject.built()
    model = subject.model(layer, dynamic=not subject.fixed_size)
    model(subject.inputs())  # Keras exports only what has been called
    with tempfile.TemporaryDirectory() as folder:
        path = str(pathlib.Path(folder) / "exported")
        if file_format != "tf_saved_model":
            path += {"onnx": ".onnx", "litert": ".tflite"}[file_format]
        model.export(path, format=file_format, verbose=False)
        for height in (1,) if subject.fixed_size else (1, 2):
            inputs = subject.inputs(height=height)
            expect_close(
                f"the outputs of the exported {file_format} model",
                serve(path, inputs),
                to_numpy(layer(*inputs)),
            )


def _serve_saved_model(path, inputs):
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    return to_numpy(loaded.serve(inputs))


def _serve_onnx(path, inputs):
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    names = [tensor.name for tensor in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))[0]


def _serve_litert(path, inputs):
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(path)
    # The converter orders the inputs by name: in the order of Keras' inputs.
    slots = sorted(interpreter.get_input_details(), key=lambda d: d["name"])
    for slot, array in zip(slots, inputs, strict=True):
        interpreter.resize_tensor_input(slot["index"], array.shape)
    interpreter.allocate_tensors()
    for slot, array in zip(slots, inputs, strict=True):
        interpreter.set_tensor(slot["index"], np.asarray(array))
    interpreter.invoke()
    (output,) = interpreter.get_output_details()
    return interpreter.get_tensor(output["index"])


def _needs(*packages):
    missing = [
        name for name in packages if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise DoesNotApply(f"needs the packages {', '.join(missing)}")
