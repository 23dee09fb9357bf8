"""Seeing the weights of a trained model without changing what it computes."""

import contextlib

import keras

from keras_attention.internals import keras_private
from keras_attention.internals.recording import record_attention
from keras_attention.internals.recording import recording
from keras_attention.internals.recording import sublayers

# Their own weights are on the way only when they are asked for.
_STOCK_ATTENTION = (
    keras.layers.MultiHeadAttention,
    keras.layers.GroupQueryAttention,
    keras.layers.Attention,
    keras.layers.AdditiveAttention,
)


class AttentionExtractor(keras.Model):
    """A model that returns its outputs and the weights of every layer.

    The wrapped model computes what it always computes: `predict` of the
    extractor gives the model's own outputs, beside a dictionary of weights.

    Args:
        model: `keras.Model` of any kind: functional, sequential, nested or
            subclassed.
        replace: callable `(name, weights) -> weights` or `None`. The model goes
            on with what it returns: the way to ask what a model would answer
            with other weights, say uniform ones. It cannot reach into Keras'
            own attention layers. Defaults to `None`.
        **kwargs: Keras' model arguments (`name`, `dtype`, `trainable`).

    Call arguments:
        inputs: The model's inputs.
        training: Passed on to the model.

    Returns:
        `(outputs, weights)`. `weights` has one entry a layer, by its path
        in the model: `"block3_pool_cbam"`, `"encoder/attention"` inside a
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

    See also:
        `keras_attention.visualization.collect_attention`, which says of each
        layer whether its weights are maps, channels or pairs of positions.
    """

    def __init__(self, model, replace=None, **kwargs):
        if not isinstance(model, keras.Model):
            raise ValueError(
                "AttentionExtractor wraps a keras.Model, given before any "
                f"data. Received: model of {type(model)}"
            )
        super().__init__(**kwargs)
        self.model = model
        self.replace = replace

    def call(self, inputs, training=None):
        """The outputs and the weights; see the class."""
        layers = dict(sublayers(self.model))
        recorder = _Recorder(layers, self.replace)
        stock = _stock_attention(layers, self.replace)
        hidden = keras_private.rematerialized(layers.values())
        with contextlib.ExitStack() as listening:
            listening.enter_context(recording(recorder))
            if stock or hidden:  # Else nobody has to wait.
                listening.enter_context(
                    keras_private.replaced(lambda: _listening(stock, hidden))
                )
            outputs = self.model(inputs, training=training)
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


def _stock_attention(layers, replace):
    """Keras' own attention layers; they cannot be reached by `replace`."""
    stock = {
        name: layer
        for name, layer in layers.items()
        if isinstance(layer, _STOCK_ATTENTION)
    }
    if replace is not None and stock:
        name, layer = next(iter(stock.items()))
        raise ValueError(
            "replace cannot reach into Keras' own attention layers. Received: "
            f"a model with {name!r}, a {type(layer).__name__}"
        )
    return list(stock.values())


def _listening(stock, hidden):
    """Lets stock layers report, and rematerialized ones be looked into."""
    return [
        *((layer, "call", _reporting(layer, layer.call)) for layer in stock),
        *keras_private.without_rematerialization(hidden),
    ]


def _reporting(layer, call):
    def call_and_report(*args, **kwargs):
        returns_weights = kwargs.pop("return_attention_scores", False)
        outputs = call(*args, **kwargs)
        _, weights = call(*args, **kwargs, return_attention_scores=True)
        weights = record_attention(layer, weights)
        return (outputs, weights) if returns_weights else outputs

    return call_and_report
