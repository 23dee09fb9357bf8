"""Copying one layer with all of its state."""

import tempfile

import keras
import numpy as np

from keras_attention.internals import keras_private
from keras_attention.internals.recording import sublayers
from keras_attention.surgery.weight_report import variables_by_address


def copy_layer(layer):
    """A layer or operation of the same configuration, without its state."""
    if isinstance(layer, keras.layers.Lambda):
        return _copy_lambda(layer)
    try:
        copy = type(layer).from_config(layer.get_config())
    except (NotImplementedError, TypeError, ValueError) as error:
        raise ValueError(
            f"The layer {layer.name!r} ({type(layer).__name__}) cannot be "
            "copied from its configuration. Give its class a get_config() "
            "that returns all arguments of its constructor, or use "
            f"share_layers=True. Keras says: {error}"
        ) from error
    # The configuration of a subclassed model has no name.
    copy.name = layer.name
    return copy


def copy_state(layer, copy):
    """Gives a built copy the weights, seeds and quantization of a layer."""
    pairs = _parts(layer, copy)
    for old, new in pairs:
        _equip(old, new)
        if hasattr(old, "adapt"):
            _copy_adapted(old, new)
    olds, news = variables_by_address(layer), variables_by_address(copy)
    _expect_alike(layer, olds, news)
    for address, (_, old) in olds.items():
        _, new = news[address]
        # By way of NumPy's memory: JAX gives the buffers of a model that is
        # trained away, so two models must not share one.
        new.assign(np.array(keras.ops.convert_to_numpy(old)))
        if new.trainable and not old.trainable:
            new.trainable = False
    for old, new in pairs[1:]:
        if new.trainable != old.trainable:
            new.trainable = old.trainable


def _parts(layer, copy):
    """Pairs of the layers inside both, parents first."""
    olds = [layer, *(part for _, part in sublayers(layer))]
    news = [copy, *(part for _, part in sublayers(copy))]
    if [type(old) for old in olds] != [type(new) for new in news]:
        raise ValueError(
            f"The layer {layer.name!r} ({type(layer).__name__}) has other "
            "layers inside when made from its configuration. Use "
            "share_layers=True."
        )
    return list(zip(olds, news, strict=True))


def _equip(old, new):
    """What was done to a layer after it was built: quantization and LoRA."""
    mode = old.dtype_policy.quantization_mode
    if mode is not None and new.dtype_policy.quantization_mode is None:
        # On a built layer, setting the policy quantizes the weights.
        new.dtype_policy = old.dtype_policy
    if getattr(old, "lora_enabled", False) and not new.lora_enabled:
        new.enable_lora(old.lora_rank, lora_alpha=old.lora_alpha)


def _copy_adapted(old, new):
    """The state of preprocessing layers that is no variable."""
    store = {}
    old.save_own_variables(store)
    new.load_own_variables(store)
    if hasattr(old, "save_assets"):
        with tempfile.TemporaryDirectory() as folder:
            old.save_assets(folder)
            new.load_assets(folder)


def _expect_alike(layer, olds, news):
    different = sorted(
        path
        for address, (path, variable) in {**news, **olds}.items()
        if address not in olds
        or address not in news
        or variable.shape != news[address][1].shape
    )
    if different:
        raise ValueError(
            f"The layer {layer.name!r} ({type(layer).__name__}) has other "
            "weights when made from its configuration: "
            f"{', '.join(different)}. Use share_layers=True."
        )


def _copy_lambda(layer):
    # Keras would write the function down and refuse to read it.
    return type(layer)(
        layer.function,
        output_shape=keras_private.lambda_output_shape(layer),
        mask=layer.mask,
        arguments=layer.arguments,
        name=layer.name,
        dtype=layer.dtype_policy,
        trainable=layer.trainable,
    )
