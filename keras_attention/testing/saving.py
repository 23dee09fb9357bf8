"""Promises 1 and 2: saving, configuration, building."""

import copy
import json
import pathlib
import tempfile
import warnings

import keras

from keras_attention.testing.promises import DoesNotApply
from keras_attention.testing.promises import expect
from keras_attention.testing.promises import expect_equal
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import to_numpy


@promise(1)
def registration(subject):
    """The class is registered with `register_keras_serializable`."""
    name = keras.saving.get_registered_name(subject.type)
    found = keras.saving.get_registered_object(name)
    expect(
        found is subject.type,
        f"{subject.type.__name__} under a registered name",
        f"{found!r} under {name!r}",
    )


@promise(1)
def serialization(subject):
    """Saving, loading and cloning give the same layer back, bit by bit."""
    model = subject.model(subject.built(), **subject.with_weights())
    inputs = subject.inputs()
    outputs = _call(model, inputs)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        model.save(path / "model.keras")
        loaded = keras.saving.load_model(path / "model.keras")
        expect_equal(
            "the loaded model's outputs", _call(loaded, inputs), outputs
        )
        model.save_weights(path / "model.weights.h5")
        fresh = subject.model(subject.layer(), **subject.with_weights())
        fresh.load_weights(path / "model.weights.h5")
    expect_equal("outputs with loaded weights", _call(fresh, inputs), outputs)
    clone = keras.models.clone_model(model)
    clone.set_weights(model.get_weights())
    expect_equal("the clone's outputs", _call(clone, inputs), outputs)


@promise(1)
def quantization(subject):
    """A layer with dense sub-layers loads again after int8 quantization."""
    model = subject.model(subject.built())
    inputs = subject.inputs()
    _call(model, inputs)
    with warnings.catch_warnings():
        # Keras warns of every layer without a dense kernel.
        warnings.simplefilter("ignore", UserWarning)
        model.quantize("int8")
    if not any(weight.dtype == "int8" for weight in model.weights):
        raise DoesNotApply("nothing in the layer quantizes to int8")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "quantized.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    expect_equal(
        "the loaded model's outputs",
        _call(loaded, inputs),
        _call(model, inputs),
    )


@promise(2)
def config(subject):
    """`get_config` has every constructor argument and survives JSON."""
    layer = subject.layer()
    first = layer.get_config()
    missing = sorted(subject.constructor - set(first))
    expect(not missing, "every argument in the config", f"no {missing}")
    fixed = getattr(subject.factory, "keywords", {})  # of a partial
    for name, value in fixed.items():
        if value is None or isinstance(value, bool | int | float):
            expect(
                first.get(name, value) == value,
                f"{name}={value!r} in the config",
                repr(first.get(name)),
            )
    for _ in range(2):
        layer = subject.type.from_config(copy.deepcopy(first))
        again = layer.get_config()
        expect(
            json.dumps(again) == json.dumps(first),
            f"from_config to keep the config {first}",
            again,
        )


@promise(2)
def channels(subject):
    """Channels are inferred in `build` and leave no trace in the config."""
    layer = subject.layer()
    before = json.dumps(layer.get_config())
    layer(*subject.inputs())
    after = json.dumps(layer.get_config())
    expect(after == before, f"building to keep the config {before}", after)
    other = subject.type.from_config(layer.get_config())
    inputs = subject.inputs(channels=2)
    outputs = other(*inputs)
    expected = subject.layer()(*inputs)
    expect(
        outputs.shape == expected.shape,
        f"an output of shape {expected.shape} with twice the channels",
        outputs.shape,
    )


@promise(2)
def policies(subject):
    """Sub-layers have the layer's dtype policy, not the global one."""
    layer = subject.layer(dtype="float32")
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer(*subject.inputs())
    finally:
        keras.config.set_dtype_policy(policy)
    wrong = {
        sublayer.name: sublayer.dtype_policy.name
        for sublayer in _sublayers(layer)
        if sublayer.dtype_policy.name != "float32"
    }
    expect(not wrong, "float32 in every part of a float32 layer", wrong)


def _call(model, inputs):
    return keras.tree.flatten(to_numpy(model(inputs, training=False)))


def _sublayers(layer):
    """Every layer inside, found in the attributes, lists and dictionaries."""
    found, queue = {}, list(vars(layer).values())
    while queue:
        value = queue.pop()
        if isinstance(value, dict):
            queue.extend(value.values())
        elif isinstance(value, list | tuple):
            queue.extend(value)
        elif isinstance(value, keras.layers.Layer) and id(value) not in found:
            found[id(value)] = value
            queue.extend(vars(value).values())
    return found.values()
