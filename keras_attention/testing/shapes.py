"""Promise 3: what a layer declares is what it computes."""

import keras
import numpy as np

from keras_attention.testing.promises import DoesNotApply
from keras_attention.testing.promises import expect
from keras_attention.testing.promises import expect_close
from keras_attention.testing.promises import expect_finite
from keras_attention.testing.promises import promise
from keras_attention.testing.subject import dtype_of
from keras_attention.testing.subject import to_numpy


@promise(3)
def specs(subject):
    """Symbolic shapes and dtypes are those of an eager call."""
    for policy in ("float32", "mixed_bfloat16"):
        for arguments in ({}, subject.with_weights()):
            layer = subject.layer(dtype=policy)
            eager = keras.tree.flatten(layer(*subject.inputs(), **arguments))
            for dynamic in (False, True)[: 1 if subject.fixed_size else 2]:
                # A functional model does not take a layer whose calls differ
                # in the number of outputs.
                layer = subject.layer(dtype=policy)
                model = subject.model(layer, dynamic, **arguments)
                _expect_spec(model.outputs, eager, dynamic)
    shape = layer.compute_output_shape(*subject.shapes())
    expected = layer(*subject.inputs()).shape
    expect(
        tuple(shape) == tuple(expected),
        f"compute_output_shape to return {tuple(expected)}",
        shape,
    )


@promise(3)
def time_distributed(subject):
    """`TimeDistributed` applies the layer to every frame."""
    if subject.query_shape is not None:
        raise DoesNotApply("TimeDistributed takes one input")
    layer = subject.built()
    (frame,) = subject.inputs()
    wrapper = keras.layers.TimeDistributed(layer)
    clip = np.stack([frame, 2 * frame], axis=1)
    outputs = wrapper(clip)
    symbolic = keras.layers.TimeDistributed(layer)(keras.Input(clip.shape[1:]))
    _expect_spec([symbolic], [outputs], dynamic=False)
    frames = np.stack(
        [to_numpy(layer(frame)), to_numpy(layer(2 * frame))], axis=1
    )
    expect_close("the outputs of the frames", to_numpy(outputs), frames)


@promise(3)
def weights(subject):
    """Returned weights are float32, in [0, 1] and, if normalized, sum to 1."""
    subject.needs("return_attention_scores", call=True)
    for policy in ("float32", "mixed_bfloat16"):
        layer = subject.built(dtype=policy)
        _, tensor = layer(*subject.inputs(), return_attention_scores=True)
        dtype = dtype_of(tensor)
        expect(dtype == "float32", f"float32 weights under {policy}", dtype)
        array = to_numpy(tensor)
        _expect_kind(getattr(layer, "weights_kind", None), array, subject)
        expect_finite("weights", [array])
        span = f"[{array.min():.3g}, {array.max():.3g}]"
        inside = array.min() >= 0 and array.max() <= 1 + 1e-5
        expect(inside, "weights in [0, 1]", span)
        if subject.normalized_axes is not None:
            sums = array.sum(axis=tuple(subject.normalized_axes))
            expect_close("sums of weights", [sums], [np.ones_like(sums)])


def _expect_kind(kind, array, subject):
    """Weights run over what the class says that they run over."""
    height, width = subject.inputs()[0].shape[1:3]
    rows, columns = array.shape[-2:]
    # A map at half the size of the features is a map all the same.
    is_map = array.ndim > 3 and rows * width == columns * height
    agrees = {
        "spatial": is_map,
        "channel": array.shape[1:-1] == (1, 1),
        "pairwise": not is_map,
    }
    expect(
        agrees.get(kind, kind is None),
        f"weights_kind of the class to fit weights of shape {array.shape}",
        repr(kind),
    )


def _expect_spec(symbolic, eager, dynamic):
    expect(len(symbolic) == len(eager), f"{len(eager)} outputs", len(symbolic))
    for spec, tensor in zip(symbolic, eager, strict=True):
        declared, shape = tuple(spec.shape), tuple(tensor.shape)
        free = range(len(shape)) if dynamic else (0,)
        agrees = len(declared) == len(shape) and all(
            declared[axis] == size or (declared[axis] is None and axis in free)
            for axis, size in enumerate(shape)
        )
        size = "unknown" if dynamic else "known"
        expect(
            agrees,
            f"the shape {shape} to be declared for a map of {size} size",
            declared,
        )
        expect(
            dtype_of(spec) == dtype_of(tensor),
            f"the dtype {dtype_of(tensor)} to be declared",
            dtype_of(spec),
        )
