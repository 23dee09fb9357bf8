"""Runs exported files on arrays, as an application would."""

import re

import numpy as np


def load_saved_model(path):
    """Loads a SavedModel and its default signature.

    Args:
        path: str or path, the folder.

    Returns:
        A function from a list of arrays, in the order in which Keras made the
        inputs, to a dictionary of output name to array.
    """
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    signature = loaded.signatures["serving_default"]
    # The signature is a weak view of what is loaded: `run` keeps both.
    inputs = _by_number(signature.structured_input_signature[1])

    def run(arrays, keep=loaded):
        feeds = dict(zip(inputs, map(tf.constant, arrays), strict=True))
        return {name: np.array(t) for name, t in signature(**feeds).items()}

    return run


def load_onnx(path):
    """Loads an ONNX file into ONNX Runtime; see `load_saved_model`."""
    import onnxruntime

    session = onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )
    inputs = [tensor.name for tensor in session.get_inputs()]
    outputs = [tensor.name for tensor in session.get_outputs()]

    def run(arrays):
        feeds = dict(zip(inputs, arrays, strict=True))
        return dict(zip(outputs, session.run(None, feeds), strict=True))

    return run


def load_litert(path):
    """Loads a LiteRT file into its interpreter; see `load_saved_model`."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path))
    (signature,) = interpreter.get_signature_list()
    runner = interpreter.get_signature_runner(signature)
    inputs = _by_number(runner.get_input_details())

    def run(arrays):
        # The runner adapts to the shapes and returns its own memory.
        feeds = dict(zip(inputs, map(np.asarray, arrays), strict=True))
        return {name: np.array(a) for name, a in runner(**feeds).items()}

    return run


LOADERS = {
    "saved_model": load_saved_model,
    "onnx": load_onnx,
    "litert": load_litert,
}


def _by_number(names):
    """Names in the order of the numbers that Keras gave them."""

    def key(name):
        return [
            int(part) if part.isdigit() else part
            for part in re.split(r"(\d+)", name)
        ]

    return sorted(names, key=key)
