"""The formats: what they are called, what they need, what they can do."""

import dataclasses
import importlib.util

import keras

from keras_attention.internals import arguments
from keras_attention.internals.requirements import command_for


@dataclasses.dataclass(frozen=True)
class Format:
    """What is to be known of a format before anything is converted.

    Attributes:
        name: str, as `export` calls it.
        keras_name: str, as `keras.Model.export` calls it.
        suffix: str, how its paths end; empty for a folder.
        backends: tuple of str, Keras' backends that can write it.
        quantize: tuple of str, what it can be quantized to.
        packages: dict of module to the name to install it by, what writing and
            running it needs.
    """

    name: str
    keras_name: str
    suffix: str
    backends: tuple
    quantize: tuple
    packages: dict


# What people also call them, and what Keras does.
_FORMER_NAMES = {
    "tflite": "litert",
    "tensorflow_lite": "litert",
    "tf_saved_model": "saved_model",
    "savedmodel": "saved_model",
}
_ONNX = {"onnx": "onnx", "onnxruntime": "onnxruntime"}
FORMATS = {
    format.name: format
    for format in (
        Format(
            "saved_model",
            "tf_saved_model",
            "",
            ("tensorflow", "jax"),
            (),
            {"tensorflow": "tensorflow"},
        ),
        Format(
            "onnx",
            "onnx",
            ".onnx",
            ("tensorflow", "torch"),
            ("float16", "int8"),
            _ONNX,
        ),
        Format(
            "litert",
            "litert",
            ".tflite",
            ("tensorflow",),
            ("float16", "int8"),
            {"ai_edge_litert": "ai-edge-litert"},
        ),
    )
}


def checked_format(name, quantize, calibration):
    """The format of that name, if it can be written here as it is asked for.

    Args:
        name: as given to `export`.
        quantize: as given to `export`.
        calibration: as given to `export`.

    Returns:
        A `Format`.

    Raises:
        ValueError: For an unknown format, a quantization that it lacks,
            calibration that would not be used, and a backend that cannot
            write it.
        ImportError: Without the packages.

    Example:

    >>> checked_format("saved_model", "int8", None)
    Traceback (most recent call last):
    ValueError: Invalid value for argument quantize: expected None for format
    'saved_model'; 'onnx' and 'litert' can be quantized. Received:
    quantize='int8'
    """
    if name in _FORMER_NAMES:
        raise ValueError(
            f"The format {name!r} is called {_FORMER_NAMES[name]!r}. Received: "
            f"format={name!r}"
        )
    arguments.one_of("format", name, tuple(FORMATS))
    format = FORMATS[name]
    arguments.one_of("quantize", quantize, (None, "float16", "int8"))
    if quantize is not None and quantize not in format.quantize:
        able = [f.name for f in FORMATS.values() if quantize in f.quantize]
        expected = (
            f"None for format {name!r}; "
            f"{' and '.join(map(repr, able))} can be quantized"
        )
        raise ValueError(arguments.invalid("quantize", quantize, expected))
    if calibration is not None and quantize != "int8":
        raise ValueError(
            "Invalid value for argument calibration: expected None, as only "
            "quantize='int8' is calibrated. Received: images with "
            f"quantize={quantize!r}"
        )
    _check_backend(format)
    _check_packages(format)
    return format


def _check_backend(format):
    backend = keras.backend.backend()
    if backend in format.backends:
        return
    able = " or ".join(map(repr, format.backends))
    here = [f.name for f in FORMATS.values() if backend in f.backends]
    raise ValueError(
        f"Invalid value for argument format: Keras writes {format.name!r} "
        f"with the backend {able}, not with {backend!r}"
        + (f", which can write {', '.join(map(repr, here))}" if here else "")
        + ". Save the model, model.save('model.keras'), load it in a Python "
        "that is started with KERAS_BACKEND=tensorflow, and export it there. "
        f"Received: format={format.name!r}"
    )


def _check_packages(format):
    needed = dict(format.packages)
    if format.name == "onnx" and keras.backend.backend() == "tensorflow":
        needed["tf2onnx"] = "tf2onnx"
    missing = [
        module for module in needed if importlib.util.find_spec(module) is None
    ]
    if missing:
        raise ImportError(
            f"export to {format.name!r} needs packages that are not "
            f"installed. Run: {command_for(missing)}"
        )
