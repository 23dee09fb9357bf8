"""The location score: positions by number, whatever stands there."""

import keras
import numpy as np
import pytest

from keras_attention import scores

pytestmark = pytest.mark.computing


@pytest.fixture
def query():
    return np.random.default_rng(0).normal(size=(2, 3, 6)).astype("float32")


@pytest.mark.parametrize("key_dim", [None, 4])
def test_location(query, key_dim):
    features = np.random.default_rng(1).normal(size=(2, 5, 8))
    layer = scores.get("location", num_heads=2, key_dim=key_dim)
    result = keras.ops.convert_to_numpy(layer(query, features))
    matrix = layer.query_dense.get_weights()[0].reshape(6, 2, key_dim or 5)
    if key_dim is not None:
        factor = keras.ops.convert_to_numpy(layer.matrix)
        assert factor.shape == (2, 4, 5)
        matrix = np.einsum("cha,han->chn", matrix, factor)
    expected = np.einsum("bqc,chn->bhqn", query, matrix)
    np.testing.assert_allclose(result, expected, atol=1e-5)
    # The features are not looked at, not even NaN.
    other = layer(query, np.full((2, 5, 8), np.nan))
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(other), result)


def test_positions_must_be_known(query):
    with pytest.raises(ValueError, match="must be known.*None, None, 8"):
        scores.get("location")(query, keras.Input((None, 8)))


def test_positions_stay_the_same(query):
    layer = scores.get("location")
    layer(query, np.ones((2, 5, 8)))
    for features in (np.ones((2, 6, 8)), keras.Input((6, 8))):
        with pytest.raises(ValueError, match="for 5 positions.*6, 8"):
            layer(query, features)


def test_only_location_needs_to_know():
    needing = [k for k in scores.available() if scores.get(k).needs_static_size]
    assert needing == ["location"]
