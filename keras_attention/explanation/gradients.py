"""What the answer depends on: gradients at places inside a model.

A place is listened to while the model is called: what passes there is kept,
and the score is differentiated by it. This works alike for functional, nested,
sequential and subclassed models, on each backend with its own differentiation.
The model is neither copied nor changed: for the time of the call, and for this
thread alone, a layer's `call` passes its output through a tap.
"""

import contextlib
import contextvars

import keras
import numpy as np

from keras_attention.internals import keras_private
from keras_attention.internals.recording import recording
from keras_attention.internals.recording import sublayers

#: `tap(name, tensor) -> tensor` of the thread that listens, or `None`.
_TAP = contextvars.ContextVar("tap", default=None)
#: The name of the model's input among the places.
INPUT = "input"
_SURE = (
    keras.activations.softmax,
    keras.activations.sigmoid,
    keras.activations.log_softmax,
)


class Gradients:
    """Scores of a model, and their gradients at places inside it.

    Args:
        model: `keras.Model`.
        target: `Target`.
        layers: dict of a name to the layer whose output is differentiated by.
            Defaults to none.
        by_input: bool, whether to differentiate by the input. Defaults to
            `False`.
        by_weights: bool, whether to differentiate by the attention that layers
            report, Keras' `MultiHeadAttention` too, which goes by their names.
            Defaults to `False`.
        last: list of `keras.layers.Layer`, those that answer: their softmax or
            sigmoid, whose gradient vanishes where it is sure, is left out.
            Defaults to none.

    Example:

    >>> from keras_attention.explanation.targets import Target
    >>> inputs = keras.Input((2,))
    >>> squared = keras.layers.Lambda(keras.ops.square)(inputs)
    >>> model = keras.Model(inputs, squared)
    >>> gradients = Gradients(model, Target(1, 1), by_input=True)
    >>> scores, places = gradients(np.array([[2.0, 3.0]]), slice(None))
    >>> print(scores, *places["input"])
    [9.] [[2. 3.]] [[0. 6.]]
    """

    def __init__(
        self,
        model,
        target,
        layers=None,
        by_input=False,
        by_weights=False,
        last=(),
    ):
        self.model = model
        self.target = target
        self.layers = layers or {}
        self.by_input = by_input
        self.names = {}
        if by_weights:
            self.names = {id(layer): n for n, layer in sublayers(model)}
        self.last = last
        self.differentiate = _BACKENDS[keras.backend.backend()](self)

    def __call__(self, images, part):
        """Scores, and what passed at each place with its gradient.

        Args:
            images: array `(batch, ...)` or a structure of them.
            part: slice, which of the target's images these are.

        Returns:
            `(scores, places)`: `(batch,)` float32, and a dictionary of name to
            `(values, gradient)`, NumPy arrays, float32; the gradient is `None`
            where the score does not depend on the values. A layer's second
            call is `name#2`.
        """
        with keras_private.replaced(self._listening):
            scores, values, found = self.differentiate(
                images, self.target.part(part)
            )
        places = {}
        for name, value in values.items():
            gradient = found.get(name)
            places[name] = (
                _numpy(value),
                (None if gradient is None else _numpy(gradient)),
            )
        return _numpy(scores), places

    def score(self, answer, images, values, tap):
        """The target's score, `tap` having heard what passes at the places.

        Args:
            answer: callable, the model on this backend.
            images: tensor or structure.
            values: tensor or `None`, of the target.
            tap: callable `(name, tensor) -> tensor`.
        """
        images = keras.tree.map_structure(_real, images)
        if self.by_input:
            images = tap(INPUT, images)
        token = _TAP.set(_Numbered(tap))
        try:
            with contextlib.ExitStack() as stack:
                if self.names:
                    stack.enter_context(recording(self))
                return self.target.score(answer(images), values)
        finally:
            _TAP.reset(token)

    def record(self, layer, weights):
        """Passes the attention that a layer reports through the tap."""
        return _TAP.get()(self.names.get(id(layer), layer.path), weights)

    def _listening(self):
        replacements = [
            (layer, "call", _tapped(name, layer.call))
            for name, layer in self.layers.items()
        ]
        inside = dict(sublayers(self.model))
        if self.names:
            replacements += _stock_attention(inside)
        replacements += keras_private.without_rematerialization(
            keras_private.rematerialized(inside.values())
        )
        for layer in self.last:
            if isinstance(layer, keras.layers.Softmax):
                replacements.append((layer, "call", _left_out(layer.call)))
            elif getattr(layer, "activation", None) in _SURE:
                given = layer.activation
                replacements.append((layer, "activation", _left_out(given)))
        return replacements


class _Numbered:
    """A tap that tells the calls of one layer apart."""

    def __init__(self, tap):
        self.tap = tap
        self.calls = {}

    def __call__(self, name, tensor):
        self.calls[name] = number = self.calls.get(name, 0) + 1
        return self.tap(name if number == 1 else f"{name}#{number}", tensor)


def _tapped(name, call):
    def call_and_tap(*args, **kwargs):
        outputs = call(*args, **kwargs)
        tap = _TAP.get()
        if tap is None:
            return outputs
        if isinstance(outputs, (list, tuple)):  # Its weights behind it.
            return type(outputs)((tap(name, outputs[0]), *outputs[1:]))
        return tap(name, outputs)

    return call_and_tap


def _stock_attention(layers):
    """Lets Keras' multi-head attention compute weights, and taps them."""
    for name, layer in layers.items():
        if isinstance(layer, keras.layers.MultiHeadAttention):
            yield layer, "call", _with_weights(layer.call)
            for _, inner in sublayers(layer):
                if isinstance(inner, keras.layers.Softmax):
                    yield inner, "call", _tapped(name, inner.call)


def _with_weights(call):
    def call_with_weights(*args, return_attention_scores=False, **kwargs):
        if return_attention_scores or _TAP.get() is None:
            return call(
                *args,
                return_attention_scores=return_attention_scores,
                **kwargs,
            )
        return call(*args, return_attention_scores=True, **kwargs)[0]

    return call_with_weights


def _left_out(function):
    def pass_on(x, *args, **kwargs):
        return function(x, *args, **kwargs) if _TAP.get() is None else x

    return pass_on


class _TensorFlow:
    def __init__(self, gradients):
        self.gradients = gradients

    def __call__(self, images, values):
        import tensorflow as tf

        kept = {}

        def tap(name, tensor):
            tape.watch(tensor)
            kept[name] = tensor
            return tensor

        # Nothing in front of the first place is remembered.
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            model = self.gradients.model
            scores = self.gradients.score(
                lambda x: model(x, training=False), images, values, tap
            )
        return scores, kept, tape.gradient(scores, kept)


class _Torch:
    def __init__(self, gradients):
        self.gradients = gradients

    def __call__(self, images, values):
        import torch

        kept = {}

        def tap(name, tensor):
            if not kept:  # Nothing in front of the first place is remembered.
                tensor = tensor.detach()
            if not tensor.requires_grad:
                tensor.requires_grad_()
            kept[name] = tensor
            return tensor

        model = self.gradients.model
        with torch.enable_grad():
            scores = self.gradients.score(
                lambda x: model(x, training=False), images, values, tap
            )
            found = [None] * len(kept)
            if kept and scores.requires_grad:
                found = torch.autograd.grad(
                    scores.sum(), list(kept.values()), allow_unused=True
                )
        return scores, kept, dict(zip(kept, found, strict=True))


class _Jax:
    """Compiled; a place is differentiated by through zeros added there."""

    def __init__(self, gradients):
        import jax

        self.gradients = gradients
        self.compiled = jax.jit(jax.grad(self._total, has_aux=True))

    def __call__(self, images, values):
        import jax

        model = self.gradients.model
        state = [variable.value for variable in model.variables]
        images, values = jax.tree.map(np.asarray, (images, values))
        shapes = jax.eval_shape(self._total, None, state, images, values)[1][1]
        zeros = {
            name: jax.numpy.zeros(place.shape, place.dtype)
            for name, place in shapes.items()
        }
        found, (scores, kept) = self.compiled(zeros, state, images, values)
        return scores, kept, found

    def _total(self, added, state, images, values):
        kept = {}

        def tap(name, tensor):
            if added is not None:
                tensor = tensor + added[name]
            kept[name] = tensor
            return tensor

        model = self.gradients.model

        # Weights are arguments of what is compiled, not constants in it.
        with keras.StatelessScope(
            list(zip(model.variables, state, strict=True))
        ):
            scores = self.gradients.score(
                lambda x: model(x, training=False), images, values, tap
            )
        return keras.ops.sum(scores), (scores, kept)


_BACKENDS = {"tensorflow": _TensorFlow, "torch": _Torch, "jax": _Jax}


def _real(x):
    """A tensor of floats: of whole numbers there are no gradients."""
    x = keras.ops.convert_to_tensor(x)
    is_float = keras.backend.is_float_dtype(x.dtype)
    return x if is_float else keras.ops.cast(x, "float32")


def _numpy(x):
    x = x.detach() if hasattr(x, "detach") else x
    return keras.ops.convert_to_numpy(keras.ops.cast(x, "float32"))
