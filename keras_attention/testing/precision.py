"""Promise 5: half precision, extreme inputs, masks, NaN."""

import warnings

import keras
import numpy as np

from keras_attention.testing.promises import expect
from keras_attention.testing.promises import expect_close
from keras_attention.testing.promises import expect_equal
from keras_attention.testing.promises import expect_finite
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import dtype_of
from keras_attention.testing.subject import output_shape
from keras_attention.testing.subject import restore
from keras_attention.testing.subject import state_of
from keras_attention.testing.subject import targets
from keras_attention.testing.subject import to_numpy
from keras_attention.testing.subject import train
from keras_attention.testing.subject import weights_of


@promise(5)
def mixed_precision(subject):
    """Half precision has float32 variables and nearly the same results."""
    policy, tolerance = _half_precision()
    precise = subject.built()
    layer = subject.built(dtype=policy)
    variables = {
        weight.path: weight.dtype
        for weight in layer.trainable_weights
        if weight.dtype != "float32"
    }
    expect(not variables, f"float32 variables under {policy}", variables)
    layer.set_weights(precise.get_weights())
    inputs = subject.inputs()
    outputs = layer(*inputs)
    expect(
        dtype_of(outputs) == layer.compute_dtype,
        f"outputs of {layer.compute_dtype} under {policy}",
        dtype_of(outputs),
    )
    expect_close(
        f"outputs under {policy}",
        to_numpy(outputs),
        to_numpy(precise(*inputs)),
        tolerance,
    )


@promise(5)
def extreme_inputs(subject):
    """Half precision stays finite at extreme inputs, forward and backward."""
    policy, _ = _half_precision()
    layer = subject.built(dtype=policy)
    inputs = subject.inputs(scale=300)
    returned = layer(*inputs, **subject.with_weights())
    expect_finite(
        "what the layer returns", keras.tree.flatten(to_numpy(returned))
    )
    model = subject.model(layer)
    train(model, inputs, targets(output_shape(model, inputs)))
    expect_finite("weights after one step", weights_of(layer))


@promise(5)
def masking(subject):
    """What stands in a masked position, even NaN, has no influence."""
    subject.needs("mask", call=True)
    layer = subject.built()
    mask = subject.mask()
    features, *query = subject.inputs()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        unmasked = layer(features, *query, mask=np.ones_like(mask))
    expect(not caught, "no warning about the mask", [w.message for w in caught])
    expect_close(
        "outputs under a mask that is true everywhere",
        to_numpy(unmasked),
        to_numpy(layer(features, *query)),
    )
    results = []
    for filler in (0.0, np.nan):
        inputs = [np.where(mask[..., None], features, filler), *query]
        results.append(_masked_call(subject, layer, inputs, mask))
        expect_finite(f"results with {filler} in masked positions", results[-1])
    expect_equal("results with NaN in masked positions", results[1], results[0])


@promise(5)
def masked_training(subject):
    """NaN in a masked position changes no gradient."""
    subject.needs("mask", call=True)
    _expect_same_training(subject, subject.built())
    if "identity_init" in subject.constructor and subject.preserves_shape():
        _expect_same_training(subject, subject.built(identity_init=True))


def _expect_same_training(subject, layer):
    mask = subject.mask()
    features, *query = subject.inputs()
    model = subject.model(layer, masked=True)
    start = state_of(layer)
    trained = []
    for filler in (0.0, np.nan):
        restore(layer, start)
        inputs = [np.where(mask[..., None], features, filler), *query, mask]
        directions = targets(output_shape(model, inputs), mask)
        train(model, inputs, directions)
        trained.append(weights_of(layer))
        expect_finite("weights after one step", trained[-1])
    expect_equal("weights trained with NaN", trained[1], trained[0])


def _masked_call(subject, layer, inputs, mask):
    """The valid outputs and the weights, which are 0 in masked positions."""
    arguments = subject.with_weights()
    returned = to_numpy(layer(*inputs, mask=mask, **arguments))
    outputs, *rest = keras.tree.flatten(returned)
    if outputs.shape[:3] == mask.shape:
        outputs = outputs[mask]
    for maps in rest:
        positions = _over_positions(maps, mask)
        if positions is not None:
            hidden = np.moveaxis(positions, -1, 1)[~mask.reshape(len(mask), -1)]
            largest = np.abs(hidden).max()
            expect(largest == 0, "weights of 0 in masked positions", largest)
    return [outputs, *rest]


def _over_positions(maps, mask):
    """Spatial or pairwise weights with positions last, else `None`."""
    positions = mask[0].size
    if maps.shape[-2:] == mask.shape[1:]:
        return maps.reshape(*maps.shape[:-2], positions)
    return maps if maps.shape[-2:] == (positions, positions) else None


def _half_precision():
    """The policy to test and how far off its results may be."""
    if keras.backend.backend() == "torch":
        # On the CPU, PyTorch trains some float16 layers not at all.
        return "mixed_bfloat16", 0.1
    return "mixed_float16", 0.02
