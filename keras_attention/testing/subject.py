"""The layer under check: its inputs, models around it, training steps."""

import inspect

import keras
import numpy as np
from keras import ops

from keras_attention.testing.promises import DoesNotApply


class Subject:
    """A layer's factory with all that a check needs to try it out.

    See `check_attention_layer` for the arguments. Everything is channels
    last, in float32, and the same on every run.
    """

    def __init__(
        self,
        factory,
        input_shape,
        query_shape=None,
        fixed_size=False,
        zero_gradient=(),
        normalized_axes=None,
    ):
        self.factory = factory
        self.input_shape = tuple(input_shape)
        self.query_shape = None if query_shape is None else tuple(query_shape)
        self.fixed_size = fixed_size
        self.zero_gradient = tuple(zero_gradient)
        self.normalized_axes = normalized_axes
        if len(self.input_shape) != 4 or self.input_shape[0] < 2:
            raise ValueError(
                "input_shape must be (batch, height, width, channels) with a "
                f"batch of at least 2. Received: {self.input_shape}"
            )
        self.type = type(factory())
        self.constructor = {
            name
            for name in _constructor_arguments(self.type)
            if not _is_settled(self.type, name)
        }
        self.arguments = set(inspect.signature(self.type.call).parameters)
        self.returns_weights = "return_attention_scores" in self.arguments

    def layer(self, **overrides):
        """A fresh layer, not built."""
        if "data_format" in self.constructor:
            overrides.setdefault("data_format", "channels_last")
        overrides.setdefault("dtype", "float32")
        return self.factory(**overrides)

    def built(self, **overrides):
        """A fresh layer with weights, none of which is at its initial value.

        A weight that starts at 0 or 1 would hide that it is not used.
        """
        layer = self.layer(**overrides)
        channels_first = overrides.get("data_format") == "channels_first"
        inputs = self.inputs()
        layer(*(channels_to_front(inputs) if channels_first else inputs))
        rng = np.random.default_rng(1)
        for weight in layer.weights:
            if keras.backend.is_float_dtype(weight.dtype):
                noise = 0.1 * np.abs(rng.normal(size=tuple(weight.shape)))
                weight.assign(weight + noise)
        return layer

    def shapes(self, batch=1, height=1, channels=1):
        """The shapes of features and query, with sizes multiplied."""
        factors = np.array([batch, height, 1, channels])
        shapes = [np.multiply(self.input_shape, factors)]
        if self.query_shape is not None:
            rank = len(self.query_shape)
            kept = {2: [0, 3], 3: [0, 2, 3], 4: [0, 1, 2, 3]}[rank]
            shapes.append(np.multiply(self.query_shape, factors[kept]))
        return [tuple(shape.tolist()) for shape in shapes]

    def inputs(self, scale=1.0, **factors):
        """Features and, if the layer takes one, a query, as float32 arrays."""
        rng = np.random.default_rng(0)
        return [
            (scale * rng.normal(size=shape)).astype("float32")
            for shape in self.shapes(**factors)
        ]

    def mask(self):
        """A mask with holes; nothing of the last image is valid."""
        mask = np.random.default_rng(0).random(self.input_shape[:3]) < 0.6
        mask[:, 0, 0] = True
        mask[:, -1, -1] = False
        mask[-1] = False
        return mask

    def needs(self, *arguments, call=False):
        """Raises `DoesNotApply` unless the signature has the arguments."""
        offered = self.arguments if call else self.constructor
        where = "call" if call else "constructor"
        for argument in arguments:
            if argument not in offered:
                raise DoesNotApply(f"the {where} has no {argument} argument")

    def preserves_shape(self):
        """Whether the output has the shape of the features."""
        outputs = self.layer()(*self.inputs())
        return tuple(outputs.shape) == self.input_shape

    def with_weights(self):
        """The call arguments that ask for the weights, if there are any."""
        return {"return_attention_scores": True} if self.returns_weights else {}

    def model(self, layer, dynamic=False, masked=False, **arguments):
        """A functional model that consists of the layer.

        Args:
            layer: `keras.layers.Layer`.
            dynamic: bool, whether height and width of maps are unknown.
                Defaults to `False`.
            masked: bool, whether the model takes a mask as its last input.
                Defaults to `False`.
            **arguments: for the call of the layer.
        """
        inputs = [
            keras.Input(_unknown(shape) if dynamic else shape[1:])
            for shape in self.shapes()
        ]
        extra = []
        if masked:
            extra.append(keras.Input(self.input_shape[1:3], dtype="bool"))
            arguments = {**arguments, "mask": extra[0]}
        return keras.Model(inputs + extra, layer(*inputs, **arguments))

    def unmoved(self, before, layer):
        """The trainable weights that training should change and did not."""
        return [
            weight.path
            for old, weight in zip(before, layer.trainable_weights, strict=True)
            if np.array_equal(old, to_numpy(weight))
            and not any(name in weight.path for name in self.zero_gradient)
        ]


def to_numpy(tree):
    """The arrays of a tensor or of a nest of tensors, bfloat16 as float32."""

    def convert(tensor):
        if keras.backend.is_float_dtype(tensor.dtype):
            tensor = ops.cast(tensor, "float32")
        # On PyTorch the array would change with the variable: copy it.
        return np.array(ops.convert_to_numpy(tensor))

    return keras.tree.map_structure(convert, tree)


def dtype_of(tensor):
    """The name of a tensor's dtype."""
    return keras.backend.standardize_dtype(tensor.dtype)


def weights_of(layer):
    """The trainable weights as arrays."""
    return [to_numpy(weight) for weight in layer.trainable_weights]


def state_of(layer):
    """All variables as arrays, the states of seed generators included."""
    return [to_numpy(variable) for variable in layer.variables]


def restore(layer, state):
    """Sets the variables to what `state_of` returned."""
    if keras.backend.backend() == "torch":
        import torch

        # There Keras' dropout without a seed draws from this generator.
        torch.manual_seed(0)
    for variable, value in zip(layer.variables, state, strict=True):
        variable.assign(value)


def channels_to_front(arrays):
    """Maps as `(batch, channels, height, width)`; all else as it is."""
    return [
        np.transpose(array, (0, 3, 1, 2)) if array.ndim == 4 else array
        for array in arrays
    ]


def output_shape(model, inputs):
    """The shape of what a model answers, without computing it."""
    return (len(inputs[0]), *model.output_shape[1:])


def targets(shape, mask=None):
    """A random direction a output for `projection`; 0 is left out."""
    values = np.random.default_rng(2).normal(size=tuple(shape))
    if mask is not None and values.shape[1:3] == mask.shape[1:]:
        values[~mask] = 0
    return values.astype("float32")


def projection(direction, outputs):
    """A loss whose gradient by the outputs is random, so never symmetric."""
    direction = ops.convert_to_tensor(direction)
    used = ops.not_equal(direction, 0)
    outputs = ops.cast(outputs, direction.dtype)
    return ops.mean(ops.where(used, direction * outputs, 0.0))


def train(model, inputs, directions, optimizer="sgd", steps=1):
    """Takes training steps of `projection` on one batch.

    There is no loss scaling: it would hide gradients that are not finite by
    skipping the step.
    """
    if not model.compiled:
        model.compile(
            keras.optimizers.get(optimizer),
            loss=projection,
            # Op by op is quicker for one step, but JAX compiles each op.
            run_eagerly=keras.backend.backend() != "jax",
            auto_scale_loss=False,
        )
    for _ in range(steps):
        model.train_on_batch(inputs, directions)


def _unknown(shape):
    return (None, None, shape[-1]) if len(shape) == 4 else shape[1:]


def _constructor_arguments(cls):
    """The arguments of a class and, behind `**kwargs`, of its bases."""
    names = set()
    for base in cls.__mro__:
        if base is keras.layers.Layer:
            break
        if "__init__" not in vars(base):
            continue
        parameters = inspect.signature(base.__init__).parameters.values()
        kinds = {parameter.kind for parameter in parameters}
        names |= {
            parameter.name
            for parameter in list(parameters)[1:]  # without self
            if parameter.kind
            not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        }
        if inspect.Parameter.VAR_KEYWORD not in kinds:
            break
    return names


def _is_settled(cls, name):
    """Whether a class passes the argument to its base itself."""
    if name in inspect.signature(cls.__init__).parameters:
        return False
    try:
        cls(**{name: None})
    except Exception as error:
        return "multiple values for keyword argument" in str(error)
    return False
