"""How a layer reports its weights, and how layers inside layers are named.

A layer calls `record_attention`, which does nothing unless a recorder is open.
Only `keras_attention.inspection.AttentionExtractor` opens one, inside its own
`call`, so that the weights leave a compiled function as ordinary outputs.
"""

import collections
import contextlib
import contextvars

from keras_attention.internals import keras_private

_RECORDER = contextvars.ContextVar("attention_recorder", default=None)


def record_attention(layer, weights):
    """Reports the weights of an attention layer; called inside its `call`.

    Args:
        layer: `keras.layers.Layer`, the reporting layer. Its attribute
            `weights_kind`, `"spatial"`, `"channel"` or `"pairwise"`, says what
            the weights run over. Without one, those of rank 4 and 5 are
            spatial, except `(batch, 1, 1, channels)`, and others pairwise.
        weights: tensor, its weights, batch first: maps are `(batch, height,
            width)`, `(batch, heads, height, width)` or `(batch, heads, queries,
            height, width)`.

    Returns:
        The weights to go on with: those given, unless a recorder replaces
        them.

    Example:

    >>> import keras
    >>> from keras_attention import AttentionExtractor
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


def is_recording():
    """Whether a recorder is open."""
    return _RECORDER.get() is not None


@contextlib.contextmanager
def recording(recorder):
    """Opens a recorder: what has `record(layer, weights) -> weights`."""
    token = _RECORDER.set(recorder)
    try:
        yield
    finally:
        _RECORDER.reset(token)


def sublayers(layer, prefix=""):
    """Every layer inside `layer`, with its path, e.g. `"encoder/attention"`.

    `Layer.path` would not do: two nested models with equal layers inside
    give equal paths. Siblings of one name, possible in a subclassed model,
    are numbered.
    """
    used = collections.Counter()
    for child in keras_private.children(layer):
        used[child.name] += 1
        number = used[child.name]
        name = prefix + child.name + (f"_{number}" if number > 1 else "")
        yield name, child
        yield from sublayers(child, name + "/")
