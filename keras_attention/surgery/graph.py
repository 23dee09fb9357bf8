"""A functional model, read once: every call in it, and its places.

Everything that needs to know what a tensor was made from asks a `Graph`.
"""

import functools
import itertools
from typing import NamedTuple

import keras

from keras_attention.internals import keras_private
from keras_attention.layers import AttentionLayer2D

_DATA_FORMATS = ("channels_last", "channels_first")
# What may move the channels; behind it, an earlier data format tells nothing.
_TRANSPOSING = ("Permute", "Reshape", "Transpose", "Moveaxis", "Swapaxes")


class Call(NamedTuple):
    """One use of an operation (a layer, or a function of `keras.ops`)."""

    operation: keras.Operation
    inputs: list
    outputs: list


class Place(NamedTuple):
    """A layer (or function of `keras.ops`) in a model or a model inside it."""

    path: str
    operation: keras.Operation
    #: The output tensors of every call.
    outputs: list
    #: The operations that take one of them.
    followers: list


def read_graph(model, argument="model"):
    """The `Graph` of a model.

    Args:
        model: `keras.Model`, functional, or sequential with known inputs.
        argument: str, the argument that it comes from, for messages. Defaults
            to `"model"`.

    Raises:
        ValueError: For everything else, whose graph is unknown.
    """
    if not isinstance(model, keras.Model):
        raise ValueError(
            f"{argument} must be a functional or sequential keras.Model. "
            f"Received: {argument}={model!r}"
        )
    if is_functional(model):
        return Graph(model)
    if isinstance(model, keras.Sequential):
        raise ValueError(
            f"{argument} is a sequential model of unknown input shape: give "
            "it a keras.Input first, or build it. Received: "
            f"{argument}={model!r}"
        )
    raise ValueError(
        f"{argument} must be a functional or sequential model; what a "
        f"subclassed one does between its layers is unknown. Received: "
        f"{argument}={model!r} of class {type(model).__name__}. Attach to a "
        "functional model inside it instead."
    )


def is_functional(operation):
    """Whether a model is functional or a sequential one with known inputs."""
    return isinstance(operation, keras.Model) and hasattr(operation, "outputs")


def is_inserted_attention(operation):
    """Whether a layer of a graph is attention that could be taken out."""
    return isinstance(operation, AttentionLayer2D) and operation.is_insertable


class Graph:
    """The calls of a functional model and of the functional models inside.

    Args:
        model: `keras.Model` that `is_functional` accepts.

    Attributes:
        model: `keras.Model`.
        calls: list of `Call`, inputs first; a nested model is one call.
        nested: dict of `id(model)` to the `Graph` of a model inside.
    """

    def __init__(self, model):
        self.model = model
        self.calls = _calls(model)
        self.nested = {}
        for call in self.calls:
            operation = call.operation
            if is_functional(operation) and id(operation) not in self.nested:
                self.nested[id(operation)] = Graph(operation)

    @property
    def all_calls(self):
        """Every call, those of nested models behind the model's own."""
        for call in self.calls:
            yield call
            if id(call.operation) in self.nested:
                yield from self.nested[id(call.operation)].all_calls

    @functools.cached_property
    def operations(self):
        """Every operation, of nested models too."""
        return [call.operation for call in self.all_calls]

    @functools.cached_property
    def flat_calls(self):
        """Every call that is no model's, inputs first.

        The calls of a nested model stand in place of the call of the model,
        once for each. Inputs and outputs are numbers: tensors of different
        graphs are one and the same where one model is called in another.

        A list of `(call, numbers of its inputs, numbers of its outputs)`.
        """
        return list(self._flat_calls({}, itertools.count()))

    @functools.cached_property
    def places(self):
        """`{path: Place}` for everything, inputs included."""
        return self._places()

    def models_around(self, operations):
        """Ids of the models, this and nested, with one of them inside.

        Args:
            operations: set of `id(operation)`.
        """
        found = set()
        for graph in self.nested.values():
            found |= graph.models_around(operations)
        ids = {id(call.operation) for call in self.calls}
        return found | (
            {id(self.model)} if ids & (operations | found) else set()
        )

    def dtype_policy(self, tensor):
        """The float policy of the layer that a tensor comes from.

        Functions of `keras.ops` have none: theirs is that of the layer before.
        """
        for operation in _upstream(tensor):
            policy = getattr(operation, "dtype_policy", None)
            if policy is None or isinstance(operation, keras.layers.InputLayer):
                continue
            policy = getattr(policy, "default_policy", policy)
            if policy.quantization_mode is not None:
                # "int8_from_mixed_bfloat16"
                name = policy.name.split("_from_")[1]
                return keras.dtype_policies.get(name)
            return policy
        return keras.config.dtype_policy()

    def data_format(self, tensor):
        """`"channels_last"` or `"channels_first"`; `None` if nothing tells.

        Batch normalization, activations and sums do not say which axis has the
        channels. Theirs is the format of the nearest layer before them that
        does, or else the only one in the model.
        """
        for operation in _upstream(tensor):
            found = _data_format(operation)
            if found:
                return found
            if type(operation).__name__ in _TRANSPOSING:
                break
        return self._only_data_format

    @functools.cached_property
    def _only_data_format(self):
        found = set(map(_data_format, self.operations)) - {None}
        return found.pop() if len(found) == 1 else None

    def _places(self, prefix=""):
        takers = {}
        for call in self.calls:
            for tensor in call.inputs:
                takers.setdefault(id(tensor), []).append(call.operation)
        places = {}
        for call in self.calls:
            operation = call.operation
            path = prefix + operation.name
            if path not in places:
                places[path] = Place(path, operation, [], [])
            places[path].outputs.append(call.outputs)
            for tensor in call.outputs:
                places[path].followers.extend(takers.get(id(tensor), ()))
            inner = self.nested.get(id(operation))
            if inner is not None and len(places[path].outputs) == 1:
                places.update(inner._places(path + "/"))
        return places

    def _flat_calls(self, numbers, counter):
        for call in self.calls:
            inputs = [numbers[id(tensor)] for tensor in call.inputs]
            outputs = [id(tensor) for tensor in call.outputs]
            graph = self.nested.get(id(call.operation))
            if graph is not None:
                entries = map(id, graph.model.inputs)
                inner = dict(zip(entries, inputs, strict=True))
                yield from graph._flat_calls(inner, counter)
                exits = [inner[id(tensor)] for tensor in graph.model.outputs]
                numbers.update(zip(outputs, exits, strict=True))
            elif not inputs and outputs[0] in numbers:
                continue  # The input of a nested model.
            else:
                numbers.update(zip(outputs, counter, strict=False))
                yield call, inputs, [numbers[tensor] for tensor in outputs]


def source(tensor):
    """The operation that a tensor comes from."""
    return keras_private.history(tensor)[0]


def _calls(model):
    """Every call of a model, inputs first; nested models are one call."""
    found = []
    seen = set()
    pending = [(tensor, False) for tensor in reversed(model.outputs)]
    while pending:
        tensor, inputs_found = pending.pop()
        _, _, node = keras_private.history(tensor)
        if inputs_found:
            call = Call(node.operation, node.input_tensors, node.output_tensors)
            found.append(call)
        elif id(node) not in seen:
            seen.add(id(node))
            pending.append((tensor, True))
            pending += [(x, False) for x in reversed(node.input_tensors)]
    return found


def _upstream(tensor):
    """The operations that made a tensor, back along each first input."""
    while True:
        operation, position, node = keras_private.history(tensor)
        if is_functional(operation):
            tensor = operation.outputs[position]
            continue
        yield operation
        if not node.input_tensors:
            return
        tensor = node.input_tensors[0]


def _data_format(operation):
    found = getattr(operation, "data_format", None)
    return found if found in _DATA_FORMATS else None
