"""Squared distances by way of a product, against differences in float64."""

import numpy as np
import pytest
from gradients import MODES
from gradients import gradients

from keras_attention import ops

pytestmark = pytest.mark.computing


def differences(queries, keys):
    return queries[:, :, :, None] - keys[:, :, None]


@pytest.fixture
def arrays():
    rng = np.random.default_rng(0)
    # As after a ReLU: a large mean that all have in common.
    shapes = ((2, 3, 5, 8), (2, 3, 6, 8))
    return [rng.normal(20, size=shape).astype("float32") for shape in shapes]


@pytest.mark.parametrize("mode", MODES)
def test_values_and_gradients(arrays, mode):
    direction = np.random.default_rng(1).normal(size=(2, 3, 5, 6))
    value, (of_queries, of_keys) = gradients(
        ops.squared_distances, arrays, direction, mode
    )
    between = differences(*(x.astype("float64") for x in arrays))
    np.testing.assert_allclose(value, (between**2).sum(-1), rtol=1e-5)
    pulled = 2 * direction[..., None] * between
    np.testing.assert_allclose(of_queries, pulled.sum(3), atol=1e-3)
    np.testing.assert_allclose(of_keys, -pulled.sum(2), atol=1e-3)


@pytest.mark.parametrize("offset", [0, 1e3, 1e6])
def test_one_query_loses_no_digits(offset):
    rng = np.random.default_rng(0)
    query = (rng.normal(size=(1, 1, 1, 8)) + offset).astype("float32")
    # A thousandth away: of vectors 1e6 long, 1e-9 of their length.
    keys = (query + 1e-3 * rng.normal(size=(1, 1, 9, 8))).astype("float32")
    expected = (differences(query, keys).astype("float64") ** 2).sum(-1)
    seen, _ = gradients(ops.squared_distances, [query, keys])
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_never_negative_and_finite_gradients_where_equal(arrays):
    same = arrays[0] * 100
    value, pulled = gradients(ops.squared_distances, [same, same])
    assert (value >= 0).all()
    diagonal = np.diagonal(value, axis1=2, axis2=3)
    lengths = (same.astype("float64") ** 2).sum(-1)
    assert (diagonal <= 1e-6 * lengths).all()
    assert all(np.isfinite(x).all() for x in pulled)
