"""The maps of a model that is being trained, which notices nothing of it."""

import collections
import contextlib

import keras
import numpy as np
from keras import ops

from keras_attention.callbacks.monitor import count_of
from keras_attention.inspection import AttentionExtractor
from keras_attention.inspection.whole_batches import WholeBatches
from keras_attention.internals.recording import sublayers
from keras_attention.internals.words import few
from keras_attention.layers import AttentionLayer2D
from keras_attention.visualization.collecting import attention_maps


class MapsInTraining:
    """What a model attends to on some images, whenever it is asked.

    Called, it gives a dictionary of the layers' names in the logs to spatial
    `AttentionMap`. The model, its random state and everybody else's stay as
    they were.

    Args:
        model: `keras.Model`.
        images: array, or list or dict of these, as the model takes them.
        layers: list of str or `None`, the paths of those to follow.
        batch_size: int, how many images go through the model at once.
    """

    def __init__(self, model, images, layers, batch_size):
        self.model = model
        self.images = images
        self.layers = layers
        self.batch_size = batch_size
        extractor = AttentionExtractor(model, name="monitored")
        extractor.run_eagerly = model.run_eagerly
        self._answer = WholeBatches(extractor)

    def __call__(self):
        """The maps as the model is now."""
        with unchanged(self.model):
            # Not `predict`: PyTorch's loader draws a number for each pass.
            batches = in_batches(self.images, self.batch_size)
            found = [self._answer(batch)[1] for batch in batches]
        weights = {
            name: np.concatenate([batch[name] for batch in found])
            for name in found[0]
        }
        maps = {
            name: attention
            for name, attention in attention_maps(self.model, weights).items()
            if attention.kind == "spatial" and self._is_chosen(name)
        }
        if not maps:
            raise ValueError(
                f"No layer of model {self.model.name!r} that is followed "
                f"attends to positions. It has {few(weights) or 'none at all'}"
            )
        attending = {
            path
            for path, layer in sublayers(self.model)
            if isinstance(layer, AttentionLayer2D)
        }
        names = log_names(maps, attending)
        return {names[name]: attention for name, attention in maps.items()}

    def _is_chosen(self, name):
        path = name.partition("#")[0]
        return self.layers is None or any(
            path == layer or path.startswith(f"{layer}/")
            for layer in self.layers
        )


def in_batches(images, batch_size):
    """Arrays of at most so many images, of one array or of several."""
    for start in range(0, count_of(images), batch_size):
        some = slice(start, start + batch_size)
        yield keras.tree.map_structure(
            lambda values, some=some: np.asarray(values)[some], images
        )


@contextlib.contextmanager
def unchanged(model):
    """Puts back what a model changes although it is not trained.

    Drawing layers move their random state when the model answers too.
    """
    frozen = {
        id(variable)
        for _, layer in sublayers(model)
        if not layer.trainable
        for variable in layer.weights
    }
    before = [
        (variable, np.array(ops.convert_to_numpy(variable)))
        for variable in model.non_trainable_variables
        if id(variable) not in frozen
    ]
    try:
        yield
    finally:
        for variable, value in before:
            if not np.array_equal(ops.convert_to_numpy(variable), value):
                variable.assign(value)


def log_names(maps, layers):
    """A name for the logs for every map.

    A map inside an attention layer that has no other takes the layer's name:
    `"block3_pool_cbam/spatial"` is `"block3_pool_cbam"`.

    Args:
        maps: iterable of str, the names of the maps.
        layers: set of str, the paths of the attention layers.

    Returns:
        Dictionary of the maps' names to names, all different.

    Example:

    >>> log_names(["cbam/spatial", "left/gate#2"], {"cbam", "left/gate"})
    {'cbam/spatial': 'cbam', 'left/gate#2': 'left_gate_2'}
    """
    maps = list(maps)
    outer = {name: name.rpartition("/")[0] for name in maps}
    alone = collections.Counter(outer.values())
    short = {
        name: outer[name]
        if outer[name] in layers and alone[outer[name]] == 1
        else name
        for name in maps
    }
    names = {
        name: text.replace("/", "_").replace("#", "_")
        for name, text in short.items()
    }
    used = collections.Counter(names.values())
    # "a/b" and "a_b": their own names then.
    return {n: text if used[text] == 1 else n for n, text in names.items()}
