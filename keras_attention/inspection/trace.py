"""A model run on shapes alone: what it computes, without computing it.

`compute_output_spec` gives the shape that leaves a layer, and not what happens
inside. Here every layer's own `call` runs on `keras.KerasTensor`s, so that
each of Keras' operations is seen, with the layer that asked for it.
"""

import contextlib
import contextvars
import dataclasses
import inspect

import keras

from keras_attention.inspection.symbolic_inputs import described
from keras_attention.inspection.symbolic_inputs import known_inputs
from keras_attention.internals import keras_private
from keras_attention.internals.recording import sublayers

_TRACER = contextvars.ContextVar("tracer", default=None)

# They run a function inside the backend, where nobody can look.
_HIDDEN = {
    "AssociativeScan",
    "Cond",
    "ForiLoop",
    "Map",
    "Scan",
    "Switch",
    "VectorizedMap",
    "WhileLoop",
}


@dataclasses.dataclass(frozen=True, eq=False)
class Call:
    """One call of a layer or of one of Keras' operations.

    Args:
        path: str, of the layer, or of the layer that the operation is part of,
            as `recording.sublayers` names it; `""` is the model itself.
        operation: `keras.Operation`, the layer or operation.
        args: tuple, its positional arguments; tensors are `keras.KerasTensor`s.
        kwargs: dict, its others.
        outputs: list of `keras.KerasTensor`.
        times: int, how often it is called; more than once inside a recurrence.
            Defaults to `1`.
    """

    path: str
    operation: keras.Operation
    args: tuple
    kwargs: dict
    outputs: list
    times: int = 1

    @property
    def is_layer(self):
        """Whether it is a layer, whose operations have calls of their own."""
        return isinstance(self.operation, keras.layers.Layer)

    @property
    def inputs(self):
        """The tensors among the arguments."""
        return _tensors((self.args, self.kwargs))


def trace(model, inputs, function=None):
    """Runs a model on shapes.

    Args:
        model: `keras.Model` or `keras.Layer`; built if it was not.
        inputs: symbolic tensors, what `symbolic_inputs` returns.
        function: callable or `None`, what to run instead of the model, e.g. the
            `call` of an `AttentionExtractor` around it. Defaults to `None`.

    Returns:
        `(outputs, calls)`: the outputs as `keras.KerasTensor`s and a list of
        `Call`, in order; a layer's stands behind those inside it.

    Raises:
        ValueError: Naming the layer that cannot be run on shapes.

    Example:

    >>> from keras_attention.inspection.symbolic_inputs import symbolic_inputs
    >>> layer = keras.layers.Dense(3, name="dense")
    >>> outputs, calls = trace(layer, symbolic_inputs(layer, (5,)))
    >>> [type(call.operation).__name__ for call in calls]
    ['Matmul', 'Add', 'Dense']
    """
    tracer = _Tracer(model)
    with tracer.restored():
        tracer.remember(model)
        run = _runner(model, inputs)
        if not model.built:
            run(model)
        with _observed(tracer):
            outputs = run(function or model)
    return outputs, tracer.calls


class _Tracer:
    """Keeps the calls, and knows in which layer they happen."""

    def __init__(self, model):
        self.calls = []
        self.paths = {id(model): [""]}
        for path, layer in sublayers(model):
            self.paths.setdefault(id(layer), []).append(path)
        self.stack = [""]
        self.times = 1
        self.failed = False
        self.nodes = {}

    def call_layer(self, layer, *args, **kwargs):
        """In place of `Operation.__call__`, for layers."""
        self.remember(layer)
        # Learned queries, say: from here on, they are counted too.
        args, kwargs = keras.tree.map_structure(_symbolic, (args, kwargs))
        self.stack.append(self.path(layer))
        try:
            outputs = self.outputs(layer, args, kwargs)
            others = [x for x in keras.tree.flatten(outputs) if x is not None]
            if len(others) > len(_tensors(outputs)):
                raise TypeError(f"it returns {others}")
        except Exception as error:
            if self.failed:
                raise
            self.failed = True
            path = self.stack[-1]
            where = f" at {path!r}" if path not in ("", layer.name) else ""
            raise ValueError(
                f"{described(layer)}{where} cannot be run on shapes alone: "
                "its call must consist of keras.ops and layers, and accept "
                f"the given shapes. {type(error).__name__}: {error}"
            ) from error
        finally:
            path = self.stack.pop()
        self.log(path, layer, args, kwargs, outputs)
        return outputs

    def call_operation(self, operation, *args, **kwargs):
        """In place of `Operation.symbolic_call`, for operations."""
        name = type(operation).__name__
        is_keras = type(operation).__module__.startswith("keras.")
        if isinstance(operation, keras.Function) or not is_keras:
            return operation.call(*args, **kwargs)
        if name in _HIDDEN:
            raise NotImplementedError(
                f"operations inside keras.ops.{operation.name} cannot be seen"
            )
        # Operations that are asked for a shape inside are not computed.
        token = _TRACER.set(None)
        try:
            outputs = _output_spec(operation, *args, **kwargs)
        finally:
            _TRACER.reset(token)
        if any(None in output.shape for output in _tensors(outputs)):
            raise NotImplementedError(
                f"the shape that keras.ops.{operation.name} returns depends "
                "on values"
            )
        self.log(self.stack[-1], operation, args, kwargs, outputs)
        return outputs

    def outputs(self, layer, args, kwargs):
        """What a layer returns."""
        module = type(layer).__module__
        if module.startswith("keras.") and ".layers.preprocessing." in module:
            # They compute with the backend's own functions.
            return layer.compute_output_spec(*args, **kwargs)
        if isinstance(layer, keras.layers.RNN):
            return self.recurrence(layer, *args, **kwargs)
        if isinstance(layer, keras.layers.TimeDistributed):
            return self.all_at_once(layer, *args)
        with _symbolic_activation(layer):
            return layer.call(*args, **kwargs)

    def recurrence(self, layer, sequences, initial_state=None, **kwargs):
        """One step, as often as the sequence is long."""
        batch_size, steps, *shape = sequences.shape
        if initial_state is None:
            initial_state = layer.get_initial_state(batch_size)
        states = keras.tree.map_structure(_symbolic, list(initial_state))
        step = keras.KerasTensor((batch_size, *shape), sequences.dtype)
        before, self.times = self.times, self.times * steps
        layer.cell(step, states)
        self.times = before
        return layer.compute_output_spec(sequences, initial_state, **kwargs)

    def all_at_once(self, layer, inputs):
        """Every step as an image of its own, of which it is not asked more."""
        batch_size, steps, *shape = inputs.shape
        merged = keras.KerasTensor((batch_size * steps, *shape), inputs.dtype)
        outputs = layer.layer(merged)
        return keras.KerasTensor(
            (batch_size, steps, *outputs.shape[1:]), outputs.dtype
        )

    def log(self, path, operation, args, kwargs, outputs):
        """Adds a call."""
        outputs = _tensors(outputs)
        self.calls.append(
            Call(path, operation, args, kwargs, outputs, self.times)
        )

    def path(self, layer):
        """The layer's path; of several, the one inside the current layer."""
        # A layer that nobody tracks is part of whoever calls it.
        paths = self.paths.get(id(layer), self.stack[-1:])
        here = f"{self.stack[-1]}/" if self.stack[-1] else ""
        return next((p for p in paths if p.startswith(here)), paths[0])

    def remember(self, layer):
        """Notes what `restored` leaves to the layer."""
        self.nodes.setdefault(
            id(layer),
            [(nodes, len(nodes)) for nodes in keras_private.nodes(layer)],
        )

    @contextlib.contextmanager
    def restored(self):
        """Undoes what calls on `keras.KerasTensor`s leave in the layers."""
        try:
            yield
        finally:
            for lists in self.nodes.values():
                for nodes, length in lists:
                    del nodes[length:]


@contextlib.contextmanager
def _observed(tracer):
    """Shows a tracer every layer and operation of this thread."""

    def observed_call(self, *args, **kwargs):
        current = _TRACER.get()
        if current is None or not isinstance(self, keras.layers.Layer):
            return call(self, *args, **kwargs)
        return current.call_layer(self, *args, **kwargs)

    def observed_symbolic_call(self, *args, **kwargs):
        current = _TRACER.get()
        if current is None:
            return symbolic_call(self, *args, **kwargs)
        return current.call_operation(self, *args, **kwargs)

    def no_loss(self, loss):
        # A penalty is no part of the way to the outputs.
        return add_loss(self, loss) if _TRACER.get() is None else None

    operation = keras.Operation
    call, symbolic_call = operation.__call__, operation.symbolic_call
    add_loss = keras.layers.Layer.add_loss
    replacements = [
        (operation, "__call__", observed_call),
        (operation, "symbolic_call", observed_symbolic_call),
        (keras.layers.Layer, "add_loss", no_loss),
        *(
            (keras.Variable, name, _reflected(getattr(keras.Variable, name)))
            for name in _OPERATORS
        ),
    ]
    if hasattr(keras.KerasTensor, "__jax_array__"):
        # It only raises; without it, JAX leaves the operator to Keras.
        replacements.append((keras.KerasTensor, "__jax_array__", None))
    # Counters and seeds stay as they are.
    with (
        keras_private.replaced(lambda: replacements),
        keras.StatelessScope(),
    ):
        token = _TRACER.set(tracer)
        try:
            yield
        finally:
            _TRACER.reset(token)


# Of a weight and a tensor without values: the tensor knows what to do.
_OPERATORS = [
    f"__{name}__"
    for name in (
        *("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"),
        *("lt", "le", "gt", "ge", "ne", "and", "or", "xor"),
    )
]


def _reflected(operator):
    def operate(self, other):
        if isinstance(other, keras.KerasTensor):
            return NotImplemented
        return operator(self, other)

    return operate


@contextlib.contextmanager
def _symbolic_activation(layer):
    """Replaces activations that Keras computes with the backend's functions."""
    given = getattr(layer, "activation", None)
    if given is keras.activations.mish:
        layer.activation = lambda x: x * keras.ops.tanh(keras.ops.softplus(x))
    elif given is keras.activations.hard_silu:
        layer.activation = keras.ops.hard_silu
    try:
        yield
    finally:
        if getattr(layer, "activation", None) is not given:
            layer.activation = given


def _output_spec(operation, *args, **kwargs):
    """`compute_output_spec`, right where Keras' is not."""
    name = type(operation).__name__
    if name == "Conv":
        # In groups, which the result does not depend on, Keras would refuse.
        features, kernel = args
        shape = list(features.shape)
        first = operation.data_format == "channels_first"
        shape[1 if first else -1] = kernel.shape[-2]
        args = (keras.KerasTensor(shape, features.dtype), kernel)
    outputs = operation.compute_output_spec(*args, **kwargs)
    if name == "DotProductAttention":
        # Keras takes the query's size for that of the values.
        query, _, value = args[:3]
        shape = (*query.shape[:-1], value.shape[-1])
        outputs = keras.KerasTensor(shape, outputs.dtype)
    return outputs


def _runner(model, inputs):
    """How to call a model, or what stands in for it, with the inputs."""
    names = inspect.signature(model.call).parameters
    # Not left open: a layer such as `RandomFlip` trains unless it is told not
    # to, and with it what comes after it.
    kwargs = {"training": False} if "training" in names else {}
    if (
        isinstance(inputs, dict)
        and known_inputs(model) is None
        and set(inputs) <= set(names)
    ):
        return lambda function: function(**inputs, **kwargs)
    return lambda function: function(inputs, **kwargs)


def _symbolic(x):
    """A tensor or variable without its values; others as they are."""
    if isinstance(x, keras.Variable) or keras.ops.is_tensor(x):
        dtype = keras.backend.standardize_dtype(x.dtype)
        return keras.KerasTensor(tuple(x.shape), dtype)
    return x


def _tensors(structure):
    return [
        x
        for x in keras.tree.flatten(structure)
        if isinstance(x, keras.KerasTensor)
    ]
