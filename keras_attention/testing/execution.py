"""Promises 4 and 9: the same numbers compiled, at any size, in training."""

import keras
import numpy as np

from keras_attention.inspection import AttentionExtractor
from keras_attention.testing.promises import DoesNotApply
from keras_attention.testing.promises import expect
from keras_attention.testing.promises import expect_close
from keras_attention.testing.promises import expect_finite
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import output_shape
from keras_attention.testing.subject import projection
from keras_attention.testing.subject import targets
from keras_attention.testing.subject import to_numpy
from keras_attention.testing.subject import train
from keras_attention.testing.subject import weights_of


@promise(4)
def compiled(subject):
    """`predict` gives the numbers of an eager call."""
    _expect_same_prediction(subject, jit_compile="auto")


@promise(4)
def jit(subject):
    """`predict` with `jit_compile=True` gives the numbers of an eager call."""
    if keras.backend.backend() != "tensorflow":
        raise DoesNotApply("only TensorFlow chooses; see `compiled`")
    _expect_same_prediction(subject, jit_compile=True)


@promise(9)
def compiled_inspection(subject):
    """Recording the weights changes no output of `predict`."""
    model = subject.model(subject.built(), dynamic=not subject.fixed_size)
    inputs = subject.inputs()
    outputs = model.predict(inputs, verbose=0)
    recorded, _ = AttentionExtractor(model).predict(inputs, verbose=0)
    # Compiled anew, sums may be taken in another order.
    expect_close("outputs while recording", recorded, outputs, tolerance=1e-6)


@promise(4)
def dynamic_sizes(subject):
    """`fit` and `evaluate` take batches of different, unknown sizes."""
    if subject.fixed_size:
        raise DoesNotApply("the layer is made for one size of map")
    layer = subject.layer()
    model = subject.model(layer, dynamic=True)
    batches = []
    for height in (1, 2):
        inputs = subject.inputs(height=height)
        batches.append((tuple(inputs), targets(model(inputs).shape)))
    model.compile("sgd", projection)
    model.fit(_dataset(batches), shuffle=False, verbose=0)
    expect_finite("weights after fit", weights_of(layer))
    losses = [projection(target, model(inputs)) for inputs, target in batches]
    expect_close(
        "the loss that evaluate returns",
        [model.evaluate(_dataset(batches), verbose=0)],
        [np.mean(to_numpy(losses))],
    )


@promise(4)
def training(subject):
    """One step of training moves every trainable weight."""
    layer = subject.built()
    model = subject.model(layer)
    inputs = subject.inputs(batch=4)
    before = weights_of(layer)
    if not before:
        raise DoesNotApply("the layer has no trainable weights")
    for name in subject.zero_gradient:
        paths = [weight.path for weight in layer.trainable_weights]
        known = any(name in path for path in paths)
        expect(known, f"a weight named {name!r} (zero_gradient)", paths)
    train(model, inputs, targets(output_shape(model, inputs)), "adam")
    expect_finite("weights after one step", weights_of(layer))
    unmoved = subject.unmoved(before, layer)
    expect(not unmoved, "every trainable weight to move", f"still {unmoved}")


def _expect_same_prediction(subject, jit_compile):
    layer = subject.built()
    model = subject.model(
        layer, dynamic=not subject.fixed_size, **subject.with_weights()
    )
    inputs = subject.inputs()
    model.compile(jit_compile=jit_compile)
    expect_close(
        "outputs of predict",
        keras.tree.flatten(model.predict(inputs, verbose=0)),
        keras.tree.flatten(to_numpy(model(inputs))),
    )


def _dataset(batches):
    """The batches with nothing known of their heights and widths."""
    if keras.backend.backend() != "tensorflow":
        return _Batches(batches)
    import tensorflow as tf

    def unknown(array):
        free = array.ndim - 1
        channels = array.shape[-1]
        return tf.TensorSpec((*[None] * free, channels), array.dtype)

    signature = keras.tree.map_structure(unknown, batches[0])
    dataset = tf.data.Dataset.from_generator(
        lambda: iter(batches), output_signature=signature
    )
    return dataset.apply(tf.data.experimental.assert_cardinality(len(batches)))


class _Batches(keras.utils.PyDataset):
    def __init__(self, batches):
        super().__init__()
        self.batches = batches

    def __len__(self):
        return len(self.batches)

    def __getitem__(self, index):
        return self.batches[index]
