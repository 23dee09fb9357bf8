"""One image's walk through a model: what every step of attention gives."""

import contextlib
import dataclasses

import keras
import numpy as np
from keras import ops

from keras_attention import aggregations
from keras_attention import alignments
from keras_attention import scores
from keras_attention.internals import keras_private
from keras_attention.internals.recording import sublayers
from keras_attention.layers.attention_layer import AttentionLayer2D

_PARTS = {
    "score": scores,
    "alignment": alignments,
    "aggregation": aggregations,
}


@dataclasses.dataclass(frozen=True, eq=False)
class Walk:
    """What one attention layer made of one image.

    Args:
        layer: str, the layer's path in the model.
        steps: dict of `"score"`, `"alignment"` and `"aggregation"` to their
            keys, as far as the layer has them.
        features: array `(height, width, channels)`, what the layer received.
        scores: array `(heads, queries, positions)`, or `None` for a layer
            without an alignment of its own.
        weights: array, as the layer returns them, without the batch axis.
        context: array, what the layer returned, without the batch axis.
        answer: array, what the model returned, without the batch axis, or
            `None` if it has several outputs.
    """

    layer: str
    steps: dict
    features: np.ndarray
    scores: np.ndarray | None
    weights: np.ndarray
    context: np.ndarray
    answer: np.ndarray | None


def follow(model, image, layer=None):
    """Runs a model on one image and notes every step of one layer.

    Args:
        model: `keras.Model` with one input.
        image: array `(height, width, channels)`, as the model takes it.
        layer: str, path or name of an attention layer of this package in the
            model; `None` takes the last one. Defaults to `None`.

    Returns:
        A `Walk`.

    Raises:
        ValueError: If there is no such layer, with the names of those that
            there are.

    Example:

    >>> import keras
    >>> from keras_attention.layers import AttentionPooling2D
    >>> inputs = keras.Input((7, 7, 8))
    >>> pooled = AttentionPooling2D(name="where")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(3)(pooled))
    >>> walk = follow(model, np.ones((7, 7, 8)))
    >>> walk.layer, walk.scores.shape, walk.weights.shape, walk.context.shape
    ('where', (1, 1, 49), (1, 7, 7), (8,))
    """
    path, found = _find(model, layer)
    notes = {}
    alignment = getattr(found, "alignment", None)
    with contextlib.ExitStack() as undo:
        undo.enter_context(_noted(found, notes, "layer"))
        if alignment is not None:
            undo.enter_context(_noted(alignment, notes, "alignment"))
        answer = model(_inputs(model, image), training=False)
    features, (context, weights) = notes["layer"]
    raw, _ = notes.get("alignment", (None, None))
    return Walk(
        layer=path,
        steps={
            part: package.registry.key_of(getattr(found, part))
            for part, package in _PARTS.items()
            if hasattr(found, part)
        },
        features=_single(features),
        scores=None if raw is None else _single(raw),
        weights=_single(weights),
        context=_single(context),
        answer=None if isinstance(answer, list | dict) else _single(answer),
    )


def _inputs(model, image):
    """A batch of one image in the structure that the model was made with."""
    batch = np.asarray(image)[None]
    made_with = getattr(model, "input", batch)
    rank = len(keras.tree.flatten(made_with)[0].shape)
    if batch.ndim != rank:
        raise ValueError(
            "Invalid value for argument image: expected one image, without a "
            f"batch axis, of rank {rank - 1}. Received: image of shape "
            f"{batch.shape[1:]}. A batch? Pass images[0]."
        )
    return keras.tree.pack_sequence_as(made_with, [batch])


def _find(model, layer):
    layers = {
        path: found
        for path, found in sublayers(model)
        if isinstance(found, AttentionLayer2D)
    }
    if not layers:
        raise ValueError(
            f"Model {model.name!r} has no attention layer of this package."
        )
    if layer is None:
        return list(layers.items())[-1]
    for path, found in layers.items():
        if layer in (path, found.name):
            return path, found
    raise ValueError(
        f"Model {model.name!r} has no attention layer {layer!r}. There are: "
        f"{', '.join(layers)}."
    )


def _noted(layer, notes, name):
    """Keeps the first argument and the result of a layer's next call."""
    is_attention = isinstance(layer, AttentionLayer2D)

    def listening():
        return [(layer, "call", noting(layer.call))]

    def noting(call):
        def call_and_note(*args, **kwargs):
            first = args[0] if args else next(iter(kwargs.values()))
            if not is_attention:
                result = call(*args, **kwargs)
                notes[name] = first, result
                return result
            asked = kwargs.pop("return_attention_scores", False)
            result = call(*args, **kwargs, return_attention_scores=True)
            notes[name] = first, result
            return result if asked else result[0]

        return call_and_note

    return keras_private.replaced(listening)


def _single(tensor):
    return np.asarray(ops.convert_to_numpy(tensor), "float32")[0]
