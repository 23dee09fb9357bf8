"""Changes to ONNX files: names, zeros around maps, float16 and int8."""

import os

import numpy as np

# Beyond this, float16 is infinite; tiny tensors are not worth a cast.
_LARGEST_FLOAT16 = 65504
_SMALLEST_SIZE = 16


def rename_outputs(path, names):
    """Gives the outputs of a file other names, in their order."""
    import onnx

    model = onnx.load(path)
    for output, name in zip(model.graph.output, names, strict=True):
        # Behind an identity: one tensor may be several outputs, or be used.
        model.graph.node.append(
            onnx.helper.make_node("Identity", [output.name], [name])
        )
        output.name = name
    onnx.save(model, path)


def fix_inputs(path, arrays):
    """Gives inputs of a file the values that they always have, by name."""
    import onnx

    model = onnx.load(path)
    graph = model.graph
    names = [tensor.name for tensor in graph.input if tensor.name in arrays]
    graph.initializer.extend(
        onnx.numpy_helper.from_array(arrays[name], name) for name in names
    )
    free = [tensor for tensor in graph.input if tensor.name not in names]
    del graph.input[:]
    graph.input.extend(free)
    onnx.save(model, path)


def keep_zeros_around_maxima(path):
    """Lets zeros around a map take part in the maximum behind them.

    ONNX Runtime moves a zero padding into the pooling that follows, also into
    a maximum, whose own padding is -inf: wrong where a map is negative, as at
    the start of a ResNetV2. It compares the bytes of the value with zero, so
    -0.0, which is as large, is left where it is.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    pooled = {node.input[0] for node in graph.node if node.op_type == "MaxPool"}
    pads = [
        node
        for node in graph.node
        if node.op_type == "Pad" and node.output[0] in pooled
    ]
    zero, values = np.float32(-0.0), _constants(graph)
    for node in pads:
        value = node.input[2] if len(node.input) > 2 else ""
        if value and values.get(value) != 0:
            continue
        name = f"{node.output[0]}_zero"
        graph.initializer.append(onnx.numpy_helper.from_array(zero, name))
        node.input[:] = [*node.input[:2], name, *node.input[3:]]
    onnx.save(model, path)


def reach_whole_sizes(path):
    """Lets a resized map have the size that it was resized to.

    A file says by how much, in float32, and sizes are rounded down: 3 times
    1.6666666 are 4 positions, not 5, and what is added to them does not fit.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    scales = {
        node.input[2]
        for node in graph.node
        if node.op_type == "Resize" and len(node.input) > 2
    }
    for tensor in graph.initializer:
        if tensor.name in scales:
            values = onnx.numpy_helper.to_array(tensor)
            above = np.nextafter(values, np.float32(np.inf))
            values = np.where(values % 1, above, values)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, tensor.name))
    onnx.save(model, path)


def store_float16(path):
    """Stores the weights of a file in float16, and casts them when loaded.

    Everything is computed in float32 still, as LiteRT does with float16
    weights: the file is half as large, and no slower.
    """
    import onnx

    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        largest = np.abs(values).max(initial=0)
        if values.size < _SMALLEST_SIZE or largest > _LARGEST_FLOAT16:
            continue
        name, short = tensor.name, f"{tensor.name}_float16"
        tensor.CopyFrom(
            onnx.numpy_helper.from_array(values.astype("float16"), short)
        )
        casts.append(
            onnx.helper.make_node(
                "Cast", [short], [name], to=onnx.TensorProto.FLOAT
            )
        )
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    # A weight that is listed among the inputs too is listed in float32.
    inputs = [i for i in graph.input if i.name not in _outputs_of(casts)]
    del graph.input[:]
    graph.input.extend(inputs)
    onnx.save(model, path)


def quantize_int8(path, input_name, calibration):
    """Stores the weights of a file in eight bits, with ONNX Runtime.

    With images for calibration, convolutions and matrix products take and
    give int8; scores, their alignment and everything else stays float32.
    Without, inputs of these products are quantized while the file runs.
    """
    from onnxruntime import quantization

    quantized = f"{path}.int8"
    if calibration is None:
        quantization.quantize_dynamic(
            path,
            quantized,
            # The only kind of weight whose convolution runs on every CPU.
            weight_type=quantization.QuantType.QUInt8,
        )
    else:
        quantization.quantize_static(
            path,
            quantized,
            _Reader(input_name, calibration),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv", "Gemm", "MatMul"],
            per_channel=True,
        )
    os.replace(quantized, path)


class _Reader:
    """Images one by one, in the way that ONNX Runtime asks for them."""

    def __init__(self, input_name, images):
        self.feeds = (
            {input_name: images[n : n + 1]} for n in range(len(images))
        )

    def get_next(self):
        return next(self.feeds, None)


def _constants(graph):
    """The scalars among the constants of a graph, by name."""
    import onnx

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value":
                    tensors[node.output[0]] = attribute.t
    arrays = {
        name: onnx.numpy_helper.to_array(tensor)
        for name, tensor in tensors.items()
        if np.prod(tensor.dims) == 1
    }
    return {name: array.item() for name, array in arrays.items()}


def _outputs_of(nodes):
    return {name for node in nodes for name in node.output}
