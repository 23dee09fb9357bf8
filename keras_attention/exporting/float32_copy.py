"""A model in float32, whatever it was trained in."""

import keras
import numpy as np

from keras_attention.internals.recording import sublayers

_SHORT = ("float16", "bfloat16")


def float32_copy(model):
    """The model with the same weights, computing in float32.

    Converters know float32 best, and the devices that run their files have
    no float16 everywhere. The model is rebuilt from its configuration with
    float32 in the place of every half-precision policy, in nested models and
    layers too.

    Args:
        model: `keras.Model`, built. It is not changed.

    Returns:
        The model itself if all of it computes in float32 already, otherwise
        a copy.

    Raises:
        ValueError: If Keras has quantized the model, or if it cannot be
            rebuilt from its configuration.

    Example:

    >>> inputs = keras.Input((4,))
    >>> outputs = keras.layers.Dense(2, dtype="mixed_bfloat16")(inputs)
    >>> copy = float32_copy(keras.Model(inputs, outputs))
    >>> copy.output.dtype
    'float32'
    """
    layers = [model, *(layer for _, layer in sublayers(model))]
    quantized = [
        layer.name for layer in layers if layer.quantization_mode is not None
    ]
    if quantized:
        raise ValueError(
            "export takes a model before model.quantize(), and quantizes it "
            f"with quantize=. Received: a model with quantized {quantized}"
        )
    if all(_is_float32(layer) for layer in layers):
        return model
    try:
        copy = _rebuilt(model, layers)
    except Exception as error:
        raise ValueError(
            f"The model {model.name!r} computes in half precision and could "
            "not be rebuilt in float32 from its configuration: does every "
            f"custom layer have get_config? {type(error).__name__}: {error}"
        ) from error
    for new, old in zip(copy.weights, model.weights, strict=True):
        new.assign(np.asarray(keras.ops.convert_to_numpy(old), new.dtype))
    return copy


def _is_float32(layer):
    dtypes = {layer.compute_dtype, layer.variable_dtype}
    return not dtypes.intersection(_SHORT)


def _rebuilt(model, layers):
    config = keras.saving.serialize_keras_object(model)
    config.pop("compile_config", None)
    # Classes that nobody registered are found all the same. The code of a
    # Lambda is the user's own, just serialized: there is nothing to fear.
    classes = {type(layer).__name__: type(layer) for layer in layers}
    copy = keras.saving.deserialize_keras_object(
        _in_float32(config),
        custom_objects={
            name: cls
            for name, cls in classes.items()
            if not cls.__module__.startswith("keras.")
        },
        safe_mode=False,
    )
    return copy


def _in_float32(config):
    """The configuration with every half-precision dtype replaced."""
    if isinstance(config, list | tuple):
        return type(config)(map(_in_float32, config))
    if not isinstance(config, dict):
        return config
    if config.get("class_name") == "DTypePolicy":
        name = config["config"]["name"]
        if name.removeprefix("mixed_") in _SHORT:
            return {**config, "config": {"name": "float32"}}
    return {
        key: "float32"
        if key == "dtype"
        and isinstance(value, str)
        and value.removeprefix("mixed_") in _SHORT
        else _in_float32(value)
        for key, value in config.items()
    }
