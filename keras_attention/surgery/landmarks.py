"""Places that every network of a kind has, whatever its layers are called."""

import math

import keras

from keras_attention.surgery.graph import is_inserted_attention

# Attention on a map with a border of zeros, or behind what cuts one off.
_PADDING = (keras.layers.ZeroPadding2D, keras.layers.Cropping2D)


def residual_adds(graph):
    """Sums of two or more maps of one shape: where a residual branch ends."""
    return [
        call.operation
        for call, _, _ in graph.flat_calls
        if type(call.operation).__name__ == "Add"
        and len(call.inputs) > 1
        and len(call.outputs[0].shape) == 4
        and len({tuple(x.shape) for x in call.inputs}) == 1
    ]


def stage_ends(graph):
    """The last layer at each map size before the size shrinks.

    A stage is a connected part of the graph in which no step changes the
    area of the map twofold. Its end is the last learned layer that
    everything which shrinks the map further depends on, and in the stage
    with the smallest maps the last layer of all.

    Args:
        graph: `Graph` of a model; nested models are seen through.

    Raises:
        ValueError: For maps of unknown size, or whose layers do not tell
            which axis has the channels.
    """
    maps = _Maps(graph)
    ends = []
    for stage in maps.stages():
        leaving = maps.leaving(stage)
        if not leaving and maps.grown(stage):
            continue
        end = maps.last_common(stage, leaving or maps.sinks(stage))
        if end is not None:
            ends.append(end)
    return [maps.operations[index] for index in sorted(ends)]


class _Maps:
    """The calls of a graph that have maps as outputs, by their indices."""

    def __init__(self, graph):
        self.operations, self.inputs = [], []
        self.ancestors, self.depth, self.learned = [], [], []
        self.area = {}
        made_by = {}
        for index, (call, inputs, outputs) in enumerate(graph.flat_calls):
            made_by.update(dict.fromkeys(outputs, index))
            inputs = [made_by[number] for number in inputs]
            self.operations.append(call.operation)
            self.inputs.append(inputs)
            self.ancestors.append(
                {index}.union(*(self.ancestors[i] for i in inputs))
            )
            self.depth.append(
                1 + max((self.depth[i] for i in inputs), default=0)
            )
            self.learned.append(
                _is_learned(call.operation)
                or any(self.learned[i] for i in inputs)
            )
            # What comes of a global summary is no smaller map but a vector.
            if _is_map(call) and (
                not inputs or any(i in self.area for i in inputs)
            ):
                self.area[index] = _area(call, graph)

    def edges(self, index):
        """Ratios of the area to those of the maps that it is made of."""
        for i in self.inputs[index]:
            if i in self.area:
                yield i, self.area[index] / self.area[i]

    def stages(self):
        """Sets of calls, from the first on."""
        stage_of = {}
        for index in self.area:
            stage = {index}
            for i, ratio in self.edges(index):
                if 0.5 < ratio < 2:
                    stage |= stage_of[i]
            stage_of.update(dict.fromkeys(stage, stage))
        return list({id(stage): stage for stage in stage_of.values()}.values())

    def leaving(self, stage):
        """The calls that shrink the stage's maps."""
        return [
            index
            for index in self.area
            if any(i in stage and r <= 0.5 for i, r in self.edges(index))
        ]

    def grown(self, stage):
        """Whether smaller maps were enlarged to those of the stage."""
        return any(r >= 2 for index in stage for _, r in self.edges(index))

    def sinks(self, stage):
        """The calls of a stage that no other one of the stage needs."""
        needed = set().union(
            *(self.ancestors[index] - {index} for index in stage)
        )
        return stage - needed

    def last_common(self, stage, indices):
        """The last call of a stage that all the given ones depend on."""
        common = set.intersection(*(self.ancestors[i] for i in indices))
        possible = [i for i in common & stage if self._may_end(i)]
        return max(possible, key=lambda i: (self.depth[i], i), default=None)

    def _may_end(self, index):
        operation = self.operations[index]
        return (
            self.learned[index]
            and not isinstance(operation, _PADDING)
            and not is_inserted_attention(operation)
        )


def _is_learned(operation):
    return (
        isinstance(operation, keras.layers.Layer)
        and not isinstance(operation, keras.layers.Normalization)
        and bool(operation.weights)
    )


def _is_map(call):
    return (
        len(call.outputs) == 1
        and len(call.outputs[0].shape) == 4
        and "Global" not in type(call.operation).__name__
    )


def _area(call, graph):
    (tensor,) = call.outputs
    data_format = graph.data_format(tensor)
    if data_format is None:
        raise ValueError(
            "'stage_ends' needs to know which axis of a map has the channels, "
            f"and no layer tells for {tensor!r}. Name layers instead."
        )
    first = 2 if data_format == "channels_first" else 1
    sizes = tensor.shape[first : first + 2]
    if None in sizes:
        raise ValueError(
            "'stage_ends' needs a network whose maps have known sizes. "
            f"Received: the layer {call.operation.name!r} with outputs of "
            f"shape {tuple(tensor.shape)}. Build the network with an "
            "input_shape, or name its layers."
        )
    return math.prod(sizes)
