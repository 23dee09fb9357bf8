"""A copy of a functional model in which some layers are called differently.

`attach`, `detach` and `VGG16BNAttention` all work this way.
"""

import inspect
from typing import NamedTuple

import keras

from keras_attention.surgery.copying import copy_layer
from keras_attention.surgery.copying import copy_state
from keras_attention.surgery.graph import is_functional
from keras_attention.surgery.graph import source


def rebuild(graph, edits, *, inputs=None, share_layers=False):
    """Copies a model, nested models included, with all of its state.

    Args:
        graph: `Graph` of the model.
        edits: dict `{id(layer): edit}` for layers at any depth. An edit is a
            function `(copy, *args, **kwargs) -> outputs`, called in place of
            the copied layer; `None` leaves the layer out.
        inputs: symbolic tensors to start from, in the structure of the model's;
            `None` makes new ones. Defaults to `None`.
        share_layers: bool, whether layers are used again instead of copied.
            Defaults to `False`.

    Returns:
        A functional model of the same name, not compiled. Frozen layers stay
        frozen; models with edits inside are not frozen themselves, so that
        what the edits add can be trained.
    """
    copying = _Copying(graph, edits, share_layers)
    copy = copying.copy_edited(graph.model, inputs)
    copying.copy_states()
    return copy


class _Record(NamedTuple):
    original: keras.Operation
    copy: keras.Operation
    trainable: bool
    is_leaf: bool


class _Copying:
    def __init__(self, graph, edits, share_layers):
        self.edits = edits
        self.edited_models = graph.models_around(set(edits))
        self.share_layers = share_layers
        # A layer that is called twice, or in two models, has one copy.
        self.copies = {}
        self.originals = {}
        self.records = []
        self.frozen = False

    def copy_edited(self, model, inputs=None):
        """The copy of a model that is not frozen, though its layers may be."""
        before = self.frozen
        self.frozen = before or not model.trainable
        copy = self.copy_graph(model, inputs)
        self.frozen = before
        return copy

    def copy_graph(self, model, inputs=None):
        """The copy of a model, its layers copied on the way."""
        # Not compiled, and functional where the model is sequential.
        plain = keras.Model(*_ends(model), name=model.name)
        if inputs is None:
            inputs = keras.tree.map_structure(_copy_input, plain.input)
        copy = keras.models.clone_model(
            plain,
            input_tensors=inputs,
            clone_function=self._copy,
            call_function=self._call,
        )
        own_class, plain_class = type(model), type(plain)
        if (
            own_class is not plain_class
            and issubclass(own_class, plain_class)
            and _takes_a_graph(own_class)
        ):
            arguments = {
                name: value
                for name, value in model.get_config().items()
                if name not in _GRAPH_CONFIG
            }
            copy = own_class(
                copy.input, copy.output, name=copy.name, **arguments
            )
        return copy

    def copy_states(self):
        """Fills the copies; models first, which freeze what is inside."""
        for record in reversed(self.records):
            if record.copy.trainable != record.trainable:
                record.copy.trainable = record.trainable
            # One that an edit did not call has no weights.
            if record.is_leaf and record.copy.built:
                copy_state(record.original, record.copy)

    def _copy(self, operation):
        if id(operation) not in self.copies:
            copy = self._new_copy(operation)
            self.copies[id(operation)] = copy
            self.originals[id(copy)] = operation
        return self.copies[id(operation)]

    def _call(self, copy, *args, **kwargs):
        original = self.originals[id(copy)]
        if id(original) not in self.edits:
            return copy(*args, **kwargs)
        edit = self.edits[id(original)]
        if edit is None:
            return args[0] if args else next(iter(kwargs.values()))
        return edit(copy, *args, **kwargs)

    def _new_copy(self, operation):
        if self.edits.get(id(operation), ...) is None:
            return operation  # Never called.
        if not is_functional(operation):
            copy = operation if self.share_layers else copy_layer(operation)
            return self._recorded(operation, copy, is_leaf=True)
        if id(operation) in self.edited_models:
            return self.copy_edited(operation)
        if self.share_layers:
            return operation
        if isinstance(operation, keras.Sequential):
            parts = [self._copy(layer) for layer in operation.layers]
            first = _copy_input(operation.inputs[0])
            copy = keras.Sequential([first, *parts], name=operation.name)
            return self._recorded(operation, copy, is_leaf=False)
        if _takes_a_graph(type(operation)):
            copy = self.copy_graph(operation)
            return self._recorded(operation, copy, is_leaf=False)
        return self._recorded(operation, copy_layer(operation), is_leaf=True)

    def _recorded(self, operation, copy, is_leaf):
        if isinstance(operation, keras.layers.Layer) and copy is not operation:
            trainable = operation.trainable and not self.frozen
            record = _Record(operation, copy, trainable, is_leaf)
            self.records.append(record)
        return copy


# In every functional model's configuration.
_GRAPH_CONFIG = ("name", "trainable", "layers", "input_layers", "output_layers")


def _ends(model):
    """Inputs and outputs in the structure that the model is called with."""
    if isinstance(model, keras.Sequential):
        return model.inputs[0], model.outputs[0]
    return model.input, model.output


def _copy_input(tensor):
    layer = source(tensor)
    return type(layer).from_config(layer.get_config()).output


def _takes_a_graph(model_class):
    """Keras' own rule: which classes can be made from inputs and outputs."""
    spec = inspect.getfullargspec(model_class.__init__)
    return spec.args[1:] == ["inputs", "outputs", "name"] or bool(
        spec.varargs and spec.varkw
    )
