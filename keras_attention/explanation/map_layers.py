"""Which layers of a model have maps, and which of them to explain.

A map of a layer explains an answer where the layer still says *where* and
already knows *what*: the last one in front of the pooling. By family:

    VGG                          block5_conv3, the last convolution; with
                                 attention behind block5, that layer
    ResNet, DenseNet             the last sum, or its activation
    MobileNet, EfficientNet      the last activation, top_activation
    ConvNeXt                     the output of the last block
    attention network            the last map that the head sees
    vision transformer           what the last block takes (of its output only
                                 the class token's row goes on), as tokens;
                                 name it: a convolution that cuts patches is
                                 the only map, and shows the background
    Swin                         the last normalization, tokens as well

All but the last two are what `MapLayers.explained` finds by itself.
"""

import math
from typing import NamedTuple

import keras

from keras_attention.inspection.symbolic_inputs import symbolic_inputs
from keras_attention.inspection.trace import trace
from keras_attention.internals.recording import sublayers
from keras_attention.internals.words import did_you_mean
from keras_attention.internals.words import few
from keras_attention.surgery.graph import is_functional
from keras_attention.surgery.graph import read_graph
from keras_attention.surgery.graph import source

# They make a map smaller, or nothing of it; what is in front says more.
_PASSING = tuple(
    getattr(keras.layers, name)
    for name in dir(keras.layers)
    if "Pool" in name or "Dropout" in name or "Padding" in name
) + (
    keras.layers.InputLayer,
    keras.layers.Reshape,
    keras.layers.Rescaling,
    keras.layers.Resizing,
    keras.layers.Normalization,
    keras.layers.Permute,
)


class MapLayer(NamedTuple):
    """A layer, or function of `keras.ops`, whose output is a map.

    Its `path` in the model, itself, the `shape` of its output, and whether
    `channels_first`.
    """

    path: str
    layer: keras.Operation
    shape: tuple
    channels_first: bool = False


class MapLayers:
    """The layers of a model that have maps, and those that answer.

    Args:
        model: `keras.Model`.
        images: array or structure, a batch that it takes; its shape counts.

    Attributes:
        found: list of `MapLayer`, in the order of computing.
        last: list of `keras.layers.Layer`, those whose outputs are the answers.
    """

    def __init__(self, model, images):
        self.model = model
        self.found, self.last = [], []
        self.reason = ""
        if is_functional(model):
            self._read()
        else:
            self._trace(images)

    def explained(self, layer=None):
        """The layer to explain: the one named, or the last that has a map.

        Args:
            layer: str, `keras.layers.Layer` or `None`: its path, its name where
                no other has it, or itself. Defaults to `None`.

        Returns:
            `MapLayer`; of a named layer that is not among `found` the shape is
            empty.

        Raises:
            ValueError: If there is none, naming those that there are.
        """
        if layer is None:
            for one in reversed(self.found):
                if not isinstance(one.layer, _PASSING) and _has_places(one):
                    return one
            raise ValueError(
                f"Model {self.model.name!r} has no layer whose output is a map"
                ", (batch, height, width, channels), that could be found. "
                "Pass layer=, also of one of tokens, (batch, tokens, channels)"
                f": {few(path for path, _ in sublayers(self.model))}"
                f"{self.reason}"
            )
        return self._named(layer)

    @property
    def channels_first(self):
        """Whether the images that the model takes have their channels first."""
        if self.found:
            return self.found[0].channels_first
        return keras.config.image_data_format() == "channels_first"

    def _named(self, layer):
        every = {path: one for path, one in sublayers(self.model)}
        maps = {one.path: one for one in self.found}
        paths = [
            path
            for path, one in every.items()
            if one is layer or layer in (path, one.name)
        ]
        if layer in maps:  # A function of keras.ops, too.
            paths = [layer]
        if len(paths) != 1:
            several = f", at {paths}: pass one of these" * bool(paths)
            raise ValueError(
                "Invalid value for argument layer: expected the path of a "
                f"layer of model {self.model.name!r}, such as {few(every)}. "
                f"{did_you_mean(layer, every)}Received: layer={layer!r}"
                f"{several}"
            )
        [path] = paths
        if path in maps:
            return maps[path]
        return MapLayer(path, every[path], ())

    def _read(self):
        graph = read_graph(self.model)
        for path, place in graph.places.items():
            tensor = place.outputs[-1][0]
            data_format = graph.data_format(tensor)
            self._note(path, place.operation, tensor.shape, data_format)
        for tensor in self.model.outputs:
            operation = source(tensor)
            while is_functional(operation):
                operation = source(operation.outputs[0])
            self.last.append(operation)

    def _trace(self, images):
        shapes = keras.tree.map_structure(lambda x: tuple(x.shape[1:]), images)
        try:
            inputs = symbolic_inputs(self.model, shapes)
            outputs, calls = trace(self.model, inputs)
        except ValueError as error:
            # A layer that is named can be explained all the same.
            self.reason = f". {error}"
            return
        answers = {id(x) for x in keras.tree.flatten(outputs)}
        models = {
            path
            for path, one in sublayers(self.model)
            if isinstance(one, keras.Model)
        }
        data_format = keras.config.image_data_format()
        for call in calls:
            if not call.is_layer or call.operation is self.model:
                continue
            data_format = getattr(call.operation, "data_format", data_format)
            if id(call.outputs[0]) in answers:
                answers.discard(id(call.outputs[0]))
                self.last.append(call.operation)
            inside = call.path.rpartition("/")[0]
            if not inside or inside in models:
                self._note(
                    call.path,
                    call.operation,
                    call.outputs[0].shape,
                    data_format,
                )

    def _note(self, path, layer, shape, data_format):
        if len(shape) in (4, 5) and not isinstance(layer, keras.Model):
            first = data_format == "channels_first"
            self.found.append(MapLayer(path, layer, tuple(shape), first))


def tokens_to_grid(count, size):
    """The grid that tokens stand in, and how many stand in front of it.

    Args:
        count: int, of tokens.
        size: tuple `(height, width)` of the image.

    Returns:
        `((height, width), prefix)`: the grid whose proportions are the
        image's, with no, one (a class token), or some tokens in front.

    Raises:
        ValueError: If there is no such grid.

    Example:

    >>> tokens_to_grid(197, (224, 224)), tokens_to_grid(32, (64, 128))
    (((14, 14), 1), ((4, 8), 0))
    """
    # A class token, one more of distillation, or a few registers.
    for prefix in (0, 1, 2, 4, 5):
        height = math.sqrt(max(count - prefix, 0) * size[0] / size[1])
        rows = round(height)
        if rows and (count - prefix) % rows == 0:
            columns = (count - prefix) // rows
            if rows * size[1] == columns * size[0]:
                return (rows, columns), prefix
    raise ValueError(
        f"{count} tokens are no grid of the proportions of an image of "
        f"{size[0]} x {size[1]}, with up to five tokens in front"
    )


def _has_places(one):
    sizes = one.shape[2:] if one.channels_first else one.shape[1:-1]
    return all(size is None or size > 1 for size in sizes)
