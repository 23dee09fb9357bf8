"""Jetley's compatibility: a direction in which query and key are added."""

import keras
import numpy as np
import pytest

from keras_attention import alignments
from keras_attention import scores

pytestmark = pytest.mark.computing


@pytest.fixture
def tensors():
    rng = np.random.default_rng(0)
    query = rng.normal(size=(2, 3, 8)).astype("float32")
    features = rng.normal(size=(2, 5, 8)).astype("float32")
    return query, features


@pytest.mark.parametrize("num_heads", [1, 2])
@pytest.mark.parametrize("key_dim", [None, 3])
def test_parametrized(tensors, num_heads, key_dim):
    query, features = tensors
    layer = scores.get("parametrized", num_heads=num_heads, key_dim=key_dim)
    result = keras.ops.convert_to_numpy(layer(query, features))
    by_name = {
        w.path.split("/", 1)[1]: keras.ops.convert_to_numpy(w)
        for w in layer.weights
    }
    if key_dim is not None:
        query = query @ by_name["query/kernel"]
        features = features @ by_name["key/kernel"]
    q = query.reshape(2, 3, 1, num_heads, -1)
    k = features.reshape(2, 1, 5, num_heads, -1)
    expected = np.einsum("bqnha,ha->bhqn", q + k, by_name["vector"])
    np.testing.assert_allclose(result, expected, atol=1e-5)


def test_competing_positions_do_not_see_the_query(tensors):
    query, features = tensors
    layer = scores.get("parametrized")
    first, second = (layer(q, features) for q in (query, 3 * query + 1))
    softmax, sigmoid = alignments.get("softmax"), alignments.get("sigmoid")
    difference = [
        np.abs(
            keras.ops.convert_to_numpy(alignment(first))
            - keras.ops.convert_to_numpy(alignment(second))
        ).max()
        for alignment in (softmax, sigmoid)
    ]
    assert difference[0] < 1e-5 < 1e-2 < difference[1]
