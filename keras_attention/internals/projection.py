"""The linear maps inside scores and layers, as sub-layers."""

import keras


def projection(axes, units, name, dtype, use_bias=True, initializer=None):
    """A linear map of the last axis that quantizes to int8 and exports.

    Args:
        axes: One letter for every other axis: `"bn"` for tokens, `"bhw"` for
            maps.
        units: Size of the last axis of the result.
        name: Of the sub-layer.
        dtype: A dtype or a policy.
        use_bias: Whether it has a bias.
        initializer: Of the kernel, a `keras.initializers.Initializer`; each
            map gets its own copy. `None` is Glorot-uniform.

    Returns:
        A Keras layer, not built.

    Example:

    >>> dense = projection("bn", 5, name="key", dtype="float32")
    >>> dense.compute_output_shape((2, None, 3))
    (2, None, 5)
    """
    # A Dense layer on unknown sizes is a tensordot under TensorFlow, which
    # ONNX's converter gets wrong; an einsum it does not.
    return keras.layers.EinsumDense(
        f"{axes}c,cd->{axes}d",
        (*[None] * (len(axes) - 1), units),
        bias_axes="d" if use_bias else None,
        kernel_initializer=(
            "glorot_uniform" if initializer is None else initializer.clone()
        ),
        name=name,
        dtype=dtype,
    )
