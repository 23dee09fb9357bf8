"""Numbers near the limits of their dtype."""

import keras
import numpy as np
import pytest
from gradients import gradients

from keras_attention.ops import finite
from keras_attention.ops import products
from keras_attention.ops import squared_distances

pytestmark = pytest.mark.computing
QUERIES = np.array([[[[1.0, 1.0]]]], "float32")
KEYS = np.array([[[[-3.0, 2.0], [1.0, 1.5], [2.0, -2.5]]]], "float32")


@pytest.mark.parametrize("size", [1.0, 1e10, 1e30])
@pytest.mark.parametrize("function", [products, squared_distances])
def test_pairs_of_any_size_keep_their_order(function, size):
    size = np.float32(size)
    # Several queries: with a single one, distances need no products.
    queries = np.concatenate([QUERIES, -QUERIES], axis=2) * size
    seen, _ = gradients(function, [queries, KEYS * size])
    expected, _ = gradients(
        function, [queries.astype("float64") / size, KEYS.astype("float64")]
    )
    assert np.isfinite(seen).all()
    np.testing.assert_array_equal(seen.argsort(-1), expected.argsort(-1))


def test_products_that_fit_are_left_alone():
    seen, _ = gradients(products, [QUERIES, KEYS * np.float32(1e30)])
    np.testing.assert_allclose(seen[0, 0, 0], [-1e30, 2.5e30, -5e29], 1e-6)


def test_float16_saturates():
    large = np.array([1e6, -np.inf, 3.0, np.nan], "float32")
    seen = keras.ops.convert_to_numpy(finite(large, "float16"))
    np.testing.assert_array_equal(seen, [65504, -65504, 3, np.nan])
    seen = keras.ops.convert_to_numpy(finite(large))
    np.testing.assert_array_equal(seen, large)
