"""Maps, tokens, heads and resizing."""

import keras
import numpy as np
import pytest

from keras_attention import ops

pytestmark = pytest.mark.computing


def test_tokens_and_back():
    x = np.arange(2 * 3 * 5 * 4, dtype="float32").reshape(2, 3, 5, 4)
    tokens = keras.ops.convert_to_numpy(ops.map_to_tokens(x))
    np.testing.assert_array_equal(tokens, x.reshape(2, 15, 4))
    weights = tokens.transpose(0, 2, 1)
    maps = keras.ops.convert_to_numpy(ops.tokens_to_map(weights, (3, 5)))
    np.testing.assert_array_equal(maps, x.transpose(0, 3, 1, 2))


def test_heads_split_and_merge():
    x = np.random.default_rng(0).normal(size=(2, 6, 8)).astype("float32")
    heads = keras.ops.convert_to_numpy(ops.split_heads(x, 4))
    assert heads.shape == (2, 4, 6, 2)
    np.testing.assert_array_equal(heads[:, 1], x[:, :, 2:4])
    merged = keras.ops.convert_to_numpy(ops.merge_heads(heads))
    np.testing.assert_array_equal(merged, x)


def bilinear(x, grid):
    """Half-pixel bilinear resizing with repeated borders, by loops."""
    batch, height, width, channels = x.shape
    out = np.zeros((batch, *grid, channels))
    for i in range(grid[0]):
        for j in range(grid[1]):
            y = np.clip((i + 0.5) * height / grid[0] - 0.5, 0, height - 1)
            z = np.clip((j + 0.5) * width / grid[1] - 0.5, 0, width - 1)
            y0, z0 = int(y), int(z)
            y1, z1 = min(y0 + 1, height - 1), min(z0 + 1, width - 1)
            top = x[:, y0, z0] * (1 - z + z0) + x[:, y0, z1] * (z - z0)
            low = x[:, y1, z0] * (1 - z + z0) + x[:, y1, z1] * (z - z0)
            out[:, i, j] = top * (1 - y + y0) + low * (y - y0)
    return out


@pytest.mark.parametrize("grid", [(3, 4), (6, 8), (7, 9), (2, 3), (1, 1)])
def test_resize_equals_loops_static_and_dynamic(grid):
    x = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    expected = bilinear(x, grid)
    static = keras.ops.convert_to_numpy(ops.resize_map(x, grid))
    np.testing.assert_allclose(static, expected, atol=1e-5)

    class Resize(keras.layers.Layer):
        def call(self, x, like):
            return ops.resize_map(x, keras.ops.shape(like)[1:3])

        def compute_output_shape(self, x_shape, like_shape):
            return (*like_shape[:3], x_shape[3])

    inputs = [keras.Input((None, None, 5)), keras.Input((None, None, 1))]
    model = keras.Model(inputs, Resize()(*inputs))
    # TensorFlow traces unknown sizes only once it has seen two of them.
    model.predict([x[:, :, 1:], np.zeros((2, 5, 5, 1))], verbose=0)
    model.predict([x[:, 1:], np.zeros((2, 6, 9, 1))], verbose=0)
    like = np.zeros((2, *grid, 1), "float32")
    dynamic = model.predict([x, like], verbose=0)
    np.testing.assert_allclose(dynamic, expected, atol=1e-5)


def test_masked_places_are_zero_even_where_nan():
    x = np.full((1, 1, 2, 1), np.nan, "float32")
    x[0, 0, 0, 0] = 3
    hidden, mask = ops.hide_masked(x, np.array([[[True, False]]]))
    hidden = keras.ops.convert_to_numpy(hidden)
    np.testing.assert_array_equal(hidden.ravel(), [3, 0])
    assert tuple(mask.shape) == (1, 1, 1, 2)
