"""What a network computes, and of what: the same word for the same numbers."""

import hashlib
import json

import keras
import numpy as np

from keras_attention.version import __version__

# Pixels that are decoded together.
_BLOCK = 256
# Of a layer's configuration, what its answers do not depend on,
_NOT_ASKED = {"trainable", "build_config", "compile_config"}
# and what refers to layers by their names.
_NAMING = {"keras_history", "input_layers", "output_layers"}


def fingerprint(model, arrays, *others):
    """A word that is another one when the answers may be.

    It depends on the configuration and the weights of the model, on every
    number of the data, on Keras, its backend and this package. It does not
    depend on the names of layers, which Keras counts up, nor on what is
    trainable, for answers do not.

    Args:
        model: `keras.Model`, functional or sequential.
        arrays: list of arrays or `Pixels`, the data.
        *others: str, whatever else the answers depend on.

    Returns:
        A str of 32 hexadecimal digits.

    Example:

    >>> def network(rate):
    ...     inputs = keras.Input((3,))
    ...     return keras.Model(inputs, keras.layers.ReLU(rate)(inputs))
    >>> one, same, other = (
    ...     fingerprint(network(r), [np.ones((2, 3))]) for r in (1, 1, 2)
    ... )
    >>> one == same, one == other
    (True, False)
    """
    versions = (keras.__version__, keras.backend.backend(), __version__)
    config = _nameless(keras.saving.serialize_keras_object(model))
    digest = hashlib.sha256(json.dumps(config).encode())
    digest.update(repr((*versions, *others)).encode())
    for variable in model.weights:
        _add(digest, keras.ops.convert_to_numpy(variable.value))
    for array in arrays:
        _add(digest, array)
    return digest.hexdigest()[:32]


def _add(digest, array):
    digest.update(f"{array.dtype}{tuple(array.shape)}".encode())
    if not array.ndim:
        digest.update(array.tobytes())
        return
    for start in range(0, len(array), _BLOCK):
        block = np.ascontiguousarray(array[start : start + _BLOCK])
        # As bytes: bfloat16 is no type that a buffer may have.
        digest.update(block.view("uint8"))


def _nameless(config, is_layer=True, numbers=None):
    """A configuration whose layers are called by their places."""
    if isinstance(config, (list, tuple)):
        return [_nameless(value, False, numbers) for value in config]
    if not isinstance(config, dict):
        return config
    kept = {
        key: value for key, value in config.items() if key not in _NOT_ASKED
    }
    if is_layer:  # that of a dtype policy says what it is
        kept.pop("name", None)
        kept["config"] = {**kept["config"], "name": None}
    layers = kept.pop("layers", None)
    if layers is not None:
        names = [layer["config"]["name"] for layer in layers]
        numbers = {name: place for place, name in enumerate(names)}
        layers = [_nameless(layer, True, numbers) for layer in layers]
    for key in _NAMING.intersection(kept):
        kept[key] = keras.tree.map_structure(
            lambda value: numbers.get(value, value), kept[key]
        )
    kept = {key: _nameless(v, False, numbers) for key, v in kept.items()}
    return kept | ({} if layers is None else {"layers": layers})
