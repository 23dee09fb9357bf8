"""TensorFlow's operations that tf2onnx has no words for."""

import functools

import numpy as np


@functools.cache
def register_operations():
    """Teaches tf2onnx `erfc`, of which the exact GELU of Keras is made."""
    from tf2onnx.handler import tf_op

    tf_op("Erfc")(_Erfc)


class _Erfc:
    """`erfc(x) = 1 - erf(x)`, in the way that tf2onnx looks for it."""

    @classmethod
    def version_9(cls, ctx, node, **kwargs):
        name, dtypes = node.output[0], node.output_dtypes
        shapes, inputs = node.output_shapes, list(node.input)
        ctx.remove_node(node.name)
        erf = ctx.make_node("Erf", inputs, shapes=shapes, dtypes=dtypes)
        one = ctx.make_const(f"{name}_one", np.float32(1))
        ctx.make_node(
            "Sub",
            [one.output[0], erf.output[0]],
            outputs=[name],
            name=node.name,
            shapes=shapes,
            dtypes=dtypes,
        )
