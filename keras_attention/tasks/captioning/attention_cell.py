"""One word of a recurrent decoder: look, read, remember."""

import contextlib
import contextvars
from typing import Any
from typing import NamedTuple

import keras
from keras import ops

from keras_attention.layers import AttentionPooling2D
from keras_attention.ops import at_least_float32
from keras_attention.ops import grid_of
from keras_attention.ops import map_to_tokens
from keras_attention.ops import precise_dtype

_MEMORY = contextvars.ContextVar("captioned_image", default=None)


class Memory(NamedTuple):
    """What every step looks at, computed once an image."""

    #: `(batch, height, width, channels)`.
    features: Any
    #: Of the score: what does not depend on the query.
    keys: Any


@contextlib.contextmanager
def looking_at(memory):
    """What the cell looks at: Keras' RNN passes a cell nothing but states.

    As part of the states the features would be copied at every step for the
    gradient; a loop's body that closes over them holds them once.
    """
    token = _MEMORY.set(memory)
    try:
        yield
    finally:
        _MEMORY.reset(token)


class AttentionCell(keras.layers.Layer):
    """An LSTM cell whose state asks a map, and whose input has the answer.

    A step gives `[h, context, weights]` side by side in float32: a loop has
    one output, and what is inside it cannot be recorded.

    Args:
        units: int, of the LSTM.
        attention: dict, arguments of an `AttentionPooling2D`.
        gate: str or `None`, `"scalar"` or `"vector"`, on the context.
        **kwargs: Keras' layer arguments (`name`, `dtype`, `trainable`).
    """

    def __init__(self, units, attention, gate, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.gate = gate
        self.attention = AttentionPooling2D(
            **attention,
            data_format="channels_last",
            name="attention",
            dtype=self.dtype_policy,
        )
        self.lstm = keras.layers.LSTMCell(
            units, name="lstm", dtype=self.dtype_policy
        )
        self.state_size = [units, units]

    def build_inside(self, embedding_dim, features_shape):
        """Builds it for words of a size and maps of a shape."""
        query_shape = (features_shape[0], self.units)
        self.attention.build(features_shape, query_shape)
        context, weights = self.attention.compute_output_shape(
            features_shape, query_shape, return_attention_scores=True
        )
        self.context_dim = context[-1]
        self.maps, positions = weights[1], weights[2] * weights[3]
        self.output_size = self.units + self.context_dim + self.maps * positions
        if self.gate:
            self.gate_dense = keras.layers.Dense(
                1 if self.gate == "scalar" else self.context_dim,
                activation="sigmoid",
                name="gate",
                dtype=self.dtype_policy,
            )
            self.gate_dense.build(query_shape)
        self.lstm.build((None, embedding_dim + self.context_dim))
        self.built = True

    def remember(self, features):
        """The memory of a map `(batch, height, width, channels)`."""
        keys = self.attention.score.keys(map_to_tokens(features))
        return Memory(features, keys)

    def call(self, words, states, training=None):
        """`(batch, embedding_dim)` and two states to output and states."""
        memory, attention = _MEMORY.get(), self.attention
        query = ops.expand_dims(states[0], 1)
        scores = attention.score.ask(query, memory.keys)  # (b, h, 1, n)
        grid = grid_of(memory.features)
        weights = attention.alignment(
            scores, grid_shape=grid, query=query, training=training
        )
        tokens = map_to_tokens(memory.features)
        context = attention.aggregation(weights, tokens, query=query)
        context = ops.squeeze(context, 1)
        if self.gate:
            context = self.gate_dense(states[0]) * context
        # In the compute dtype, whatever the loop hands over.
        words = ops.cast(words, context.dtype)
        seen = ops.concatenate([words, context], axis=-1)
        hidden, states = self.lstm(seen, list(states), training=training)
        dtype = precise_dtype(self.compute_dtype)
        flat = ops.reshape(weights, (-1, self.maps * weights.shape[3]))
        outputs = [ops.cast(x, dtype) for x in (hidden, context, flat)]
        return ops.concatenate(outputs, axis=-1), list(states)

    def parts(self, outputs):
        """What `call` has put side by side, of one step or of many."""
        ends = [self.units, self.units + self.context_dim]
        return ops.split(at_least_float32(outputs), ends, axis=-1)
