"""What a model costs: parameters, operations and memory, layer by layer."""

import dataclasses
import math
import re

import keras

from keras_attention.inspection.symbolic_inputs import symbolic_inputs
from keras_attention.inspection.trace import trace
from keras_attention.internals.recording import sublayers


@dataclasses.dataclass(frozen=True)
class Costs:
    """What a layer costs in one forward pass, all layers inside it included.

    Attributes:
        parameters: int, numbers in its weights, trainable or not. Defaults to
            `0`.
        flops: int, floating-point operations, two a multiply-add. Counted are
            convolutions and products of matrices (`dense` layers, `einsum`,
            `dot_product_attention` ...); element-wise work, normalization,
            pooling and resizing are not. Defaults to `0`.
        activation_bytes: int, bytes of every tensor that an operation makes
            (reshaping makes none), without weights and the model's inputs: what
            training keeps for the gradient at most, if nothing is fused or
            computed again. Keras' preprocessing layers count as nothing.
            Defaults to `0`.
    """

    parameters: int = 0
    flops: int = 0
    activation_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class ModelCosts:
    """The costs of a model and of every layer in it.

    Attributes:
        total: `Costs` of the model.
        layers: dict of path, e.g. `"encoder/attention"`, to `Costs`; a layer
            that contains others costs what they cost too.
        unknown: tuple of str, operations whose floating-point operations are
            not known and count as 0, with the path of their layer:
            `"whitening: Eigh"`. Defaults to `()`.
    """

    total: Costs
    layers: dict
    unknown: tuple = ()


def count_costs(model, input_shape=None, batch_size=1):
    """Counts what a model or layer computes in a forward pass.

    Nothing is computed: the model runs on shapes alone, and all of Keras'
    operations in it are counted, whoever wrote the layers. The numbers are
    those of inference, exact for the shapes given: borders of padded
    convolutions and masked positions count like all others.

    Args:
        model: `keras.Model` or `keras.Layer` of any kind. If it is not built,
            it is built for the inputs.
        input_shape: tuple, list, dict or `None`, sizes without the batch,
            needed unless the model knows all of them. Several inputs are a list
            or a dictionary as the model takes them; a layer called with several
            arguments takes a dictionary of their names. Defaults to `None`.
        batch_size: int, how many images; operations and memory grow with it.
            Defaults to `1`.

    Returns:
        A `ModelCosts`. A layer that is called twice costs its operations and
        memory twice and its parameters once.

    Raises:
        ValueError: If sizes are missing or do not fit, and for a layer that
            cannot be run on shapes: one with code other than `keras.ops`, or
            with a loop such as `keras.ops.scan`. Recurrent layers of Keras
            are counted, a step times the steps.

    Example:

    >>> import keras
    >>> inputs = keras.Input((8, 8, 3))
    >>> x = keras.layers.Conv2D(16, 3, padding="same", name="conv")(inputs)
    >>> model = keras.Model(inputs, keras.layers.GlobalMaxPooling2D()(x))
    >>> count_costs(model).layers["conv"]
    Costs(parameters=448, flops=55296, activation_bytes=8192)
    >>> 2 * (8 * 8 * 16) * (3 * 3 * 3)
    55296

    Differs from others:
        The convention for `flops` is that of PyTorch's `FlopCounterMode`.
        fvcore and torchvision count the same operations and call a
        multiply-add one, so their numbers are half as large. What is computed
        of weights alone, outside any layer, is not seen: it does not grow
        with the image.

    See also:
        `keras_attention.attention_summary`, which shows what of it is
        attention.
    """
    inputs = symbolic_inputs(model, input_shape, batch_size)
    return sum_costs(model, trace(model, inputs)[1])


def sum_costs(model, calls):
    """Adds up calls.

    Args:
        model: `keras.Model` or `keras.Layer` that was traced.
        calls: list of `Call` that `trace` returned.

    Returns:
        A `ModelCosts`.
    """
    layers = {"": model, **dict(sublayers(model))}
    flops = dict.fromkeys(layers, 0)
    memory = dict.fromkeys(layers, 0)
    for call in calls:
        if call.is_layer:
            continue
        for path in ancestry(call.path):
            flops[path] += call.times * count_flops(call)
            memory[path] += call.times * count_bytes(call)
    costs = {
        path: Costs(_parameters(layer), flops[path], memory[path])
        for path, layer in layers.items()
    }
    unknown = dict.fromkeys(
        f"{call.path or model.name}: {type(call.operation).__name__}"
        for call in calls
        if type(call.operation).__name__ in _UNKNOWN
    )
    return ModelCosts(costs.pop(""), costs, tuple(unknown))


def ancestry(path):
    """`"a/b"` as `["", "a", "a/b"]`: the model, and inwards."""
    names = path.split("/") if path else []
    return ["/".join(names[:end]) for end in range(len(names) + 1)]


def _parameters(layer):
    return sum(math.prod(weight.shape) for weight in layer.weights)


def count_bytes(call):
    """Bytes of what an operation makes."""
    name = type(call.operation).__name__
    if name in _VIEWS or (name in _CASTS and _keeps_dtype(call)):
        return 0
    return sum(tensor_bytes(output) for output in call.outputs)


def tensor_bytes(x):
    """Bytes of a tensor, or of a `keras.KerasTensor` of known shape."""
    dtype = keras.backend.standardize_dtype(x.dtype)
    bits = 8 if dtype == "bool" else int(re.search(r"\d+", dtype)[0])
    return math.ceil(math.prod(x.shape) * bits / 8)


def _keeps_dtype(call):
    return [x.dtype for x in call.inputs] == [x.dtype for x in call.outputs]


_CASTS = {"Cast", "ConvertToTensor"}
# Another shape of the same memory, on every backend.
_VIEWS = {"ExpandDims", "Ravel", "Reshape", "Squeeze", "StopGradient"}


def count_flops(call):
    """Floating-point operations of one call; 0 for what is not counted."""
    formula = _FORMULAS.get(type(call.operation).__name__)
    if formula is None:
        return 0
    shapes = [tuple(x.shape) for x in call.args if hasattr(x, "shape")]
    return 2 * formula(call.operation, call.outputs[0].shape, *shapes)


# Multiply-adds, of the operation, the shape of its result and of its inputs.


def _matmul(_, result, left, right):
    return math.prod(result) * left[-1]


def _dot(_, result, left, right):
    # Of a scalar it is an element-wise product.
    return math.prod(result) * left[-1] if left and right else 0


def _vdot(_, result, left, right):
    return math.prod(left)


def _tensordot(operation, result, left, right):
    axes = operation.axes
    if isinstance(axes, int):
        summed = left[len(left) - axes :]
    else:
        summed = [left[axis] for axis in axes[0]]
    return math.prod(result) * math.prod(summed) if summed else 0


def _einsum(operation, result, *shapes):
    terms, _, output = operation.subscripts.partition("->")
    terms = terms.split(",")
    if "->" not in operation.subscripts:
        letters = "".join(terms).replace(".", "")
        output = "".join(c for c in letters if letters.count(c) == 1)
        output += "..." * ("..." in operation.subscripts)
    operands = [
        _axes(term, shape) for term, shape in zip(terms, shapes, strict=True)
    ]
    rank = max(sum(isinstance(axis, int) for axis in x) for x in operands)
    kept = {*output, *(range(-rank, 0) if "..." in output else ())}
    return _contract(operands, kept)


def _axes(term, shape):
    """Axis to size; the axes of an ellipsis are numbered from the right."""
    before, ellipsis, after = term.partition("...")
    count = len(shape) - len(before) - len(after)
    axes = [*before, *range(-count, 0), *after] if ellipsis else list(before)
    return dict(zip(axes, shape, strict=True))


def _contract(operands, kept):
    """Pair by pair from the left; what one has alone is summed before."""
    total = 0
    left, *rest = operands
    for place, right in enumerate(rest, start=1):
        needed = kept.union(*operands[place + 1 :])
        left = {a: n for a, n in left.items() if a in needed or a in right}
        right = {a: n for a, n in right.items() if a in needed or a in left}
        shared = [a for a in left if a in right and a not in needed]
        sizes = {
            axis: max(left.get(axis, 1), right.get(axis, 1))
            for axis in {**left, **right}
        }
        if shared:
            total += math.prod(sizes.values())
        left = {a: n for a, n in sizes.items() if a in needed}
    return total


def _attention(_, result, query, key, value, *others):
    batch, queries, heads, size = query
    return batch * heads * queries * key[1] * (size + value[-1])


def _conv(operation, result, features, kernel):
    # Every position of the result sees the kernel; (b, *grid, c) or c first.
    return _positions(operation, result) * math.prod(kernel)


def _separable_conv(operation, result, features, depthwise, pointwise):
    return _positions(operation, result) * (
        math.prod(depthwise) + math.prod(pointwise)
    )


def _conv_transpose(operation, result, features, kernel):
    # Every position of the features writes the kernel.
    return _positions(operation, features) * math.prod(kernel)


def _positions(operation, shape):
    first = operation.data_format == "channels_first"
    return math.prod((shape[0], *(shape[2:] if first else shape[1:-1])))


# More than a few steps for every number in their result, and no formula here.
_UNKNOWN = {
    *("CDist", "Cholesky", "CholeskyInverse", "Convolve", "Correlate", "Det"),
    *("Eig", "Eigh", "FFT", "FFT2", "GaussianBlur", "IFFT2", "IRFFT", "ISTFT"),
    *("Inv", "JVP", "Logdet", "Lstsq", "LuFactor", "MatrixRank", "Pinv", "Qr"),
    *("RFFT", "SSIM", "STFT", "SVD", "SobelEdges", "Solve", "SolveTriangular"),
}
_FORMULAS = {
    "Conv": _conv,
    "ConvTranspose": _conv_transpose,
    "DepthwiseConv": _conv,
    "Dot": _dot,
    "DotProductAttention": _attention,
    "Einsum": _einsum,
    "Inner": _dot,
    "Matmul": _matmul,
    "SeparableConv": _separable_conv,
    "Tensordot": _tensordot,
    "Vdot": _vdot,
}
