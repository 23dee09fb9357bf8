"""What layers share in which positions are compared with positions."""

from keras import ops

from keras_attention.ops import at_least_float32


def weigh(weights, values):
    """`(b, heads, n, m) x (b, heads, m, dim)`, in float32."""
    # In float16 the weights of a large map would be rounded to 0.
    return ops.matmul(weights, at_least_float32(values))


def refuse_large_map(layer, features_shape, num_heads=1, sub_sample=1):
    """Raises `ValueError` before a map too large runs out of memory.

    Args:
        layer: `AttentionLayer2D` with an argument `max_positions`.
        features_shape: tuple `(batch, height, width, channels)`; unknown sizes
            pass, until they are known.
        num_heads: int, number of heads, for the estimate in the message.
            Defaults to `1`.
        sub_sample: int, positions for every key, for the estimate too. Defaults
            to `1`.
    """
    height, width = features_shape[1:3]
    if None in (layer.max_positions, height, width):
        return
    positions = height * width
    if positions > layer.max_positions:
        gigabytes = 4e-9 * num_heads * positions**2 / sub_sample
        raise ValueError(
            f"{type(layer).__name__} compares positions in pairs: the weights "
            f"of a single image of {height} x {width} positions take "
            f"{gigabytes:.1f} GB. Received: {positions} positions with "
            f"max_positions={layer.max_positions}. Attend to a smaller map, "
            "or raise max_positions (None sets no limit)."
        )
