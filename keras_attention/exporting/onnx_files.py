"""Changes to ONNX files: names, float16 and int8."""

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


def _outputs_of(nodes):
    return {name for node in nodes for name in node.output}
