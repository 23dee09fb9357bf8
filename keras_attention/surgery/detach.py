"""A network without the attention that was put into it."""

from keras_attention.surgery import places
from keras_attention.surgery.graph import is_inserted_attention
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.rebuild import rebuild


def detach(model, where=None):
    """The model without its attention; the inverse of `attach`.

    Args:
        model: `keras.Model`, functional or sequential, trained, saved and
            loaded as often as you like.
        where: str, class, callable or `None`, which layers to take out, in the
            language of `attach`: here the inserted layer itself is named,
            `"block3_pool_cbam"` or `"*_cbam"`. It may be any layer that keeps
            the shape of its map, so name with care: a ReLU does too. `None`
            takes out every attention layer of this package that keeps the shape
            of its map and has no query, also those that the model was made
            with. Defaults to `None`.

    Returns:
        A functional `keras.Model` of the same name, not compiled, with
        copies of the remaining layers. Where those were not trained in
        between, its outputs are those of the model before `attach`, bit for
        bit.

    Raises:
        ValueError: If there is nothing to take out, if a layer does not keep
            the shape of its map or returns its weights too, and for models
            that `attach` rejects.

    Example:

    >>> import keras
    >>> from keras_attention import attach
    >>> inputs = keras.Input((16, 16, 3))
    >>> maps = keras.layers.Conv2D(8, 3, name="conv")(inputs)
    >>> attached = attach(keras.Model(inputs, maps), {"conv": "se"})
    >>> [layer.name for layer in detach(attached).layers][1:]
    ['conv']

    Cost:
        A copy of the model.

    See also:
        `attach`; `compare_weights`.
    """
    graph = read_graph(model)
    if where is None:
        found = [
            place
            for place in graph.places.values()
            if is_inserted_attention(place.operation)
        ]
        if not found:
            raise ValueError(
                "detach finds no attention layer that keeps the shape of its "
                f"map in the model {model.name!r}. Other layers are taken "
                "out by name: detach(model, where=name)."
            )
    else:
        found = places.find(graph, where, "where", with_attention=True)
    edits = {id(place.operation): None for place in found}
    for call in graph.all_calls:
        if id(call.operation) in edits:
            _expect_removable(call)
    return rebuild(graph, edits)


def _expect_removable(call):
    shapes = [
        [tuple(x.shape) for x in tensors]
        for tensors in (call.inputs, call.outputs)
    ]
    if shapes[0] != shapes[1] or len(shapes[0]) != 1:
        raise ValueError(
            "detach takes out layers with one map that keep its shape. "
            f"Received: {call.operation.name!r}, which makes {shapes[1]} of "
            f"{shapes[0]}."
        )
