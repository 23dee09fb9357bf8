"""Reading the graph of a functional model.

Everything that needs to know what a tensor was made from asks this module.
"""

import itertools
from typing import NamedTuple

import keras

from keras_attention.internals import keras_private
from keras_attention.layers import AttentionLayer2D

_LAYOUTS = ("channels_last", "channels_first")
# What may move the channels; behind it, an earlier layout tells nothing.
_TRANSPOSING = ("Permute", "Reshape", "Transpose", "Moveaxis", "Swapaxes")


class Call(NamedTuple):
    """One use of an operation (a layer, or a function of `keras.ops`)."""

    operation: keras.Operation
    inputs: list
    outputs: list


def is_graph(operation):
    """Whether a model is functional or a sequential one with known inputs."""
    return isinstance(operation, keras.Model) and hasattr(operation, "outputs")


def is_attention(operation):
    """Whether a layer of a graph is attention that could be taken out."""
    return (
        isinstance(operation, AttentionLayer2D)
        and operation.shape_preserving
        and not getattr(operation, "has_query", False)
    )


def calls(model):
    """Every call of a graph, inputs first; nested models are one call."""
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


def source(tensor):
    """The operation that a tensor comes from."""
    return keras_private.history(tensor)[0]


def flat_calls(model):
    """Every call of a graph and of the graphs inside it, inputs first.

    The calls of a nested model stand in place of the call of the model, once
    for each. Their inputs and outputs are numbers: tensors of different
    graphs are one and the same where one model is called in another.

    Yields:
        `(call, numbers of its inputs, numbers of its outputs)`.
    """
    return _flat_calls(model, {}, itertools.count())


def operations(model):
    """Every operation of a graph and of the graphs inside it."""
    for call in calls(model):
        yield call.operation
        if is_graph(call.operation):
            yield from operations(call.operation)


def dtype_policy(tensor):
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
            return keras.dtype_policies.get(policy.name.split("_from_")[1])
        return policy
    return keras.config.dtype_policy()


def data_format(tensor, model):
    """`"channels_last"` or `"channels_first"`; `None` if nothing tells.

    Batch normalization, activations and sums do not say which axis has the
    channels. Theirs is the layout of the nearest layer before them that
    does, or else the only one in the model.
    """
    for operation in _upstream(tensor):
        layout = _layout(operation)
        if layout:
            return layout
        if type(operation).__name__ in _TRANSPOSING:
            break
    layouts = {_layout(operation) for operation in operations(model)} - {None}
    return layouts.pop() if len(layouts) == 1 else None


def _flat_calls(model, numbers, counter):
    for call in calls(model):
        inputs = [numbers[id(tensor)] for tensor in call.inputs]
        outputs = [id(tensor) for tensor in call.outputs]
        if is_graph(call.operation):
            entries = map(id, call.operation.inputs)
            inner = dict(zip(entries, inputs, strict=True))
            yield from _flat_calls(call.operation, inner, counter)
            exits = [inner[id(tensor)] for tensor in call.operation.outputs]
            numbers.update(zip(outputs, exits, strict=True))
        elif not inputs and outputs[0] in numbers:
            continue  # The input of a nested model.
        else:
            numbers.update(zip(outputs, counter, strict=False))
            yield call, inputs, [numbers[tensor] for tensor in outputs]


def _upstream(tensor):
    """The operations that made a tensor, back along each first input."""
    while True:
        operation, position, node = keras_private.history(tensor)
        if is_graph(operation):
            tensor = operation.outputs[position]
            continue
        yield operation
        if not node.input_tensors:
            return
        tensor = node.input_tensors[0]


def _layout(operation):
    layout = getattr(operation, "data_format", None)
    return layout if layout in _LAYOUTS else None
