"""The linear maps inside scores and layers, as sub-layers."""

import keras


def projection(axes, units, name, dtype, use_bias=True, initializer=None):
    """A linear map of the last axis that quantizes to int8 and exports.

    Args:
        axes: str, one letter for every other axis: `"bn"` for tokens, `"bhw"`
            for maps.
        units: int, size of the last axis of the result.
        name: str, of the sub-layer.
        dtype: str or `keras.DTypePolicy`.
        use_bias: bool, whether it has a bias. Defaults to `True`.
        initializer: `keras.initializers.Initializer` or `None`, of the kernel;
            each map gets its own copy. `None` is Glorot-uniform. Defaults to
            `None`.

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
