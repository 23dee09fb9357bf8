"""The weights of every attention layer of a model, as NumPy arrays."""

import dataclasses

import numpy as np

from keras_attention.explanation.other_attention import removal_distances
from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.gains import gains
from keras_attention.inspection.position_grids import position_grids
from keras_attention.inspection.weights_kind import weights_kinds
from keras_attention.visualization.attention_map import AttentionMap


def collect_attention(model, x, batch_size=32, originals=None, removal=False):
    """The weights that every attention layer of a model gives every image.

    The layers of this package are found wherever they are, also inside nested
    and subclassed models, and so are Keras' own attention layers.

    Args:
        model: `keras.Model`.
        x: array or data set, what its `predict` accepts.
        batch_size: int, as in `predict`. Defaults to `32`.
        originals: `datasets.Originals` or `None`, the photographs that `x` was
            laid out from, such as `examples.originals`: the maps keep it,
            figures draw them over the photographs, and
            `AttentionMap.to_originals` has them in their pixels. Defaults to
            `None`.
        removal: bool, whether each map also says what the answers are without
            it, see `AttentionMap`; of arrays, and models that answer `(batch,
            classes)`, for a prediction a layer and one more. Defaults to
            `False`.

    Returns:
        Dictionary of the layer's path in the model to `AttentionMap`, in
        the order of the model's layers.

    Raises:
        ValueError: If the model has no attention layer, for photographs of
            another number of images, and with `removal` as
            `explanation.attention_is_used`.

    Example:

    >>> import keras
    >>> from keras_attention.layers import AttentionPooling2D
    >>> inputs = keras.Input((7, 7, 8))
    >>> pooled = AttentionPooling2D(name="where")(inputs)
    >>> model = keras.Model(inputs, keras.layers.Dense(3)(pooled))
    >>> collect_attention(model, np.ones((2, 7, 7, 8)))
    {'where': AttentionMap('where', spatial, shape (2, 1, 7, 7), ...)}

    See also:
        `keras_attention.AttentionExtractor`, which also returns the model's
        outputs.
    """
    extractor = AttentionExtractor(model)
    expected = getattr(model, "input_shape", None)
    given = tuple(getattr(x, "shape", ()))
    if isinstance(expected, tuple) and len(given) == len(expected) - 1:
        raise ValueError(
            f"Invalid value for argument x: expected a batch {expected}. "
            f"Received: x of shape {given}. One image? Pass images[None]."
        )
    _, weights = extractor.predict(x, batch_size=batch_size, verbose=0)
    if not weights:
        raise ValueError(
            f"Model {model.name!r} has no attention layer whose weights could "
            "be collected. Insert one of keras_attention.layers, or report "
            "weights with keras_attention.record_attention."
        )
    removals = removal_distances(model, x, batch_size) if removal else {}
    return {
        name: dataclasses.replace(
            one, originals=originals, removal=removals.get(name)
        )
        for name, one in attention_maps(model, weights).items()
    }


def attention_maps(model, weights):
    """An `AttentionExtractor`'s weights with their kinds and gains.

    Args:
        model: `keras.Model` that was extracted from.
        weights: dict of name to array, as extracted.

    Returns:
        Dictionary of name to `AttentionMap`, in the order of the layers.
    """
    kinds = weights_kinds(model, weights)
    gain_of, grid_of = gains(model, kinds), position_grids(model, kinds)
    return {
        name: AttentionMap(
            np.asarray(weights[name], "float32"),
            name,
            kind,
            gain_of[name],
            grid_of[name] if kind == "pairwise" else None,
        )
        for name, kind in kinds.items()
    }
