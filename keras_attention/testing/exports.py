"""Promise 12: exported, a layer gives Keras' numbers."""

import importlib.util
import pathlib
import tempfile

import keras

from keras_attention.exporting.runtimes import load_litert
from keras_attention.exporting.runtimes import load_onnx
from keras_attention.exporting.runtimes import load_saved_model
from keras_attention.testing.promises import DoesNotApply
from keras_attention.testing.promises import expect_close
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import to_numpy


@promise(12)
def saved_model(subject):
    """A SavedModel gives Keras' numbers, at sizes unknown when exported."""
    _expect_same_numbers(subject, "tf_saved_model", load_saved_model)


@promise(12)
def onnx(subject):
    """An ONNX file gives Keras' numbers, at sizes unknown when exported."""
    _needs("tf2onnx", "onnxruntime")
    _expect_same_numbers(subject, "onnx", load_onnx)


@promise(12)
def litert(subject):
    """A LiteRT file gives Keras' numbers, at sizes unknown when exported."""
    _needs("ai_edge_litert")
    _expect_same_numbers(subject, "litert", load_litert)


def _expect_same_numbers(subject, file_format, load):
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
        serve = load(path)
        for height in (1,) if subject.fixed_size else (1, 2):
            inputs = subject.inputs(height=height)
            expect_close(
                f"the outputs of the exported {file_format} model",
                list(serve(inputs).values()),
                to_numpy(layer(*inputs)),
            )


def _needs(*packages):
    missing = [
        name for name in packages if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise DoesNotApply(f"needs the packages {', '.join(missing)}")
