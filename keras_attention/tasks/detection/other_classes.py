"""A trained detector for other classes."""

from keras_attention.internals import arguments
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.insertion import remade
from keras_attention.surgery.rebuild import rebuild


def with_classes(model, classes):
    """A copy of a detector that tells other classes apart.

    The layer that makes the logits is new, and starts as in a new detector,
    with a probability of 1 % everywhere; all other weights are kept, those of
    the boxes and of attention too, and what is frozen stays frozen. Compile
    the copy. In fine-tuning a learning rate of a tenth, or a few steps with
    all but `logits_head` frozen, keep what was learned: let
    `MeanAveragePrecision` watch, for training should end above where it began.

    Args:
        model: `DetectionModel` of `OneStageDetector` or `DETR`, also one that
            `attach` changed or that was loaded.
        classes: int, number of classes.

    Returns:
        A `DetectionModel`, not compiled.

    Raises:
        ValueError: For a model without the layer `logits_head`, and for a
            number that is not positive.

    Example:

    >>> import keras
    >>> from keras_attention.tasks import detection
    >>> pixels = keras.Input((None, None, 1))
    >>> x = keras.layers.Conv2D(4, 3, 4, padding="same", name="maps")(pixels)
    >>> model = detection.OneStageDetector(
    ...     keras.Model(pixels, x), classes=2, levels=["maps"], channels=8
    ... )
    >>> detection.with_classes(model, 5).classes
    5

    See also:
        `OneStageDetector` and `DETR`, which make one.
    """
    arguments.size("classes", classes)
    graph = read_graph(model)
    head = graph.places.get("logits_head")
    last = graph.places.get("logits_head/logits_output")
    if head is None or last is None:
        raise ValueError(
            "with_classes changes what OneStageDetector and DETR make, whose "
            "layer logits_head has a logits_output. Received: model with the "
            f"layers {', '.join(layer.name for layer in model.layers)}"
        )
    edits = {id(last.operation): _instead(last.operation, filters=classes)}
    for shaped in head.followers:
        shape = (*shaped.target_shape[:-1], classes)
        edits[id(shaped)] = _instead(shaped, target_shape=shape)
    return rebuild(graph, edits)


def _instead(layer, **changes):
    """An edit that calls a new layer of the same name in its place."""
    new = remade(layer, {**layer.get_config(), **changes})
    return lambda copy, x: new(x)
