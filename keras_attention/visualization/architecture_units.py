"""The calls of a model that a figure of it shows, and what each depends on."""

import dataclasses
import math

import keras

from keras_attention.inspection.costs import ancestry
from keras_attention.internals.recording import sublayers


@dataclasses.dataclass(eq=False)
class Unit:
    """A call that is shown as a whole."""

    path: str
    operation: keras.Operation
    number: int
    shape: tuple
    sources: list
    query: int | None
    rows: list
    is_layer: bool

    @property
    def name(self):
        """The last part of its path."""
        return self.path.rpartition("/")[2]

    @property
    def is_attention(self):
        """Whether it is a layer whose weights the summary has."""
        return self.is_layer and bool(self.rows)

    @property
    def is_map(self):
        """Whether its result has positions."""
        # Not what squeezes a map for gates of channels, (1, 1, channels).
        return math.prod(self.shape[:-1]) > 1

    @property
    def is_convolution(self):
        """Whether it is a convolution, of any kind."""
        return "Conv" in type(self.operation).__name__

    @property
    def is_pooling(self):
        """Whether it pools, over windows or everything."""
        return "Pool" in type(self.operation).__name__

    @property
    def has_weights(self):
        """Whether it is a layer with weights."""
        return self.is_layer and bool(self.operation.weights)


def shown_units(model, calls, rows, first):
    """Calls at the level that is shown, with what they depend on."""
    layers = {"": model, **dict(sublayers(model))}
    paths = [row["path"] for row in rows]
    open_paths = {
        path
        for path, layer in layers.items()
        if isinstance(layer, keras.Model)
        or (
            any(inner.startswith(f"{path}/") for inner in paths)
            and path not in paths
            and not hasattr(layer, "attention_shapes")
        )
    }

    def is_shown(call):
        if not call.is_layer:
            return call.path in open_paths
        *around, path = ancestry(call.path)
        return path not in open_paths and open_paths.issuperset(around)

    units, producers = [], {}
    for call in filter(is_shown, calls):
        if not call.outputs:
            continue
        number = len(units)
        units.append(
            Unit(
                call.path,
                call.operation,
                number,
                channels_last(call.outputs[0].shape[1:], first),
                sorted(
                    {
                        producers[id(x)]
                        for x in call.inputs
                        if id(x) in producers
                    },
                    key=[producers.get(id(x)) for x in call.inputs].index,
                ),
                producers.get(id(_query_of(call))),
                [row for row in rows if call.path in ancestry(row["path"])[1:]],
                call.is_layer,
            )
        )
        for output in call.outputs:
            producers[id(output)] = number
    return units


def _query_of(call):
    """What a call of an attention layer of this kind got as its query."""
    if not hasattr(call.operation, "attention_shapes"):
        return None
    _, query, *_ = [*call.args, None, None]
    return call.kwargs.get("query", query)


def channels_last(shape, first):
    """A shape without batch, channels last, wherever they come `first`."""
    shape = tuple(shape)
    if first and len(shape) > 2:
        return (*shape[1:], shape[0])
    return shape
