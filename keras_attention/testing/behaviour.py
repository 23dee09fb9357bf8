"""Promises 6 to 9: layouts, randomness, identity, inspection."""

import keras
import numpy as np
from keras import ops

from keras_attention.inspection import AttentionExtractor
from keras_attention.testing.promises import expect
from keras_attention.testing.promises import expect_close
from keras_attention.testing.promises import expect_equal
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import channels_to_front
from keras_attention.testing.subject import restore
from keras_attention.testing.subject import state_of
from keras_attention.testing.subject import targets
from keras_attention.testing.subject import to_numpy
from keras_attention.testing.subject import train
from keras_attention.testing.subject import weights_of


@promise(6)
def data_format(subject):
    """`channels_first` gives the transposed result of `channels_last`."""
    subject.needs("data_format")
    last = subject.built()
    first = subject.built(data_format="channels_first")
    first.set_weights(last.get_weights())
    inputs = subject.inputs()
    arguments = subject.with_weights()
    outputs, *maps = keras.tree.flatten(to_numpy(last(*inputs, **arguments)))
    turned = channels_to_front(inputs)
    seen = first(*turned, **arguments)
    expected = [*channels_to_front([outputs]), *maps]
    expect_close("results", keras.tree.flatten(to_numpy(seen)), expected)
    shape = first.compute_output_shape(*[array.shape for array in turned])
    expect(
        tuple(shape) == expected[0].shape,
        f"compute_output_shape to return {expected[0].shape}",
        shape,
    )


@promise(7)
def randomness(subject):
    """Inference is deterministic; training is random by its seed alone."""
    layer = subject.built(**_random_arguments(subject))
    inputs = subject.inputs()
    inference = [to_numpy(layer(*inputs, training=False)) for _ in range(2)]
    expect_equal("a second inference", inference[1], inference[0])
    state = state_of(layer)

    def draw():
        restore(layer, state)
        return to_numpy(layer(*inputs, training=True))

    outputs = draw()
    expect_equal("outputs in training from the same seeds", draw(), outputs)
    if "dropout" in subject.constructor:
        active = (outputs != inference[0]).any()
        expect(active, "dropout to change outputs in training", "no change")
    if "seed" in subject.constructor:
        keras.utils.set_random_seed(99)
        twin = subject.built(**_random_arguments(subject))
        twin.set_weights(layer.get_weights())
        expect_equal(
            "outputs in training of a layer with the same seed",
            to_numpy(twin(*inputs, training=True)),
            outputs,
        )


@promise(8)
def identity(subject):
    """With `identity_init` a layer starts as the identity, and trains."""
    subject.needs("identity_init")
    if not subject.preserves_shape():
        _expect_refusal(subject)
        return
    inputs = subject.inputs(batch=4)
    keras.utils.set_random_seed(0)
    layer = subject.layer(identity_init=True)
    expect_equal("the first outputs", to_numpy(layer(*inputs)), inputs[0])
    if subject.returns_weights:
        keras.utils.set_random_seed(0)
        plain = subject.layer(identity_init=False)
        arguments = subject.with_weights()
        _, maps = to_numpy(layer(*inputs, **arguments))
        _, expected = to_numpy(plain(*inputs, **arguments))
        expect_equal("the weights of the mechanism itself", maps, expected)
    before = weights_of(layer)
    model = subject.model(layer)
    train(model, inputs, targets(inputs[0].shape), "adam", steps=3)
    unmoved = subject.unmoved(before, layer)
    expect(not unmoved, "every weight to move in 3 steps", f"still {unmoved}")


@promise(9)
def inspection(subject):
    """Asking for weights or recording them changes no output."""
    layer = subject.built()
    inputs = subject.inputs()
    model = subject.model(layer)
    outputs = to_numpy(model(inputs))
    recorded_outputs, recorded = to_numpy(AttentionExtractor(model)(inputs))
    expect_equal("outputs while recording", recorded_outputs, outputs)
    if subject.returns_weights:
        with_weights, maps = to_numpy(
            layer(*inputs, return_attention_scores=True)
        )
        expect_equal("outputs with weights", with_weights, outputs)
        expect(recorded, "the weights to be recorded", "none")
        # A layer made of several records those of each, and returns one.
        expect(
            any(np.array_equal(array, maps) for array in recorded.values()),
            "the returned weights to be among the recorded",
            f"others under {list(recorded)}",
        )
        twice = f"{layer.name}#2"
        expect(twice not in recorded, "one record a call", list(recorded))
    if recorded:
        blind = AttentionExtractor(
            model, replace=lambda _, w: ops.zeros_like(w)
        )
        changed = to_numpy(blind(inputs)[0]) != outputs
        expect(changed.any(), "outputs to follow replaced weights", "no change")


@promise(9)
def masked_inspection(subject):
    """Asking for weights changes no output under a mask either."""
    subject.needs("return_attention_scores", call=True)
    subject.needs("mask", call=True)
    layer = subject.built()
    inputs, mask = subject.inputs(), subject.mask()
    outputs = layer(*inputs, mask=mask)
    returned, _ = layer(*inputs, mask=mask, return_attention_scores=True)
    expect_equal("outputs with weights", to_numpy(returned), to_numpy(outputs))


def _expect_refusal(subject):
    try:
        subject.layer(identity_init=True)
    except ValueError as error:
        named = "identity_init" in str(error)
        expect(named, "identity_init in the error", repr(error))
    else:
        expect(False, "identity_init=True to be refused", "a layer")


def _random_arguments(subject):
    wanted = {"dropout": 0.5, "seed": 3}
    return {
        name: value
        for name, value in wanted.items()
        if name in subject.constructor
    }
