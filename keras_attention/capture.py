"""Seeing the weights of a trained model without changing what it computes.

A layer reports its weights with `record_attention`, which does nothing unless
a recorder is open. Only `AttentionExtractor` opens one, inside its own
`call`, so that the weights leave a compiled function as ordinary outputs.
"""

import collections
import contextlib
import contextvars

import keras

_RECORDER = contextvars.ContextVar("attention_recorder", default=None)

# Their own weights are on the way only when they are asked for.
_STOCK_ATTENTION = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
)


def record_attention(layer, weights):
    """Reports the weights of an attention layer; called inside its `call`.

    Args:
        layer: The reporting layer.
        weights: Its weights, batch first.

    Returns:
        The weights to go on with: those given, unless a recorder replaces
        them.

    Example:

    >>> import keras
    >>> class Gate(keras.layers.Layer):
    ...     def call(self, x):
    ...         weights = record_attention(self, keras.ops.sigmoid(x))
    ...         return x * weights
    >>> inputs = keras.Input((3,))
    >>> model = keras.Model(inputs, Gate(name="gate")(inputs))
    >>> outputs, weights = AttentionExtractor(model)(keras.ops.zeros((1, 3)))
    >>> print(keras.ops.convert_to_numpy(weights["gate"]))
    [[0.5 0.5 0.5]]
    """
    recorder = _RECORDER.get()
    return weights if recorder is None else recorder.record(layer, weights)


class AttentionExtractor(keras.Model):
    """A model that returns its outputs and the weights of every layer.

    The wrapped model computes what it always computes: `predict` of the
    extractor gives the model's own outputs, beside a dictionary of weights.

    Args:
        model: Any Keras model: functional, sequential, nested or subclassed.
        replace: Optional function `(name, weights) -> weights`. The model
            goes on with what it returns: the way to ask what a model would
            answer with other weights, say uniform ones. It cannot reach into
            Keras' own attention layers.

    Call arguments:
        inputs: The model's inputs.
        training: Passed on to the model.

    Returns:
        `(outputs, weights)`. `weights` has one entry a layer, by its place
        in the model: `"block3_attention"`, `"encoder/attention"` inside a
        nested model, `"attention#2"` for the second call of a shared layer.
        Keras' own attention layers are included; to leave their outputs
        alone, they are called a second time for the weights.

    Raises:
        ValueError: If `model` is not a Keras model, and with `replace` if it
            contains one of Keras' own attention layers.

    Example:

    >>> import keras, numpy as np
    >>> from keras_attention.layers import SqueezeAndExcite2D
    >>> inputs = keras.Input((8, 8, 16))
    >>> model = keras.Model(inputs, SqueezeAndExcite2D(name="se")(inputs))
    >>> images = np.ones((2, 8, 8, 16), "float32")
    >>> outputs, weights = AttentionExtractor(model).predict(images, verbose=0)
    >>> weights["se"].shape
    (2, 1, 1, 16)
    """

    def __init__(self, model, replace=None, **kwargs):
        if not isinstance(model, keras.Model):
            raise ValueError(
                f"AttentionExtractor wraps a keras.Model. Received: {model!r}"
            )
        super().__init__(**kwargs)
        self.model = model
        self.replace = replace

    def call(self, inputs, training=None):
        """The outputs and the weights; see the class."""
        layers = dict(sublayers(self.model))
        recorder = _Recorder(layers, self.replace)
        token = _RECORDER.set(recorder)
        try:
            with _observed(layers, recorder):
                outputs = self.model(inputs, training=training)
        finally:
            _RECORDER.reset(token)
        return outputs, recorder.weights


class _Recorder:
    """Collects weights under the names of the layers that report them."""

    def __init__(self, layers, replace):
        self.names = {id(layer): name for name, layer in layers.items()}
        self.replace = replace
        self.weights = {}

    def record(self, layer, weights):
        name = key = self.names.get(id(layer), layer.path)
        call = 1
        while key in self.weights:
            call += 1
            key = f"{name}#{call}"
        if self.replace is not None:
            weights = self.replace(key, weights)
        self.weights[key] = weights
        return weights


def sublayers(layer, prefix=""):
    """Every layer inside `layer`, with its place, e.g. `"encoder/attention"`.

    `Layer.path` would not do: two nested models with equal layers inside
    give equal paths. There is no public walk over the layers of a layer.
    Siblings of one name, possible in a subclassed model, are numbered.
    """
    used = collections.Counter()
    for child in layer._flatten_layers(include_self=False, recursive=False):
        used[child.name] += 1
        number = used[child.name]
        name = prefix + child.name + (f"_{number}" if number > 1 else "")
        yield name, child
        yield from sublayers(child, name + "/")


@contextlib.contextmanager
def _observed(layers, recorder):
    """Lets stock layers report, and rematerialized ones be looked into."""
    undo = contextlib.ExitStack()
    with undo:
        for name, layer in layers.items():
            if isinstance(layer, _STOCK_ATTENTION):
                if recorder.replace is not None:
                    raise ValueError(
                        "replace cannot reach into Keras' own attention "
                        f"layers. Received: a model with {name!r}, a "
                        f"{type(layer).__name__}"
                    )
                layer.call = _reporting(layer, layer.call)
                undo.callback(layer.__dict__.pop, "call")
            if getattr(layer, "_remat_mode", None) is not None:
                # A tensor recorded inside a checkpoint would not get out.
                undo.callback(setattr, layer, "_remat_mode", layer._remat_mode)
                layer._remat_mode = None
        yield


def _reporting(layer, call):
    def call_and_report(*args, **kwargs):
        returns_weights = kwargs.pop("return_attention_scores", False)
        outputs = call(*args, **kwargs)
        _, weights = call(*args, **kwargs, return_attention_scores=True)
        weights = record_attention(layer, weights)
        return (outputs, weights) if returns_weights else outputs

    return call_and_report
